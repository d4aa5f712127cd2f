# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The five checks themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..._vocabulary.listing import amount
from ..capacity import approved, expected, gpus_per_replica, may_sleep, most_replicas, replicas
from ..contract.defaults import said
from ..contract.schema import SCHEMA
from ..contract.typed import Contract, Model
from ..names import GPU, MANAGED_BY, MODELS_NAMESPACE, ROUTER, SYSTEM_NAMESPACE, TELEMETRY
from ..quantity import count
from .scalers import judged
from .verdict import FAILED, PASSED, UNPROVEN, Verdict

Data = Mapping[str, Any]
NO_REQUEST = "no request was sent"
_INSTALL = "run fireworks.byoc.onboard, which installs what is missing"
_PODS = "see why pods do not run: fireworks.byoc.models, and fireworks.byoc.logs -e of=<model, router or telemetry>"
_QUOTA = "have the prerequisites applied: fireworks.byoc.presetup"
_SCALER = "see what the autoscaler that is named reports: kubectl describe"
_PATH = (
    "see what answers: fireworks.byoc.logs; where the API server has no path to pods (simulated ones answer nothing), "
    "add -e validate_http_request=false"
)


def gpus(facts: Data, _evidence: Data, contract: Contract) -> Verdict:
    """GPU nodes are ready, and the models' pods were scheduled onto them and run."""
    nodes = facts["nodes"]
    state = f"{nodes['gpu_ready']} of {nodes['gpu']} GPU nodes ready"
    if not nodes["gpu_ready"]:
        return Verdict(FAILED, f"{state}.", "make GPU nodes ready that models may use", "capacity")
    wanted = contract.get("models") or ()
    if not wanted:
        return Verdict(UNPROVEN, f"{state}; no model asks for a GPU yet.")
    running = {str(model["name"]): model for model in facts["models"]}
    short = [text for text in (_short(contract, model, running.get(str(model["name"]))) for model in wanted) if text]
    if short:
        return Verdict(FAILED, f"{state}; {', '.join(short)}.", _PODS)
    held = sum(running[str(model["name"])]["gpus"] for model in wanted)
    return Verdict(PASSED, f"{state}; {amount(len(wanted), 'model')} on {amount(held, 'GPU')}, every replica ready.")


def _short(contract: Contract, model: Model, there: Data | None) -> str:
    """What a model lacks, in words; empty when it has all its replicas."""
    if there is None:
        return f"{model['name']} is not deployed"
    least = expected(contract, model, there)
    if there["settled"] and there["ready"] >= least:
        return ""
    return f"{model['name']} has {there['ready']} of {max(there['replicas'], least)} replicas ready"


def endpoints(facts: Data, evidence: Data, contract: Contract) -> Verdict:
    """Every model has ready endpoints, and they answer."""
    ready = _ready(facts)
    running = {str(model["name"]): model for model in facts["models"]}
    wanted = {
        str(model["name"]): expected(contract, model, running.get(str(model["name"])))
        for model in contract.get("models") or ()
    }
    if not wanted:
        return Verdict(UNPROVEN, "no model is there to reach yet.")
    there = {name: ready.get((MODELS_NAMESPACE, name), 0) for name in wanted}
    short = [
        f"{name} has {there[name]} of {most} endpoints ready" for name, most in wanted.items() if there[name] < most
    ]
    if short:
        return Verdict(FAILED, f"{', '.join(short)}.", _PODS)
    state = ", ".join(
        f"{name} has {amount(number, 'ready endpoint')}" if wanted[name] else f"{name} sleeps, at zero replicas"
        for name, number in there.items()
    )
    awake = [name for name, least in wanted.items() if least]
    return _by_requests(state, _probes(evidence, MODELS_NAMESPACE, awake))


