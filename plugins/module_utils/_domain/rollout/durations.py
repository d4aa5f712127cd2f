# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long past operations took, from the records of a cluster."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..._vocabulary.others_json import read_json
from ..outcome import Result
from .approval import moment


def past_durations(lines: Iterable[str], operation: str) -> list[float]:
    """Seconds that the operation took whenever it was carried out to its end, oldest first.

    What is no record is left out, for an estimate proves nothing: whether records hold is ``record_check``'s to say.

    :param lines: of the files of records of one cluster.
    """
    found = []
    for line in lines:
        try:
            record = read_json(line)
            if record["operation"] == operation and record["result"] == Result.DONE:
                found.append(_took(record))
        except (ValueError, TypeError, KeyError):
            continue
    return [seconds for _ended, seconds in sorted(found)]


def _took(record: Mapping[str, Any]) -> tuple[str, float]:
    ended = moment(record["ended"])
    return ended.isoformat(), (ended - moment(record["started"])).total_seconds()
