# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of the credentials and grants of a cluster end, when, and which of them soon."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..access.eviction_grant import granted_in
from ..moments import seconds_at, shown_moment

Data = Mapping[str, Any]

_DAY = 86400.0
SOON = 14 * _DAY
"""Of what lives for months. Of what lives shorter, the last half of its life: then it is renewed."""


@dataclass(frozen=True)
class Lifetime:
    """Of a credential, in seconds since 1970. begins: None where it does not say. user: whose it is, where known."""

    what: str
    ends: float
    begins: float | None = None
    user: str = ""


def credential_rows(lifetimes: Iterable[Lifetime], notes: Data, now: float) -> list[dict[str, Any]]:
    """What ends, first what ends first.

    :param notes: the annotations of ``fireworks-system``, where the customer grants evictions.
    """
    grant = granted_in(notes)
    until = seconds_at(grant.until) if grant else None
    every = [*lifetimes, *([Lifetime("the grant of evictions", until)] if until is not None else ())]
    return [_row(one, now) for one in sorted(every, key=lambda one: one.ends)]


def _row(one: Lifetime, now: float) -> dict[str, Any]:
    left = one.ends - now
    soon = SOON if one.begins is None else min(SOON, (one.ends - one.begins) / 2)
    state = "ended" if left <= 0 else "soon" if left <= soon else "valid"
    return {"what": one.what, "user": one.user, "until": shown_moment(one.ends), "left": _text(left), "state": state}


def _text(left: float) -> str:
    if left <= 0:
        return "ended"
    return f"{left / _DAY:.0f} days" if left >= 2 * _DAY else f"{left / 3600:.0f} h"