def routing(facts: Data, evidence: Data, _contract: Contract) -> Verdict:
    """The router is ready, and a request through it reaches a model, which answers it."""
    router = _component(facts, ROUTER)
    if router is None:
        return Verdict(FAILED, "there is no router.", _INSTALL)
    ready = _ready(facts).get((SYSTEM_NAMESPACE, ROUTER), 0)
    state = f"router {router['ready']} of {router['replicas']} ready, {amount(ready, 'ready endpoint')}"
    if not router["settled"] or ready < router["replicas"]:
        return Verdict(FAILED, f"{state}.", _PODS)
    probes = _probes(evidence, SYSTEM_NAMESPACE, [ROUTER])
    found = _by_requests(state, probes)
    # The list of models is the router's own answer.
    lacking = [str(probe["proves_too_little"]) for probe in probes if probe["proves_too_little"]]
    if found.result != PASSED or not lacking:
        return found
    return Verdict(UNPROVEN, f"{found.evidence} That was the router's own answer: {lacking[0]}.")


def autoscaling(facts: Data, _evidence: Data, contract: Contract) -> Verdict:
    """Whatever scales the models works, and the API server stops it at the approved GPUs."""
    total, key = sum(approved(contract).values()), f"requests.{GPU}"
    hardened = said(contract, SCHEMA, "access", "mode") == "hardened"
    bounds = [
        count(q["hard"][key])
        for q in facts["quotas"]
        if q["namespace"] == MODELS_NAMESPACE
        and key in q["hard"]
        and not q["scoped"]  # it counts some pods only
        and (hardened or q["managed"] == MANAGED_BY)
    ]
    if not bounds:
        return Verdict(FAILED, f"no quota holds {MODELS_NAMESPACE} to the {amount(total, 'approved GPU')}.", _QUOTA)
    if min(bounds) > total:
        return Verdict(FAILED, f"the quota allows {amount(min(bounds), 'GPU')}, and {total} are approved.", _QUOTA)
    state = f"the quota stops at {amount(min(bounds), 'GPU')}, {total} are approved"
    scaled = [
        model
        for model in contract.get("models") or ()
        if most_replicas(model) > replicas(model) or may_sleep(contract, model)
    ]
    if not scaled:
        return Verdict(PASSED, f"{state}; no model may grow or sleep.")
    most = sum(most_replicas(model) * gpus_per_replica(model) for model in scaled)
    result, evidence = judged([str(model["name"]) for model in scaled], facts["scalers"])
    step = _SCALER if result == FAILED else ""
    return Verdict(result, f"{state}; models may grow to {amount(most, 'GPU')}; {evidence}.", step)


def observability(facts: Data, evidence: Data, _contract: Contract) -> Verdict:
    """Telemetry is ready and answers."""
    telemetry = _component(facts, TELEMETRY)
    if telemetry is None:
        return Verdict(FAILED, "there is no telemetry.", _INSTALL)
    state = f"telemetry {telemetry['ready']} of {telemetry['replicas']} ready"
    if not telemetry["settled"]:
        return Verdict(FAILED, f"{state}.", _PODS)
    return _by_requests(state, _probes(evidence, SYSTEM_NAMESPACE, [TELEMETRY]))


def _by_requests(state: str, probes: Sequence[Data]) -> Verdict:
    """What the requests proved: nothing, when none was sent."""
    if not probes:
        return Verdict(UNPROVEN, f"{state}; {NO_REQUEST}.")
    failed = [
        f"{probe['service']} answered {probe.get('status') or 'nothing'} to {probe['path']} ({probe.get('error', '')})"
        for probe in probes
        if not probe["ok"]
    ]
    if failed:
        return Verdict(FAILED, f"{state}; {', '.join(failed)}.", _PATH)
    slowest = max(int(probe.get("elapsed_ms", 0)) for probe in probes)
    return Verdict(PASSED, f"{state}; {amount(len(probes), 'request')} answered, the slowest in {slowest} ms.")


def _probes(evidence: Data, namespace: str, services: Sequence[str]) -> list[Data]:
    return [p for p in evidence.get("probes") or () if p["namespace"] == namespace and p["service"] in services]


def _ready(facts: Data) -> dict[tuple[str, str], int]:
    return {(entry["namespace"], entry["service"]): entry["ready"] for entry in facts["endpoints"]}


def _component(facts: Data, name: str) -> Data | None:
    stack = facts["stack"] or {"components": ()}
    found: list[Data] = [entry for entry in stack["components"] if entry["component"] == name]
    return found[0] if found else None
