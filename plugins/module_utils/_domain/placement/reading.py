# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A scene out of what the API server lists, the contract, and what was learned of the models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..contract.typed import Contract
from ..gpu_products import product_of
from ..moments import seconds_at
from ..names import GROUP_LABEL, MAINTENANCE_LABEL, MODEL_LABEL, MODELS_NAMESPACE, MOVED_ANNOTATION
from ..quantity import count
from ..views import is_ready, node_view
from .demands import not_modelled
from .loads import past_loads
from .models import Learned, models_of, planned, with_loads
from .requests import amounts, host_ports, requests_of
from .scene import Budget, Node, Pod, Quota, Raw, Scene

_DOMAIN_LABEL = "nvidia.com/gpu.clique"
"""GPU feature discovery: nodes with the same value are in one NVLink domain."""
_MOVES_WITH_A_POD = ("configMap", "secret", "projected", "downwardAPI", "emptyDir", "image")
_SUSPECT = "suspect"


def scene_of(
    *,
    taken: float,
    nodes: Iterable[Raw],
    pods: Iterable[Raw],
    contract: Contract,
    workloads: Iterable[Raw] = (),
    budgets: Iterable[Raw] = (),
    quotas: Iterable[Raw] = (),
    learned: Mapping[str, Learned] | None = None,
    suspects: Mapping[str, str] | None = None,
    consolidated: float | None = None,
    unread: Sequence[str] = (),
) -> Scene:
    """The scene, with a pod for each replica that the contract's floors ask for and nobody has made yet.

    :param nodes, pods, workloads, budgets, quotas: raw, of everybody as far as these may be read.
    :param learned: of each model, what is known beside its replicas, whose own loads are read of them.
    :param suspects: why a node is suspected of a fault.
    :param consolidated: when the last plan was carried out. :param unread: what could not be read, in words.
    """
    given = [one for one in pods if not _over(one)]
    there = [_pod(one) for one in given]
    loads = past_loads((pod.model, one) for pod, one in zip(there, given, strict=True) if pod.model)
    models = models_of(contract, there, workloads, with_loads(learned or {}, loads))
    return Scene(
        taken=taken,
        nodes=tuple(sorted((_node(one, suspects or {}) for one in nodes), key=lambda node: node.name)),
        pods=tuple(sorted([*there, *planned(contract, there)], key=lambda pod: pod.key)),
        budgets=tuple(_budget(one) for one in budgets),
        quotas=tuple(_quota(one) for one in quotas),
        models=models,
        consolidated=consolidated,
        unread=tuple(unread),
    )


def _key(raw: Raw) -> str:
    return f"{raw['metadata'].get('namespace', '')}/{raw['metadata']['name']}"


def _over(pod: Raw) -> bool:
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def why_closed(raw: Raw) -> str:
    """Why nothing should be placed on a node, as :class:`Node` has it; empty where it may be."""
    return _node(raw, {}).closed


def _node(raw: Raw, suspects: Mapping[str, str]) -> Node:
    view, labels = node_view(raw), dict(raw["metadata"].get("labels") or {})
    status, name = raw.get("status") or {}, raw["metadata"]["name"]
    maintained = labels.get(MAINTENANCE_LABEL, "false") != "false"
    doubt = suspects.get(name) or (f"remediation: {view['remediation']}" if view["remediation"] else "")
    closed = "" if is_ready(view) else "it is not ready"
    if maintained:
        closed = "its owner has it in maintenance"
    return Node(
        name=name,
        allocatable=amounts(status.get("allocatable")),
        labels=labels,
        taints=tuple(view["taints"]),
        product=product_of(labels, status.get("capacity") or {}),
        cordoned=view["unschedulable"],
        closed=closed or doubt,
        leave=maintained or name in suspects or view["remediation"] == _SUSPECT,
        domain=labels.get(_DOMAIN_LABEL, ""),
    )


