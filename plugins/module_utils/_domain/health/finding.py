# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A finding: a fault, its evidence, what is recommended, who has to act, and what it touches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from ..._vocabulary.owner import NO_CONTACT, Contact, Owner


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One fault of one GPU, pod, node or source, from the assessment to the repair; ``node_health_info`` has its keys.

    id: the same for the same fault of the same thing in each assessment. node: empty where it is of the whole cluster.
    gpu: uuid, index and pci, as far as they are known; None where it is of no GPU in particular. at, since: the newest
    and the oldest evidence, in RFC 3339, empty where no source knows. action: what is recommended; allowed: whether
    Fireworks may do it (never, approve, auto). quarantine: whether new work has to keep away. replicas: the replicas of
    models that it touches; replicas_exact: whether those only, or all on the node since nobody knows which.
    decided_by: policy, override, driver, recurrence, stale, unconfirmed, rebooted or leaving. why: the same in words.
    """

    node: str
    fault: str
    action: str
    quarantine: bool
    id: str = ""
    title: str = ""
    gpu: dict[str, str] | None = None
    pod: str = ""
    severity: str = "error"
    allowed: str = ""
    owner: Owner = Owner.NOBODY
    contact: Contact = field(default_factory=lambda: NO_CONTACT)
    ask: str = ""
    at: str = ""
    since: str = ""
    evidence: list[dict[str, Any]] = field(default_factory=list)
    recurrence: dict[str, Any] = field(default_factory=dict)
    replicas: list[dict[str, Any]] = field(default_factory=list)
    replicas_exact: bool = False
    confidence: str = "high"
    decided_by: str = ""
    why: str = ""
    policy: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The finding as plain data."""
        whole = {each.name: getattr(self, each.name) for each in fields(self)}
        return {**whole, "owner": self.owner.value, "contact": dict(self.contact)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Finding:
        """The finding of plain data; what is left out of it, or null, is as it is unless said.

        Raises ValueError where a key is unknown, or one that every finding has is not there.
        """
        known = {each.name: each for each in fields(cls)}
        if unknown := sorted(set(data) - set(known)):
            raise ValueError(f"a finding has no {', '.join(unknown)}; what it has is {', '.join(known)}")
        given = {key: value for key, value in data.items() if value is not None}
        needed = [name for name, its in known.items() if its.default is its.default_factory is MISSING]
        if missing := [name for name in needed if name not in given]:
            raise ValueError(f"a finding lacks {', '.join(missing)}")
        return cls(**{**given, "owner": Owner(given.get("owner", ""))})


def place(finding: Finding) -> str:
    """Where a finding is, as people say it: the node, and the GPU or the pod on it."""
    where = finding.node or "the cluster"
    if gpu := finding.gpu:
        names = [f"GPU {gpu['index']}" if gpu["index"] else "a GPU", gpu["uuid"] or gpu["pci"]]
        return f"{where}, {' '.join(filter(None, names))}"
    return f"{where}, pod {finding.pod}" if finding.pod else where
