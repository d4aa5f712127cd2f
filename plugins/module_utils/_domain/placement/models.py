# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of each model counts for a plan: its size and floor, what keeps it busy, and what its loads took."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ..capacity import gpus_per_pod, may_sleep, most_replicas, nodes_per_replica, replicas
from ..contract.defaults import said
from ..contract.schema_models import MODEL
from ..contract.typed import Contract
from ..contract.typed import Model as AgreedModel
from ..loading import load_deadline
from ..model.workload import REQUESTS
from ..names import GPU, GPU_PRODUCT_LABEL, MODEL_LABEL, MODELS_NAMESPACE
from ..tolerations import OF_MODELS
from .requests import amounts
from .scene import Model, Pod, Raw

_PRIORITY = {"critical": 1_000_000, "standard": 100_000, "batch": 1_000}


@dataclass(frozen=True)
class Learned:
    """What is known of a model.

    loads: seconds that its past loads took. needed, wanted, budget_spent, warm: as in :class:`Model`.
    """

    loads: tuple[float, ...] = ()
    needed: int | None = None
    wanted: float | None = None
    budget_spent: str = ""
    warm: float = 0.0


def with_loads(learned: Mapping[str, Learned], loads: Mapping[str, tuple[float, ...]]) -> dict[str, Learned]:
    """What is known of models, with what the loads of their replicas took, where nobody told them."""
    known = {name: learned.get(name, Learned()) for name in {*learned, *loads}}
    return {name: replace(one, loads=one.loads or loads.get(name, ())) for name, one in known.items()}


def models_of(
    contract: Contract, pods: Sequence[Pod], workloads: Iterable[Raw], learned: Mapping[str, Learned]
) -> tuple[Model, ...]:
    """The contract's models, by name."""
    by_model = {(one["metadata"].get("labels") or {}).get(MODEL_LABEL): one for one in workloads}
    own = _by_model(pods)
    return tuple(
        _model(one, by_model.get(one["name"]), own[one["name"]], learned.get(one["name"], Learned()))
        for one in sorted(contract.get("models") or (), key=lambda each: str(each["name"]))
    )


def _model(model: AgreedModel, workload: Raw | None, pods: Sequence[Pod], known: Learned) -> Model:
    desired = int(((workload or {}).get("spec") or {}).get("replicas", 0))
    return Model(
        name=str(model["name"]),
        product=str(model["gpu"]["product"]),
        gpus=gpus_per_pod(model),
        nodes=nodes_per_replica(model),
        critical=said(model, MODEL, "priority") == "critical",
        desired=desired,
        needed=known.needed,
        most=most_replicas(model),
        busy=_busy(workload, pods),
        budget_spent=known.budget_spent,
        loads=known.loads,
        load_limit=float(load_deadline(model)),
        warm=known.warm,
        wanted=known.wanted,
    )


def _busy(workload: Raw | None, pods: Sequence[Pod]) -> str:
    """Why the model is not at rest. What nobody has seen is not at rest either."""
    if workload is None:
        return "its workload was not found"
    status, wanted = workload.get("status") or {}, int((workload.get("spec") or {}).get("replicas", 0))
    if status.get("observedGeneration", 0) < workload["metadata"].get("generation", 0):
        return "its newest version has not been seen by its controller"
    there = int(status.get("replicas", 0))
    if int(status.get("updatedReplicas", 0)) != there:
        return "it is rolling"
    if there != wanted or any(pod.leaving for pod in pods):
        return f"it is scaling: {there} of {wanted} replicas are there"
    ready = int(status.get("readyReplicas", 0))
    return f"it is loading: {ready} of {wanted} replicas are ready" if ready < wanted else ""


def planned(contract: Contract, pods: Sequence[Pod]) -> list[Pod]:
    """A pod for each replica below a model's floor that has none yet. A model that may sleep and does has no floor."""
    own, found = _by_model(pods), []
    for model in contract.get("models") or ():
        name = str(model["name"])
        there = [pod for pod in own[name] if not pod.leaving]
        asleep = not there and may_sleep(contract, model)
        missing = 0 if asleep else replicas(model) * nodes_per_replica(model) - len(there)
        like = there[0] if there else None
        found += [_planned(model, number, like) for number in range(missing)]
    return found


def _planned(model: AgreedModel, number: int, like: Pod | None) -> Pod:
    name = str(model["name"])
    new = like or Pod(
        key="",
        requests={**amounts(REQUESTS), GPU: gpus_per_pod(model), "pods": 1},
        labels={MODEL_LABEL: name},
        selector={GPU_PRODUCT_LABEL: str(model["gpu"]["product"])},
        tolerations=OF_MODELS,
        priority=_PRIORITY[said(model, MODEL, "priority")],
        model=name,
    )
    key = f"{MODELS_NAMESPACE}/{name}-planned-{number}"
    return replace(new, key=key, node="", ready=False, nominated="", moved=None, stays=("it is planned only",))


def _by_model(pods: Iterable[Pod]) -> dict[str, list[Pod]]:
    found: dict[str, list[Pod]] = defaultdict(list)
    for pod in pods:
        if pod.model:
            found[pod.model].append(pod)
    return found
