# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that the status of a fleet shows of one cluster, made where it was read: of a thousand, only texts are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from .access.eviction_grant import grant_line
from .contract.typed import Contract
from .drift import drift
from .guardrails.clock import clock_ends
from .presetup_version import older_presetup
from .status import status_row
from .summary import read_outcome

Data = Mapping[str, Any]


def swept_status(
    contract: Contract, result: Data, there: Data, releases: Sequence[Data], began: str, now: str
) -> dict[str, Any]:
    """What is kept of a cluster that was read, or was not.

    :param result: of ``cluster_info``, or its failure. :param there: what is ``installed``, and ``releases`` those of
        it that are known. :param began: when its reading began; ``now`` it is over.
    :returns: its ``outcome``, its ``row`` with what differs from the contract before the reason, and the lines on
        ``older_presetup``, ``evictions`` and ``clock_ends``, empty where there is nothing to say.
    """
    facts = result.get("facts") or {}
    name = str(contract["identity"]["name"])
    row = status_row(contract, facts, str(result.get("msg") or ""))
    reason = row.pop("reason")
    differs = "; ".join(each["what"] for each in drift(contract, there, releases))
    return {
        "outcome": read_outcome(contract, result, began, now),
        "row": {**row, "drift": differs or "-", "reason": reason},
        "older_presetup": older_presetup(name, facts.get("presetup_version")),
        "evictions": grant_line(facts.get("annotations") or {}, name, now),
        "clock_ends": clock_ends(contract, datetime.fromisoformat(now)),
    }