def _pod(raw: Raw) -> Pod:
    metadata, spec, status = raw["metadata"], raw.get("spec") or {}, raw.get("status") or {}
    labels = metadata.get("labels") or {}
    model = labels.get(MODEL_LABEL) or labels.get(GROUP_LABEL) or ""
    ours = metadata.get("namespace") == MODELS_NAMESPACE and bool(model)
    hard = [one for one in spec.get("topologySpreadConstraints") or () if one["whenUnsatisfiable"] == "DoNotSchedule"]
    affinity = {
        kind: demand
        for kind, demand in (spec.get("affinity") or {}).items()
        if demand and _required(demand) is not None
    }
    ready = any(one.get("type") == "Ready" and one.get("status") == "True" for one in status.get("conditions") or ())
    unknown = (*not_modelled(affinity, hard), *_beyond(spec, status))
    leaving = bool(metadata.get("deletionTimestamp"))
    return Pod(
        key=_key(raw),
        requests=requests_of(spec),
        node=spec.get("nodeName") or "",
        labels=dict(labels),
        selector=dict(spec.get("nodeSelector") or {}),
        affinity=affinity,
        spread=tuple(hard),
        tolerations=tuple(spec.get("tolerations") or ()),
        ports=host_ports(spec),
        priority=int(spec.get("priority") or 0),
        priority_class=spec.get("priorityClassName") or "",
        model=model if ours else "",
        ready=ready,
        leaving=leaving,
        stays=tuple(_stays(metadata, ours)) + tuple(f"not modelled: {one}" for one in unknown),
        unknown=unknown,
        nominated=status.get("nominatedNodeName") or "",
        moved=seconds_at((metadata.get("annotations") or {}).get(MOVED_ANNOTATION)),
    )


def _required(demand: Raw) -> Any:
    return demand.get("requiredDuringSchedulingIgnoredDuringExecution")


def _stays(metadata: Raw, ours: bool) -> list[str]:
    """Why a pod is not ours to move, or has no controller that would make another one first."""
    if not ours:
        return ["it is not a replica of ours"]
    if GROUP_LABEL in (metadata.get("labels") or {}):
        return ["it is part of a replica that spans nodes, which moves only as a whole"]
    owners = [one for one in metadata.get("ownerReferences") or () if one.get("controller")]
    if not owners:
        return ["it has no controller that would make another one"]
    kind = owners[0].get("kind")
    return [] if kind == "ReplicaSet" else [f"its {kind} gives it a place of its own"]


def _beyond(spec: Raw, status: Raw) -> list[str]:
    """What else decides where a pod may be, and is not in the twin."""
    found = [
        f"its volume {one['name']} ({kind})"
        for one in spec.get("volumes") or ()
        for kind in one
        if kind != "name" and kind not in _MOVES_WITH_A_POD
    ]
    if spec.get("resourceClaims"):
        found.append("its claims of devices")
    if spec.get("schedulerName", "default-scheduler") != "default-scheduler":
        found.append(f"its scheduler {spec['schedulerName']}")
    found += [f"its scheduling gate {one.get('name')}" for one in spec.get("schedulingGates") or ()]
    resizing = ("PodResizePending", "PodResizeInProgress")
    return found + ["its resize" for one in status.get("conditions") or () if one.get("type") in resizing]


def _budget(raw: Raw) -> Budget:
    """One whose controller has not seen its newest version lets nothing go, as the API server does it."""
    status = raw.get("status") or {}
    stale = status.get("observedGeneration", 0) < raw["metadata"].get("generation", 0)
    return Budget(
        _key(raw), (raw.get("spec") or {}).get("selector"), 0 if stale else count(status.get("disruptionsAllowed"))
    )


def _quota(raw: Raw) -> Quota:
    spec, status = raw.get("spec") or {}, raw.get("status") or {}
    hard, used = amounts(status.get("hard") or spec.get("hard")), amounts(status.get("used"))
    named = [{"scopeName": name, "operator": "Exists"} for name in spec.get("scopes") or ()]
    scopes = (*named, *((spec.get("scopeSelector") or {}).get("matchExpressions") or ()))
    return Quota(_key(raw), {key: most - used.get(key, 0) for key, most in hard.items()}, tuple(scopes))
