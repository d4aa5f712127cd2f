# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The five checks that a cluster passes before production, each with its evidence.

A check has ``passed`` only on evidence. What was not tried is ``unproven``, and says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..._vocabulary.owner import NO_CONTACT, Owner
from ..._vocabulary.wording import action_required
from ..contract.typed import Contract
from ..people import contact
from .checks import autoscaling, endpoints, gpus, observability, routing
from .requests import probe_answers, probe_requests
from .verdict import FAILED, Verdict

__all__ = ["probe_answers", "probe_requests", "validation", "validation_failure"]

_CHECKS = (
    ("gpus", "GPU nodes and scheduling", gpus),
    ("endpoints", "endpoint reachability", endpoints),
    ("routing", "routing and load balancing", routing),
    ("autoscaling", "autoscaling inside the approved GPUs", autoscaling),
    ("observability", "observability signals", observability),
)


def validation(facts: Mapping[str, Any], evidence: Mapping[str, Any], contract: Contract) -> list[dict[str, Any]]:
    """The five checks. ``evidence["probes"]`` holds the answers to the requests that were sent, none if none was."""
    return [_row(code, name, check(facts, evidence, contract), contract) for code, name, check in _CHECKS]


def validation_failure(cluster: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """Why a cluster is not valid, as one message; empty when nothing failed."""
    failed = [row for row in rows if row["result"] == FAILED]
    if not failed:
        return ""
    lines = [f"{cluster} failed {len(failed)} of {len(rows)} checks."]
    lines += [f"{row['check']}: {row['evidence']} {action_required(row['owner'], row['contact'])}" for row in failed]
    return "\n".join(lines)


def _row(code: str, name: str, verdict: Verdict, contract: Contract) -> dict[str, Any]:
    failed = verdict.result == FAILED
    return {
        "cluster": str(contract["identity"]["name"]),
        "code": code,
        "check": name,
        "result": verdict.result,
        "evidence": verdict.evidence,
        "next_step": verdict.next_step,
        "owner": str(Owner.CUSTOMER if verdict.topic else Owner.FIREWORKS) if failed else "",
        "contact": contact(contract, verdict.topic) if failed and verdict.topic else dict(NO_CONTACT),
    }
