# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a cluster is and has: raw Kubernetes JSON, already read, made into the facts of a play."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from .fact_reads import MADE_OF
from .gpu_inventory import gpu_inventory, unlabelled
from .gpu_units import offered
from .immunity import signature
from .model.unit import is_group, shape_of, template_of
from .names import (
    COMPONENT_LABEL,
    MODEL_LABEL,
    MODELS_NAMESPACE,
    NAMESPACES,
    PREFIX,
    PRESETUP_SET,
    RELEASE_LABEL,
    REVISION_ANNOTATION,
    STACK_SET,
    SYSTEM_NAMESPACE,
)
from .nvidia_parts import is_device_plugin
from .presetup.remembered import remembered_api_server, remembered_audiences, remembered_bounds
from .presetup_version import version_of
from .quantity import count
from .upgrade.marks import read_marks
from .views import (
    View,
    is_gpu_node,
    is_ready,
    node_problem,
    node_view,
    pod_view,
)

__all__ = ["cluster_facts", "gpu_inventory", "node_view", "pod_view"]

Raw = Mapping[str, Any]
REGION_LABEL = "topology.kubernetes.io/region"
_POD_KEYS = ("namespace", "name", "uid", "restarts", "ready_since")

_PROVIDERS = {
    "aws": "aws",
    "azure": "azure",
    "gce": "gcp",
    "oci": "oci",
    "ocid1": "oci",
    "coreweave": "gpu_cloud",
    "nebius": "gpu_cloud",
    "crusoe": "gpu_cloud",
    "lambda": "gpu_cloud",
    "metal3": "bare_metal",
    "baremetal": "bare_metal",
    "baremetalhost": "bare_metal",
}

_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"


def _notes(namespaces: Iterable[Raw]) -> dict[str, str]:
    """What the customer tells us with annotations of ours on the namespace fireworks-system."""
    found = {key: text for item in namespaces if _name(item) == SYSTEM_NAMESPACE
             for key, text in _annotations(item).items()}  # fmt: skip
    return {str(key): str(text) for key, text in sorted(found.items()) if key.startswith(PREFIX)}


