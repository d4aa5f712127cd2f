# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of a report for tests and benchmarks: a fleet of any size, with something in every table, always the same."""

from __future__ import annotations

import random
from typing import Any

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.objectives.budget import Budget
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.report.cluster import unreachable
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.report.credentials import (
    Lifetime,
    credential_rows,
)
from tests.unit.domain.agreed import contract, model

MADE = "2026-11-30T06:00:00Z"
NOW = 1_796_018_400.0
"""The same moment."""
_PRODUCTS = ("NVIDIA-H100-80GB-HBM3", "NVIDIA-H200", "NVIDIA-L40S")
_DRIVERS = ("580.82.07", "575.57.08")
_MODELS = ("llama-3-1-8b", "qwen2-5-72b", "mixtral-8x7b")
_FAULTS = (
    ("critical", "xid_79", "drain"),
    ("error", "ecc_uncorrectable", "gpu_reset"),
    ("warning", "thermal", "report"),
)
_STATES = ("good", "good", "good", "good", "failed", "superseded", "withdrawn")


def agreed(number: int) -> dict[str, Any]:
    """The contract of one of them."""
    identity = {"name": f"customer{number // 4}-eu-{number}", "customer": f"customer{number // 4}"}
    promised = [model(name, objectives={"availability": 0.999}) for name in _MODELS]
    return contract(identity=identity, models=promised)


def parts(count: int) -> list[dict[str, Any]]:
    """Their parts of the report."""
    chance = random.Random(7)  # noqa: S311 (the same in each run)
    return [_part(number, chance) for number in range(count)]


def _part(number: int, chance: random.Random) -> dict[str, Any]:
    contract = agreed(number)
    if number % 50 == 49:
        return unreachable(contract, "the API server did not answer within 10 s: connection refused")
    sick = chance.random() < 0.2
    identity = contract["identity"]
    models = [_model(name, chance) for name in _MODELS]
    return {
        "cluster": identity["name"],
        "customer": identity["customer"],
        "state": "degraded" if sick else "ready",
        "stack": chance.choice(("2026.11.1", "2026.12.0")),
        "replicas": "24/24",
        "nodes": "32/32",
        "kubernetes": "1.33.4",
        "reason": "gpu-7: quarantined, not Ready" if sick else "",
        "provider": "aws",
        "region": "eu-west-1",
        "gpus": [_gpus(product, chance) for product in chance.sample(_PRODUCTS, 2)],
        "models": models,
        "budgets": [_budget(name, chance).to_dict() for name in _MODELS],
        "findings": [_finding(chance) for _ in range(chance.randrange(3))] if sick else [],
        "rollouts": [_rollout(number, chance) for number in range(6)],
        "incidents": [_incident(chance)] if chance.random() < 0.03 else [],
        "credentials": credential_rows(
            [Lifetime("the credential of this run", NOW + chance.randrange(-1800, 28800), NOW - 3600, "observer")],
            {},
            NOW,
        ),
        "installed": {},
        "signature": {"driver": {_DRIVERS[number % 5 == 0]: 32}, "product": {_PRODUCTS[0]: 32}},
        "sick": _sick(number) if sick and number % 5 == 0 else [],
        "unread": ["error budgets: telemetry does not answer"] if chance.random() < 0.02 else [],
    }


def _sick(number: int) -> list[dict[str, Any]]:
    return [{"node": f"gpu-{number}", "fault": "xid_79", "traits": {"driver": _DRIVERS[1], "product": _PRODUCTS[0]}}]


def _gpus(product: str, chance: random.Random) -> dict[str, Any]:
    ours = chance.randrange(64)
    others, closed = chance.randrange(128), 8
    free = 256 - ours - others - closed
    counts = {"capacity": 256, "allocatable": 256, "ours": ours, "others": others, "closed": closed, "free": free}
    return {"product": product, "nodes": 32, "ready_nodes": 32, **counts}


def _model(name: str, chance: random.Random) -> dict[str, Any]:
    ready = chance.choice((8, 8, 8, 7))
    status = "ready" if ready == 8 else "1 of 8 replicas is not ready"
    revision = str(chance.randrange(1, 40))
    told = {"revision": revision, "state": "good", "image": "vllm-openai:v0.11.0", "gpus": 8, "status": status}
    return {"model": name, "ready": ready, "replicas": 8, **told}


def _budget(name: str, chance: random.Random) -> Budget:
    if chance.random() < 0.1:
        return Budget(name, "availability", 0.999)
    return Budget(name, "availability", 0.999, "3d", chance.random() * 1.1, 12.0, "2026-11-27T06:00:00Z")


def _finding(chance: random.Random) -> dict[str, Any]:
    severity, fault, action = chance.choice(_FAULTS)
    uuid = f"GPU-5c89ae4f-8c2b-4f6e-9f0e-0c8c3b1f2a{chance.randrange(99)}"
    place = f"gpu-{chance.randrange(32)}, GPU {chance.randrange(8)} {uuid}"
    told = {"since": "2026-11-30T05:12:00Z", "owner": "Acme capacity <capacity@acme.example>"}
    return {"severity": severity, "place": place, "fault": fault, "action": action, **told, "next": "Replace the GPU."}


def _rollout(number: int, chance: random.Random) -> dict[str, Any]:
    day, hour = 1 + chance.randrange(29), chance.randrange(22)
    state = chance.choice(_STATES)
    began, ended = (f"2026-11-{day:02}T{each:02}:14:09Z" for each in (hour, hour + 1))
    of, change = ("the stack", "2026.11.1 to 2026.12.0") if number == 0 else (_MODELS[number % 3], f"revision {number}")
    failure = "4 of 5 requests failed" if state == "failed" else ""
    told = {"began": began, "ended": ended, "requested_by": "sre@fireworks.example", "failure": failure}
    return {"of": of, "change": change, "state": state, **told}


def _incident(chance: random.Random) -> dict[str, Any]:
    nodes = chance.randrange(1, 150)
    action = {
        "owner": "Acme capacity <capacity@acme.example>",
        "since": "2026-11-30T05:20:00Z",
        "asked": "Look at rack r7.",
    }
    told = {
        "incident": chance.randrange(1, 30),
        "severity": "critical",
        "opened": "2026-11-30T05:12:00Z",
        "cause": "the rack r7",
    }
    return {**told, "nodes": nodes, "models": "llama-3-1-8b", **action}
