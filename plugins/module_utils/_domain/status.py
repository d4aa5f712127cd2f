# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One line for each cluster: what is there, what serves, and what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._vocabulary.listing import amount
from .capacity import approved, expected
from .contract.typed import Contract
from .objectives.budget import summary

READY, DEGRADED, ABSENT, UNREACHABLE = "ready", "degraded", "not onboarded", "unreachable"

Data = Mapping[str, Any]


def status_row(contract: Contract, facts: Data | None = None, error: str = "") -> dict[str, str]:
    """The row of one cluster; without facts it is unreachable, for the reason given."""
    identity = contract["identity"]
    row = {
        "cluster": str(identity["name"]),
        "customer": str(identity["customer"]),
        "state": UNREACHABLE,
        "stack": "-",
        "models": "-",
        "replicas": "-",
        "gpus": "-",
        "nodes": "-",
        "kubernetes": "-",
        "budget": "-",
        "reason": error or "no answer",
    }
    if not facts:
        return row
    running = {str(model["name"]): model for model in facts["models"]}
    wanted = [str(model["name"]) for model in contract.get("models") or ()]
    return {
        **row,
        "nodes": f"{facts['nodes']['ready']}/{facts['nodes']['total']}",
        "kubernetes": str(facts["version"]["git"]).removeprefix("v"),
        "gpus": f"{sum(m['gpus'] for m in running.values())}/{sum(approved(contract).values())}",
        "budget": summary(facts.get("budgets")),
        "models": f"{sum(1 for name in wanted if name in running and running[name]['ready'])}/{len(wanted)}",
        "replicas": f"{sum(m['ready'] for m in running.values())}/{sum(m['replicas'] for m in running.values())}",
        **_state(contract, facts, running),
    }


def _state(contract: Contract, facts: Data, running: Mapping[str, Data]) -> dict[str, str]:
    if facts["stack"] is None and not running:
        named = amount(len(contract.get("models") or ()), "model")
        return {"state": ABSENT, "reason": f"nothing of ours is there, and its contract has {named}"}
    stack = facts["stack"] or {"release": "-", "components": ()}
    reasons = [*stack_reasons(facts), *_model_reasons(contract, running), *_node_reasons(facts["nodes"]["problems"])]
    return {"state": DEGRADED if reasons else READY, "stack": str(stack["release"]), "reason": "; ".join(reasons)}


def stack_reasons(facts: Data) -> list[str]:
    """What is wrong with the stack itself."""
    if facts["stack"] is None:
        return ["models run without a stack"]
    components = facts["stack"]["components"]
    found = [f"{c['component']} {c['ready']}/{c['replicas']} ready" for c in components if not c["settled"]]
    if facts["stack"].get("unfinished"):
        found.append(f"the way to {facts['stack']['unfinished']} has not come to its end")
    elif len({c["release"] for c in components}) > 1:
        found.append("components of several releases")
    return found


def _model_reasons(contract: Contract, running: Mapping[str, Data]) -> list[str]:
    wanted = {str(model["name"]): model for model in contract.get("models") or ()}
    found = []
    for name, model in wanted.items():
        there = running.get(name)
        if there is None:
            found.append(f"{name} not deployed")
        elif not there["settled"] or there["ready"] < expected(contract, model, there):
            found.append(f"{name} {there['ready']}/{max(there['replicas'], expected(contract, model, there))} ready")
    return found + [f"{name} runs and is not in the contract" for name in sorted(set(running) - set(wanted))]


def _node_reasons(problems: list[Data]) -> list[str]:
    if not problems:
        return []
    first = f"{problems[0]['node']}: {', '.join(filter(None, (problems[0].get('remediation'), problems[0]['reason'])))}"
    return [first if len(problems) == 1 else f"{len(problems)} nodes with problems ({first}, …)"]
