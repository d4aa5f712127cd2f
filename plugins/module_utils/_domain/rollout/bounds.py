# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a contract's bounds are those that the customer's administrators have applied; under others nothing is
changed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..._vocabulary.owner import Owner
from ..contract.bounds import differing_clauses
from ..contract.typed import Contract
from .blockers import Blocker

Data = Mapping[str, Any]

OTHER_BOUNDS = "other_bounds"
NEXT_STEP = (
    "the customer's administrator applies them (ansible-playbook fireworks.byoc.presetup -i <inventory> "
    "-e clusters=<cluster> -e admin_kubeconfig=<path>), or the contract says again what is in the cluster"
)
_LONGEST, _MOST = 80, 20


def other_bounds(contract: Contract, recorded: Data | None) -> str:
    """Each clause in which a contract differs from the bounds in force, in words; empty where none does.

    :param recorded: of ``remembered_bounds``: older prerequisites remember none, and everything goes on as before.
    """
    clauses = [] if recorded is None else differing_clauses(recorded, contract)
    if not clauses:
        return ""
    more = f"; and {len(clauses) - _MOST} more" if len(clauses) > _MOST else ""
    return f"the contract has other bounds than the cluster (-> the contract's): {_told(clauses[:_MOST])}{more}"


def under_other_bounds(live: Data) -> list[Blocker]:
    """What is in the way of every change; nothing where the bounds are those in force. :param live: see ``case``."""
    reason = str(live.get(OTHER_BOUNDS) or "")
    return [Blocker(OTHER_BOUNDS, reason, Owner.CUSTOMER)] if reason else []


def _told(clauses: Sequence[Data]) -> str:
    return "; ".join(f"{one['clause']} {_shown(one['recorded'])} -> {_shown(one['said'])}" for one in clauses)


def _shown(value: Any) -> str:
    text = "not there" if value is None else json.dumps(value, sort_keys=True, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