def cluster_facts(
    *,
    uid: str,
    user: str = "",
    version: Raw | None = None,
    apis: Mapping[str, Sequence[str]] | None = None,
    nodes: Sequence[View] = (),
    pods: Iterable[View] = (),
    deployments: Iterable[Raw] = (),
    groups: Iterable[Raw] = (),
    daemonsets: Iterable[Raw] = (),
    namespaces: Iterable[Raw] = (),
    storage_classes: Iterable[Raw] = (),
    gateways: Iterable[Raw] = (),
    endpoint_slices: Iterable[Raw] = (),
    quotas: Iterable[Raw] = (),
    set_parents: Iterable[Raw] = (),
    permissions: Sequence[Raw] = (),
    scalers: Iterable[Raw] | None = None,
    lock: Raw | None = None,
    wanted: Collection[str] = tuple(MADE_OF),
) -> dict[str, Any]:
    """The facts of one cluster, as ``user`` sees it: its ``uid``, and those of :data:`MADE_OF` that are ``wanted``.

    ``version`` is the answer of ``/version``. ``nodes`` and ``pods`` are views; the rest are raw items of lists:
    ``deployments``, ``endpoint_slices`` and ``quotas`` of our two namespaces (and the slice of the API server itself,
    ``default/kubernetes``, where it may be read), ``groups`` (LeaderWorkerSets) of the models', ``daemonsets`` of all.
    ``scalers`` are what scales models, each with its ``kind``, which items of lists have not; None where nobody asked.
    ``lock`` is who works on the cluster (``lock.about``), None when nobody does.
    What the credential may not read is left out by the caller and comes out empty.
    """
    version, apis, pods, deployments = version or {}, apis or {}, list(pods), list(deployments)
    namespaces, endpoint_slices, storage_classes = list(namespaces), list(endpoint_slices), list(storage_classes)
    parents = {_name(item): item for item in set_parents}
    presetup = _annotations(parents.get(PRESETUP_SET, {}))
    make: dict[str, Callable[[], Any]] = {
        "user": lambda: user,
        "version": lambda: _version(version),
        "platform": lambda: _platform(apis),
        "provider": lambda: _provider(nodes),
        "region": lambda: _region(nodes),
        "apis": lambda: {group: sorted(kinds) for group, kinds in sorted(apis.items())},
        "nodes": lambda: _nodes(nodes),
        "gpus": lambda: gpu_inventory(nodes, pods),
        "device_plugin": lambda: _device_plugin(daemonsets),
        "stack": lambda: _stack(deployments, _annotations(parents.get(STACK_SET, {}))),
        "sets": lambda: sorted(parents),
        "models": lambda: _by_name(filter(None, map(_model, [*deployments, *groups]))),
        "pods": lambda: _by_name(_our_pods(pods)),
        "namespaces": lambda: sorted(_name(item) for item in namespaces),
        "annotations": lambda: _notes(namespaces),
        "default_storage_class": lambda: _default_class(storage_classes),
        "storage_classes": lambda: sorted(_name(item) for item in storage_classes),
        "gateways": lambda: _by_name(map(_gateway, gateways)),
        "endpoints": lambda: _endpoints(item for item in endpoint_slices if not _is_api_server(item)),
        "api_server": lambda: _addresses(filter(_is_api_server, endpoint_slices)) or remembered_api_server(presetup),
        "token_audiences": lambda: remembered_audiences(presetup),
        "bounds": lambda: remembered_bounds(presetup),
        "presetup_version": lambda: version_of(presetup) if PRESETUP_SET in parents else None,
        "quotas": lambda: _by_name(map(_quota, quotas)),
        "signature": lambda: signature(
            list(filter(is_gpu_node, nodes)),
            kubernetes=_version(version)["git"],
            release=str((make["stack"]() or {}).get("release") or ""),
        ),
        "permissions": lambda: [dict(p) for p in permissions],
        "scalers": lambda: None if scalers is None else _scalers(scalers),
        "lock": lambda: dict(lock) if lock else None,
    }
    return {"uid": uid, **{name: made() for name, made in make.items() if name in wanted}}


