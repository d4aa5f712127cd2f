# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A finding: a fault, its evidence, what is recommended, whose move it is, and what it touches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Finding:
    """One fault of one GPU, pod, node or source. docs/health.md explains each key; their names do not change.

    id: the same for the same fault of the same thing in each assessment. node: empty where it is of the whole cluster.
    gpu: uuid, index and pci, as far as they are known; None where it is of no GPU in particular. at, since: the newest
    and the oldest evidence, in RFC 3339, empty where no source knows. action: what is recommended; allowed: whether
    Fireworks may do it (never, approve, auto). quarantine: whether new work has to keep away. replicas: the replicas of
    models that it touches; replicas_exact: whether those only, or all on the node since nobody knows which.
    decided_by: policy, override, driver, recurrence, stale, unconfirmed, rebooted or leaving. why: the same in words.
    """

    id: str
    fault: str
    title: str
    node: str
    gpu: dict[str, str] | None
    pod: str
    severity: str
    action: str
    allowed: str
    quarantine: bool
    owner: str
    contact: dict[str, str]
    ask: str
    at: str
    since: str
    evidence: list[dict[str, Any]]
    recurrence: dict[str, Any]
    replicas: list[dict[str, Any]]
    replicas_exact: bool
    confidence: str
    decided_by: str
    why: str
    policy: str

    def as_dict(self) -> dict[str, Any]:
        """The finding as plain data."""
        return asdict(self)


def place(finding: Mapping[str, Any]) -> str:
    """Where a finding is, as people say it: the node, and the GPU or the pod on it."""
    where = str(finding["node"] or "the cluster")
    if gpu := finding["gpu"]:
        names = [f"GPU {gpu['index']}" if gpu["index"] else "a GPU", gpu["uuid"] or gpu["pci"]]
        return f"{where}, {' '.join(filter(None, names))}"
    return f"{where}, pod {finding['pod']}" if finding["pod"] else where
