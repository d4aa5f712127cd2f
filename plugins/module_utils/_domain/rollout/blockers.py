# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that is in the way of a change, in the order in which it is told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..._vocabulary.owner import NO_CONTACT, Owner
from ..._vocabulary.wording import assignee
from ..contract.typed import Contract
from ..people import contact

Data = Mapping[str, Any]

ERROR_BUDGET = "error_budget"
"""A model's budget is spent: a change of it, or a drain that can wait, waits unless somebody approves it."""
# Whom of the customer's to ask.
_TOPICS = {
    "offline": "networking", "old_kubernetes": "account", "missing_permissions": "security", "other_bounds": "security"
}  # fmt: skip
_ORDER = (
    "other_bounds", "unfinished_upgrade", "other_release", "other_models", "wrong_source", "old_kubernetes",
    "missing_permissions", "failed_before", "unhealthy", "locked", "frozen", "outside_window", "would_not_finish",
    "approval", "eviction_not_granted", "budget", ERROR_BUDGET, "earlier_wave",
)  # fmt: skip


@dataclass(frozen=True)
class Blocker:
    """One thing that is in the way.

    :param code: in one word, for programs; ``reason`` is for people.
    :param owner: who has to act; nobody where it passes by itself.
    """

    code: str
    reason: str
    owner: Owner = Owner.NOBODY


def in_order(found: Iterable[Blocker]) -> list[Blocker]:
    """What somebody has to act on comes before what passes by itself, and then as in ``_ORDER``."""
    return sorted(found, key=lambda one: (one.owner == Owner.NOBODY, _place(one.code)))


def _place(code: str) -> int:
    return _ORDER.index(code) if code in _ORDER else -1


def all_reasons(found: Sequence[Blocker]) -> str:
    """All of them in one text; who has to act is said where that is somebody other than for the first."""
    first, *others = found
    return "; ".join([first.reason, *(f"also{_for(one, first)}: {one.reason}" for one in others)])


def _for(one: Blocker, first: Blocker) -> str:
    return f" ({assignee(one.owner)})" if one.owner not in (Owner.NOBODY, first.owner) else ""


def blocker_data(contract: Contract, one: Blocker, thing: str = "") -> dict[str, Any]:
    """A blocker as plans and outcomes have it. :param thing: what it blocks, where that is not the whole cluster."""
    asked = contact(contract, _TOPICS.get(one.code, "support")) if one.owner == Owner.CUSTOMER else dict(NO_CONTACT)
    return {"object": thing, "code": one.code, "what": one.reason, "owner": one.owner.value, "contact": asked}


def waits_for_approval(blockers: Iterable[Data]) -> bool:
    """Whether an approval is among what is missing."""
    return any(one["code"] == "approval" for one in blockers)