def _by_name(items: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(items, key=lambda one: (one["namespace"], one["name"]))


def _our_pods(pods: Iterable[View]) -> Iterable[dict[str, Any]]:
    return ({key: pod[key] for key in _POD_KEYS} for pod in pods if pod["namespace"] in NAMESPACES)


def _version(said: Raw) -> dict[str, str]:
    keys = {"major": "major", "minor": "minor", "git": "gitVersion"}
    return {key: str(said.get(its, "")) for key, its in keys.items()}


def _nodes(nodes: Sequence[View]) -> dict[str, Any]:
    gpu_nodes = [node for node in nodes if is_gpu_node(node)]
    problems = [
        {"node": node["name"], "reason": node_problem(node), "remediation": node["remediation"]} for node in nodes
    ]
    return {
        "total": len(nodes),
        "ready": sum(map(is_ready, nodes)),
        "gpu": len(gpu_nodes),
        "gpu_ready": sum(map(is_ready, gpu_nodes)),
        "gpu_offering": sum(1 for node in gpu_nodes if offered(node["allocatable"])),
        "unlabelled": unlabelled(gpu_nodes),
        "problems": [problem for problem in problems if problem["reason"]],
    }


def _default_class(classes: Iterable[Raw]) -> str:
    """The class that a claim gets which names none: of several that say so the newest, as the API server chooses."""
    found = [item for item in classes if _annotations(item).get(_DEFAULT_CLASS) == "true"]
    return max(((_created(item), _name(item)) for item in found), default=("", ""))[1]


def _created(item: Raw) -> str:
    return str((item.get("metadata") or {}).get("creationTimestamp") or "")


def _gateway(item: Raw) -> dict[str, Any]:
    return {
        "namespace": _namespace(item),
        "name": _name(item),
        "programmed": _condition(item, "Programmed"),
        "addresses": _gateway_addresses(item),
    }


def _scalers(items: Iterable[Raw]) -> list[dict[str, Any]]:
    return sorted(map(scaler, items), key=lambda one: (one["kind"], one["name"]))


def scaler(item: Raw) -> dict[str, Any]:
    """Which model it scales, and what its controller says of that."""
    conditions = (item.get("status") or {}).get("conditions") or ()
    return {
        "kind": str(item["kind"]),
        "name": _name(item),
        "model": str(((item.get("spec") or {}).get("scaleTargetRef") or {}).get("name", "")),
        "conditions": {
            str(one.get("type", "")): {key: str(one.get(key) or "") for key in ("status", "reason", "message")}
            for one in conditions
        },
    }


def _gateway_addresses(item: Raw) -> list[dict[str, str]]:
    """Where a gateway listens, as its controller says; an address without a type is an IP address (Gateway API v1)."""
    said = (item.get("status") or {}).get("addresses") or ()
    return [{"type": str(one.get("type") or "IPAddress"), "value": str(one.get("value") or "")} for one in said]


def _metadata(item: Raw) -> Raw:
    return item.get("metadata") or {}


def _name(item: Raw) -> str:
    return str(_metadata(item).get("name", ""))


def _namespace(item: Raw) -> str:
    return str(_metadata(item).get("namespace", ""))


def _annotations(item: Raw) -> Mapping[str, str]:
    return _metadata(item).get("annotations") or {}


def _label(item: Raw, key: str) -> str:
    return str((_metadata(item).get("labels") or {}).get(key, ""))


def _condition(item: Raw, kind: str) -> bool:
    conditions = (item.get("status") or {}).get("conditions") or ()
    return any(c.get("type") == kind and c.get("status") == "True" for c in conditions)


def _platform(apis: Mapping[str, Sequence[str]]) -> str:
    openshift = ("config.openshift.io/", "route.openshift.io/", "security.openshift.io/")
    return "openshift" if any(group.startswith(openshift) for group in apis) else "kubernetes"


def _provider(nodes: Sequence[View]) -> str:
    """The provider most nodes name in their provider ID; empty where none does (often bare metal)."""
    schemes = Counter(
        node["provider_id"].split(":", 1)[0].lower().split(".", 1)[0] for node in nodes if node["provider_id"]
    )
    if not schemes:
        return ""
    scheme = sorted(schemes.items(), key=lambda item: (-item[1], item[0]))[0][0]
    return _PROVIDERS.get(scheme, "other")


def _region(nodes: Sequence[View]) -> str:
    """The region that most nodes have a label of; empty where none has one."""
    regions = Counter(node["labels"].get(REGION_LABEL) for node in nodes if node["labels"].get(REGION_LABEL))
    return min(regions, key=lambda region: (-regions[region], region), default="")


def _device_plugin(daemonsets: Iterable[Raw]) -> dict[str, Any]:
    """The DaemonSet of NVIDIA's device plugin. Where there are several, by kinds of nodes, the one on most of them."""
    found = [_as_plugin(item) for item in daemonsets if _is_device_plugin(item)]
    absent = {"found": False, "namespace": "", "name": "", "desired": 0, "ready": 0}
    return max(found, key=lambda one: (one["desired"], one["name"]), default=absent)


def _is_device_plugin(item: Raw) -> bool:
    containers = (((item.get("spec") or {}).get("template") or {}).get("spec") or {}).get("containers") or ()
    run = (str(text) for one in containers for text in (one.get("image", ""), one.get("command"), one.get("args")))
    return is_device_plugin(_name(item), *run)


def _as_plugin(item: Raw) -> dict[str, Any]:
    status = item.get("status") or {}
    return {
        "found": True,
        "namespace": _namespace(item),
        "name": _name(item),
        "desired": count(status.get("desiredNumberScheduled", 0)),
        "ready": count(status.get("numberReady", 0)),
    }


def _workload(item: Raw) -> dict[str, Any]:
    spec, status = item.get("spec") or {}, item.get("status") or {}
    generation = count(_metadata(item).get("generation", 0))
    # Older controllers of LeaderWorkerSet do not say which generation they have seen.
    unsaid = generation if is_group(item) and status else 0
    observed = count(status.get("observedGeneration", unsaid)) >= generation
    replicas = count(spec.get("replicas", 1))
    updated, ready = count(status.get("updatedReplicas", 0)), count(status.get("readyReplicas", 0))
    return {
        "name": _name(item),
        "namespace": _namespace(item),
        "replicas": replicas,
        "ready": ready,
        "settled": bool(
            observed and updated == replicas and ready == replicas and count(status.get("replicas", 0)) == replicas
        ),
    }


def _stack(deployments: Sequence[Raw], notes: Mapping[str, str]) -> dict[str, Any] | None:
    """The stack as it runs: its components, and the release that is there whole.

    That is what the set's parent says (``notes``); where nothing does, what the components carry, perhaps several.
    """
    components = []
    releases = set()
    for item in deployments:
        component = _label(item, COMPONENT_LABEL)
        if _namespace(item) == SYSTEM_NAMESPACE and component:
            components.append({**_workload(item), "component": component, "release": _label(item, RELEASE_LABEL)})
            releases.add(_label(item, RELEASE_LABEL))
    if not components:
        return None
    components.sort(key=lambda c: str(c["name"]))
    marks = read_marks(notes)
    return {
        "release": marks.release if marks else " and ".join(sorted(releases)),
        "since": marks.since if marks else "",
        "unfinished": marks.unfinished if marks else "",
        "failed": dict(marks.failed) if marks else {},
        "components": components,
    }


def _model(item: Raw) -> dict[str, Any] | None:
    model = _label(item, MODEL_LABEL)
    if not model or _namespace(item) != MODELS_NAMESPACE:
        return None
    template, shape = template_of(item).get("spec") or {}, shape_of(item)
    workload = _workload(item)
    containers: Sequence[Raw] = template.get("containers") or ({},)
    return {
        **workload,
        "name": model,
        "gpus": shape.gpus * shape.nodes * shape.replicas,
        "image": str(containers[0].get("image", "")),
        "revision": str((_metadata(item).get("annotations") or {}).get(REVISION_ANNOTATION, "")),
    }


def _endpoints(slices: Iterable[Raw]) -> list[dict[str, Any]]:
    """How many endpoints of each service are ready."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for item in slices:
        key = (_namespace(item), _label(item, "kubernetes.io/service-name"))
        entry = found.setdefault(key, {"namespace": key[0], "service": key[1], "ready": 0, "not_ready": 0})
        for endpoint in item.get("endpoints") or ():
            # An unknown readiness counts as ready: so says the EndpointSlice API.
            ready = (endpoint.get("conditions") or {}).get("ready")
            entry["not_ready" if ready is False else "ready"] += len(endpoint.get("addresses") or ())
    return [found[key] for key in sorted(found)]


def _is_api_server(item: Raw) -> bool:
    return _namespace(item) == "default" and _label(item, "kubernetes.io/service-name") == "kubernetes"


def _addresses(slices: Iterable[Raw]) -> list[dict[str, Any]]:
    """Every address and port of some slices, for network policies that must name them."""
    found = {
        (str(address), count(port.get("port", 0)))
        for item in slices
        for port in item.get("ports") or ()
        for endpoint in item.get("endpoints") or ()
        for address in endpoint.get("addresses") or ()
    }
    return [{"address": address, "port": port} for address, port in sorted(found)]


def _quota(item: Raw) -> dict[str, Any]:
    status = item.get("status") or {}
    spec = item.get("spec") or {}
    return {
        "namespace": _namespace(item),
        "name": _name(item),
        "managed": _label(item, "app.kubernetes.io/managed-by"),
        "hard": dict(spec.get("hard") or {}),
        "scoped": bool(spec.get("scopes") or spec.get("scopeSelector")),
        "used": dict(status.get("used") or {}),
    }
