# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bounds that a model asks for at a moment: its own, or those of the schedule that is open then."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ..contract.typed import Model
from ..contract.windows import Window, parse_window

_A_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Asked:
    """Fewest and most replicas, and the contract's key that says so."""

    fewest: int
    most: int
    key: str


def asked_at(model: Model, moment: datetime | None) -> Asked:
    """What a model asks for; the first schedule that is open wins, and without a moment none is.

    :param moment: with a time zone.
    """
    for index, schedule in enumerate((model.get("scaling") or {}).get("schedules") or ()):
        if moment is not None and is_open(parse_window(schedule), moment):
            return Asked(schedule["min"], schedule["max"], f"scaling.schedules[{index}]")
    return Asked(model["replicas"]["min"], model["replicas"]["max"], "replicas")


def is_open(window: Window, moment: datetime) -> bool:
    """Whether a window is open at a moment (with a time zone).

    How long it stays open is counted in real time, so the night in which clocks change makes it neither longer nor
    shorter. A start that this night skips counts as if the clocks had not been changed yet, one that it repeats counts
    the first time.
    """
    local = moment.astimezone(window.zone).replace(tzinfo=None)
    # A day more on both sides than the clock says: the clock may have been changed in between.
    openings = window.rule.between(local - window.duration - _A_DAY, local + _A_DAY, inc=True)
    starts = (opening.replace(tzinfo=window.zone).astimezone(UTC) for opening in openings)
    return any(start <= moment < start + window.duration for start in starts)
