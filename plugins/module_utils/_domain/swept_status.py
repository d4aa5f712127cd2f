# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that the status of a fleet shows of one cluster, made in one go: a thousand clusters are swept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .access.eviction_grant import grant_line
from .contract.typed import Contract
from .drift import installed
from .presetup_version import older_presetup
from .status import status_row
from .summary import read_outcome

Data = Mapping[str, Any]


def swept_status(contract: Contract, result: Data, began: str, now: str) -> dict[str, Any]:
    """What is kept of a cluster that was read, or was not.

    :param result: of ``cluster_info``, or its failure. :param began: when its reading began; ``now`` it is over.
    :returns: its ``outcome``, ``row`` and ``contract``, the lines on ``older_presetup`` and ``evictions`` (empty where
        there is nothing to say), and what is ``installed``.
    """
    facts = result.get("facts") or {}
    name = str(contract["identity"]["name"])
    return {
        "outcome": read_outcome(contract, result, began, now),
        "row": status_row(contract, facts, str(result.get("msg") or "")),
        "contract": contract,
        "older_presetup": older_presetup(name, facts.get("presetup_version")),
        "evictions": grant_line(facts.get("annotations") or {}, name, now),
        "installed": installed(facts),
    }
