# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects of all kinds but pods that must not get in: what the product makes, with one thing about it changed."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.lock import lock_manifest
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.exposure import (
    RETIRED,
    budget,
    front_door,
    route,
    service,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.revision import Revision, record
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.names import labels
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.scaling import bounds_of, scaler
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.scaling.autoscaler import HPA, KEDA, Autoscaler
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.upgrade.entry import Entry
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.upgrade.entry import record as record_entry
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.applyset import Membership, parent_manifest
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.objects import Ref
from tests.integration.guarded import MODELS, SYSTEM, image, pod_spec, workload
from tests.unit.domain.agreed import WITH_GATEWAY
from tests.unit.domain.agreed import contract as agreed
from tests.unit.domain.agreed import model as described
from tests.unit.domain.raw import H100

Manifest = dict[str, Any]
MODEL = described("llama", replicas={"min": 2, "max": 4})
CONTRACT = agreed(networking=WITH_GATEWAY, models=[MODEL])
NAME = "llama"

PLACES = {
    "HTTPRoute": "/apis/gateway.networking.k8s.io/v1{}/httproutes",
    "ScaledObject": "/apis/keda.sh/v1alpha1{}/scaledobjects",
    "HorizontalPodAutoscaler": "/apis/autoscaling/v2{}/horizontalpodautoscalers",
    "PodDisruptionBudget": "/apis/policy/v1{}/poddisruptionbudgets",
    "Service": "/api/v1{}/services",
    "ConfigMap": "/api/v1{}/configmaps",
    "Deployment": "/apis/apps/v1{}/deployments",
    "Lease": "/apis/coordination.k8s.io/v1{}/leases",
    "ControllerRevision": "/apis/apps/v1{}/controllerrevisions",
}


def _scaler(kind: str) -> Manifest:
    [made] = scaler(MODEL, bounds_of(CONTRACT)[NAME], Autoscaler(kind))
    return made


def _of_the_stack(kind: str, api_version: str, name: str = "router", **more: Any) -> Manifest:
    metadata = {"name": name, "namespace": "fireworks-system", "labels": labels("stack", name)}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **more}


def set_parent(name: str) -> Manifest:
    nothing = Membership(frozenset(), frozenset())
    return parent_manifest(Ref("ConfigMap", "", "fireworks-system", name), nothing, {})


_GPUS = pod_spec(image("registry.acme.example/fireworks"), gpus=1, product=H100)
WORKLOAD = workload("Deployment", NAME, _GPUS)
WORKLOAD["metadata"]["namespace"] = "fireworks-models"
_COMPONENT = {"byoc.fireworks.ai/component": "router"}
ROUTE, DOOR = route(CONTRACT, MODEL)[0], front_door(CONTRACT)[0]
SCALED, AUTOSCALED = _scaler(KEDA), _scaler(HPA)
BUDGET, SERVICE = budget(MODEL), service(MODEL)
STACK_BUDGET = _of_the_stack(
    "PodDisruptionBudget",
    "policy/v1",
    spec={
        "maxUnavailable": 1,
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
        "selector": {"matchLabels": _COMPONENT},
    },
)
STACK_SERVICE = _of_the_stack(
    "Service",
    "v1",
    spec={
        "type": "ClusterIP",
        "selector": _COMPONENT,
        "ports": [{"name": "http", "port": 8001, "targetPort": "http", "protocol": "TCP"}],
    },
)
STACK_SCALER = _of_the_stack(
    "HorizontalPodAutoscaler",
    "autoscaling/v2",
    spec={
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "router"},
        "minReplicas": 2,
        "maxReplicas": 4,
        "metrics": [
            {
                "type": "Resource",
                "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}},
            }
        ],
    },
)
_NAMED_ALONE = _of_the_stack("ConfigMap", "v1", "telemetry", data={"a": "b"})
SETTINGS = {**_NAMED_ALONE, "metadata": {**_NAMED_ALONE["metadata"], "name": "telemetry-0123456789"}}
IMMUTABLE = {**SETTINGS, "immutable": True}
_DOTTED = labels("stack", "t.lemetry")
REVISION = record(Revision(NAME, 1, [SERVICE], "0f", "pending"))
UPGRADE = record_entry(Entry(1, "2026.11.0", "2026.12.0", "0f", [STACK_SERVICE]))
CHANGEABLE_UPGRADE = {key: value for key, value in UPGRADE.items() if key != "immutable"}


def LOCK(now: Any) -> Manifest:  # noqa: N802
    """The operation lock, held by a test."""
    return lock_manifest(None, holder="test", purpose="a test", now=now, seconds=60)


NEEDED: list[tuple[str, Manifest]] = [
    *((who, made) for who in ("operator", "deployer") for made in (
        ROUTE, SCALED, AUTOSCALED, BUDGET, SERVICE, REVISION, WORKLOAD, set_parent("model-llama"))),
    *((who, made) for who in ("operator", "upgrader") for made in (
        DOOR, STACK_BUDGET, STACK_SERVICE, STACK_SCALER, SETTINGS, IMMUTABLE, UPGRADE, set_parent("stack"))),
    ("deployer", {**SERVICE, "spec": {**SERVICE["spec"], "selector": RETIRED}}),
    ("deployer", budget({**MODEL, "gpu": {"product": H100, "per_replica": 16, "nodes": 2}})),
]  # fmt: skip
"""What the product makes, and who makes it: all of it gets in."""


@dataclass(frozen=True)
class Attempt:
    """What somebody of ours tries to make, and the policy that refuses it."""

    sentence: str
    who: str
    policy: str
    made: Manifest

    @property
    def place(self) -> str:
        """The collection that it is made in."""
        return place_of(self.made)


def place_of(made: Manifest) -> str:
    """The collection that an object goes to."""
    where = MODELS if made["metadata"]["namespace"] == "fireworks-models" else SYSTEM
    return PLACES[made["kind"]].format(where)


def but(base: Manifest, **changes: Any) -> Manifest:
    """The object with parts replaced: ``spec__triggers__0__type="cpu"``; ``...`` takes a part away."""
    made = copy.deepcopy(base)
    for path, value in changes.items():
        *way, last = [int(step) if step.isdecimal() else step for step in path.split("__")]
        place: Any = made
        for step in way:
            place = place[step] if isinstance(place, list) else place.setdefault(step, {})
        if value is ...:
            del place[last]
        else:
            place[last] = value
    return made


def marked(base: Manifest, what: str, marks: dict[str, str | None]) -> Manifest:
    """The object with other labels or annotations; without those that are None."""
    found = {**base["metadata"].get(what, {}), **marks}
    return but(base, **{f"metadata__{what}": {key: text for key, text in found.items() if text is not None}})


def _rule(**more: Any) -> list[Manifest]:
    return [{**ROUTE["spec"]["rules"][0], **more}]


def _to(**more: Any) -> list[Manifest]:
    return _rule(backendRefs=[{**ROUTE["spec"]["rules"][0]["backendRefs"][0], **more}])


def _filter(kind: str, **how: Any) -> list[Manifest]:
    return _rule(filters=[{"type": kind, **how}])


_ELSEWHERE = {"name": "kubernetes", "namespace": "default", "port": 443}
_OWNER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "gone", "uid": "1"}


def attempts() -> Iterator[Attempt]:
    """All of them."""
    for policy, who, found in (
        ("fireworks-routes", "deployer", _routes()),
        ("fireworks-budgets", "deployer", _budgets()),
        ("fireworks-scalers", "deployer", _scalers()),
        ("fireworks-services", "deployer", _services()),
    ):
        for sentence, made in found:
            by = (
                "upgrader"
                if made["metadata"]["namespace"] == "fireworks-system" and policy != "fireworks-routes"
                else who
            )
            yield Attempt(sentence, by, policy, made)
    for sentence, who, made in _names():
        yield Attempt(sentence, who, "fireworks-names", made)
    for sentence, who, made in _marks():
        yield Attempt(sentence, who, "fireworks-objects", made)
    for sentence, made in _workloads():
        yield Attempt(sentence, "deployer", "fireworks-objects", made)
    for size in ("0", "-8"):
        made = _labelled(**{f"{_LWS}worker-index": "0"})
        made["spec"]["template"]["metadata"]["annotations"] = {f"{_LWS}size": size}
        three = {"limits": {"nvidia.com/gpu": "3"}}
        made = but(made, spec__replicas=8, spec__template__spec__containers__0__resources=three)
        yield Attempt(f"24 GPUs that say they are groups of {size}", "admin", "fireworks-workloads", made)


def _routes() -> Iterator[tuple[str, Manifest]]:
    yield "a host name of somebody else", but(ROUTE, spec__hostnames=["shop.acme.example"])
    yield "a host name beside the model's", but(ROUTE, spec__hostnames=["llama.llm.acme.example", "shop.acme.example"])
    yield "every host name below the domain", but(ROUTE, spec__hostnames=["*.llm.acme.example"])
    yield "any host name", but(ROUTE, spec__hostnames=...)
    yield "the host name of another model", but(ROUTE, spec__hostnames=["qwen.llm.acme.example"])
    yield "the router's host name for a model", but(ROUTE, spec__hostnames=["llm.acme.example"])
    yield "a domain that ends like the contract's", but(ROUTE, spec__hostnames=["llama.evil-llm.acme.example"])
    yield "a route of another name", but(ROUTE, metadata__name="mine")
    yield "another gateway", but(ROUTE, spec__parentRefs__0__name="internal")
    yield "a gateway of another namespace", but(ROUTE, spec__parentRefs__0__namespace="default")
    yield (
        "a service as parent, for a mesh",
        but(ROUTE, spec__parentRefs__0__kind="Service", spec__parentRefs__0__group=""),
    )
    yield "two gateways", but(ROUTE, spec__parentRefs=[*ROUTE["spec"]["parentRefs"], {"name": "internal"}])
    yield "one listener of the gateway", but(ROUTE, spec__parentRefs__0__sectionName="admin")
    yield "no gateway", but(ROUTE, spec__parentRefs=...)
    yield "another service", but(ROUTE, spec__rules=_to(name="telemetry", port=9090))
    yield "a service of another namespace", but(ROUTE, spec__rules=_to(**_ELSEWHERE))
    yield "another port of the router", but(ROUTE, spec__rules=_to(port=22))
    yield "no back end", but(ROUTE, spec__rules=_rule(backendRefs=[]))
    yield (
        "a second back end",
        but(ROUTE, spec__rules=_rule(backendRefs=[*ROUTE["spec"]["rules"][0]["backendRefs"], _ELSEWHERE])),
    )
    yield "every path", but(ROUTE, spec__rules=_rule(matches=[{"path": {"type": "PathPrefix", "value": "/"}}]))
    yield "a second rule", but(ROUTE, spec__rules=[*_rule(), {"backendRefs": [_ELSEWHERE]}])
    yield (
        "a copy of each request",
        but(ROUTE, spec__rules=_filter("RequestMirror", requestMirror={"backendRef": _ELSEWHERE})),
    )
    yield (
        "a redirect",
        but(
            ROUTE,
            spec__rules__0__backendRefs=...,
            spec__rules__0__filters=[
                {"type": "RequestRedirect", "requestRedirect": {"hostname": "evil.example", "statusCode": 302}}
            ],
        ),
    )
    yield (
        "another path",
        but(
            ROUTE,
            spec__rules=_filter(
                "URLRewrite", urlRewrite={"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/metrics"}}
            ),
        ),
    )
    yield (
        "a header of its own",
        but(
            ROUTE,
            spec__rules=_filter(
                "RequestHeaderModifier", requestHeaderModifier={"set": [{"name": "Host", "value": "a"}]}
            ),
        ),
    )
    yield "a time limit", but(ROUTE, spec__rules=_rule(timeouts={"request": "1s"}))
    yield "the router's route to somebody else", but(DOOR, spec__hostnames=["acme.example"])


def _budgets() -> Iterator[tuple[str, Manifest]]:
    yield "a budget of all pods", but(BUDGET, spec__selector={})
    yield "a budget of no selector", but(BUDGET, spec__selector=...)
    yield (
        "a budget of several models",
        but(
            BUDGET,
            spec__selector={"matchExpressions": [{"key": "byoc.fireworks.ai/model", "operator": "Exists"}]},
        ),
    )
    yield "a budget of another model", but(BUDGET, spec__selector__matchLabels={"byoc.fireworks.ai/model": "qwen"})
    yield "a second budget of a model", but(BUDGET, metadata__name="second")
    yield "a budget of something else too", but(BUDGET, spec__selector__matchLabels__app="x")
    yield "a budget that spares no pod", but(BUDGET, spec__maxUnavailable=0)
    yield "a budget of which all are needed", but(BUDGET, spec__maxUnavailable=..., spec__minAvailable="100%")
    yield "a budget of 0%", but(BUDGET, spec__maxUnavailable="0%")
    yield "a budget that keeps sick pods", but(BUDGET, spec__unhealthyPodEvictionPolicy="IfHealthyBudget")
    yield "a budget that keeps the stack", but(STACK_BUDGET, spec__maxUnavailable=0)
    yield "a budget of the whole stack", but(STACK_BUDGET, spec__selector={})
    yield (
        "a model's budget in the stack",
        but(STACK_BUDGET, spec__selector__matchLabels={"byoc.fireworks.ai/model": "router"}),
    )


def _scalers() -> Iterator[tuple[str, Manifest]]:
    first = SCALED["spec"]["triggers"][0]
    yield "a Prometheus elsewhere", but(SCALED, spec__triggers__0__metadata__serverAddress="http://evil.example")
    yield (
        "one whose name begins like ours",
        but(
            SCALED,
            spec__triggers__0__metadata__serverAddress=first["metadata"]["serverAddress"] + ".evil.example",
        ),
    )
    yield "a trigger with headers", but(SCALED, spec__triggers__0__metadata__customHeaders="a=b")
    yield "a trigger with credentials", but(SCALED, spec__triggers__0__authenticationRef={"name": "mine"})
    yield "a trigger by CPU", but(SCALED, spec__triggers=[{"type": "cpu", "metadata": {"value": "1"}}])
    yield (
        "a trigger by a schedule",
        but(SCALED, spec__triggers=[first, {"type": "cron", "metadata": {"timezone": "UTC"}}]),
    )
    yield "no trigger", but(SCALED, spec__triggers=[])
    yield "another workload", but(SCALED, spec__scaleTargetRef__name="qwen")
    yield "a StatefulSet", but(SCALED, spec__scaleTargetRef__kind="StatefulSet")
    yield "credentials of the workload", but(SCALED, spec__scaleTargetRef__envSourceContainerName="engine")
    yield "more replicas than the contract allows", but(SCALED, spec__maxReplicaCount=9)
    yield "as many replicas as KEDA has by itself", but(SCALED, spec__maxReplicaCount=...)
    yield "a least above its most", but(SCALED, spec__minReplicaCount=17)
    yield "fewer than no replicas", but(SCALED, spec__maxReplicaCount=-1)
    yield (
        "a number of replicas for when telemetry is away",
        but(SCALED, spec__fallback={"failureThreshold": 1, "replicas": 9}),
    )
    yield "a formula", but(SCALED, spec__advanced__scalingModifiers={"formula": "1000", "target": "1"})
    yield "an autoscaler of another name", but(SCALED, spec__advanced__horizontalPodAutoscalerConfig__name="x")
    yield "replicas that go with it", but(SCALED, spec__advanced__restoreToOriginalReplicaCount=True)
    yield "more replicas than the contract allows, by an HPA", but(AUTOSCALED, spec__maxReplicas=9)
    yield "another workload, by an HPA", but(AUTOSCALED, spec__scaleTargetRef__name="qwen")
    yield (
        "other metrics",
        but(
            AUTOSCALED,
            spec__metrics=[
                {"type": "External", "external": {"metric": {"name": "x"}, "target": {"type": "Value", "value": "1"}}}
            ],
        ),
    )
    yield "a model by its CPU", but(AUTOSCALED, spec__metrics=STACK_SCALER["spec"]["metrics"])
    yield "a model by what Kubernetes measures by itself", but(AUTOSCALED, spec__metrics=...)
    yield "a hundred routers", but(STACK_SCALER, spec__maxReplicas=100)
    yield "another component", but(STACK_SCALER, spec__scaleTargetRef__name="telemetry")
    yield "a component by foreign metrics", but(STACK_SCALER, spec__metrics=AUTOSCALED["spec"]["metrics"])


def _services() -> Iterator[tuple[str, Manifest]]:
    yield "a service of all pods", but(SERVICE, spec__selector={})
    yield "a service of no selector, for endpoints of its own", but(SERVICE, spec__selector=...)
    yield "a service of another model", but(SERVICE, spec__selector={"byoc.fireworks.ai/model": "qwen"})
    yield "a service of another name", but(SERVICE, metadata__name="kubernetes")
    yield "a model's service with an address of its own", but(SERVICE, spec__clusterIP=...)
    yield "a headless service of a component", but(STACK_SERVICE, spec__clusterIP="None")
    yield "pods that are not ready", but(SERVICE, spec__publishNotReadyAddresses=True)
    yield "another port", but(SERVICE, spec__ports__0__targetPort=22)
    yield "a second port", but(SERVICE, spec__ports=[*SERVICE["spec"]["ports"], {"name": "x", "port": 22}])
    yield "clients that stay", but(SERVICE, spec__sessionAffinity="ClientIP")
    yield "pods of the same node only", but(SERVICE, spec__internalTrafficPolicy="Local")
    yield "a component's service of models", but(STACK_SERVICE, spec__selector={"byoc.fireworks.ai/model": "router"})
    yield "a component's service by UDP", but(STACK_SERVICE, spec__ports__0__protocol="UDP")


def _names() -> Iterator[tuple[str, str, Manifest]]:
    mine = but(SETTINGS, metadata__name="mine")
    for who in ("operator", "deployer", "upgrader", "node-medic"):
        yield "a ConfigMap of another name", who, mine
    yield "settings of the stack", "deployer", SETTINGS
    yield "the set of the stack", "deployer", set_parent("stack")
    yield "an upgrade", "deployer", UPGRADE
    yield "the set of a model", "upgrader", set_parent("model-llama")
    yield "the set of a model", "node-medic", set_parent("model-llama")
    yield "settings of the stack", "node-medic", SETTINGS
    yield (
        "a ConfigMap of the models",
        "deployer",
        but(set_parent("model-llama"), metadata__namespace="fireworks-models"),
    )
    for who in ("operator", "upgrader"):
        yield "settings by the component's name alone", who, _NAMED_ALONE
        yield "settings by a name that is almost the component's", who, but(SETTINGS, metadata__labels=_DOTTED)
    yield "settings that nobody can change any more", "upgrader", {**_NAMED_ALONE, "immutable": True}
    yield "a set that holds something", "deployer", {**set_parent("model-llama"), "data": {"x": "y"}}
    yield "a set that holds something else", "upgrader", {**set_parent("stack"), "binaryData": {"x": "eA=="}}
    yield "an upgrade without a number", "upgrader", but(UPGRADE, metadata__name="stack-upgrade-x")
    for who in ("upgrader", "operator", "deployer"):
        yield (
            "settings that look like a model's set",
            who,
            but(SETTINGS, metadata__name="model-llama", metadata__labels=labels("stack", "model-llama")),
        )
        yield (
            "settings by a digest that look like a model's set",
            who,
            but(SETTINGS, metadata__name="model-0123456789", metadata__labels=labels("stack", "model")),
        )
    yield (
        "another Lease",
        "deployer",
        {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": "mine", "namespace": "fireworks-system", "labels": labels("operation-lock", "mine")},
            "spec": {"holderIdentity": "me"},
        },
    )
    yield "a revision of another name", "deployer", but(REVISION, metadata__name="llama-2")
    yield "a revision of no model", "deployer", marked(REVISION, "labels", {"byoc.fireworks.ai/revision-of": "qwen"})
    yield "a revision of something else", "deployer", but(REVISION, data={"spec": {}})


_LWS = "leaderworkerset.sigs.k8s.io/"
_MODEL, _CANDIDATE = "byoc.fireworks.ai/model", "byoc.fireworks.ai/candidate"


def _labelled(**marks: str | None) -> Manifest:
    """The workload, whose pods have other labels."""
    made = copy.deepcopy(WORKLOAD)
    labelled = {**made["spec"]["template"]["metadata"]["labels"], **marks}
    made["spec"]["template"]["metadata"]["labels"] = {key: mark for key, mark in labelled.items() if mark is not None}
    return _selecting(made, _MODEL if marks.get(_MODEL, NAME) else "app")


def _selecting(workload: Manifest, *keys: str) -> Manifest:
    """The workload, whose pods it finds by these of their labels."""
    made = copy.deepcopy(workload)
    given = made["spec"]["template"]["metadata"]["labels"]
    made["spec"]["selector"] = {"matchLabels": {key: given[key] for key in keys}}
    return made


def _candidate(name: str, replicas: int = 1, **marks: str) -> Manifest:
    made = _labelled(**{_MODEL: None, _CANDIDATE: name, **marks})
    return _selecting(but(made, metadata__name=name, spec__replicas=replicas), _CANDIDATE)


def _workloads() -> Iterator[tuple[str, Manifest]]:
    model, part_of = _MODEL, "app.kubernetes.io/part-of"
    yield "a second workload of a model", but(WORKLOAD, metadata__name="llama-2")
    yield (
        "a second workload of a model, of a set of its own",
        marked(but(WORKLOAD, metadata__name="llama-2"), "labels", {part_of: "model-llama-2"}),
    )
    yield "a workload that gets the requests of another model", _labelled(**{model: "qwen"})
    yield "a workload of no model", _labelled(**{model: None})
    yield "pods that network policies take for another model's", _labelled(**{part_of: "model-qwen"})
    yield "pods that network policies take for nobody's", _labelled(**{part_of: None})
    yield "pods that may connect as a Job that stages", _labelled(**{"byoc.fireworks.ai/stages": NAME})
    yield "pods that say they are a group's", _labelled(**{f"{_LWS}group-index": "0"})
    yield "pods that say they are canaries", _labelled(**{"byoc.fireworks.ai/canary": "true"})
    yield "pods that reach those of a group", _labelled(**{"byoc.fireworks.ai/group-of": NAME})
    yield "a workload that finds less than its pods", _selecting(WORKLOAD, _MODEL, "app")
    yield "a workload that finds more than its pods", _selecting(WORKLOAD, part_of)
    yield "a candidate that finds more than its pods", _selecting(_candidate("llama-candidate-01234567"), part_of)
    yield "candidates of several replicas", _candidate("llama-candidate-01234567", 2)
    yield "a candidate that gets requests", _candidate("llama-candidate-01234567", **{model: NAME})
    yield "a candidate of another name", _candidate("mine")
    yield "a candidate of another model", _candidate("qwen-candidate-01234567")


def _marks() -> Iterator[tuple[str, str, Manifest]]:
    for base, who in ((ROUTE, "deployer"), (SCALED, "deployer"), (SERVICE, "deployer"), (DOOR, "upgrader")):
        kind = base["kind"]
        yield f"a {kind} that nobody knows", who, marked(base, "labels", {"app.kubernetes.io/managed-by": None})
        yield f"a {kind} of another owner", who, but(base, metadata__ownerReferences=[_OWNER])
        yield f"a {kind} that stays", who, but(base, metadata__finalizers=["acme.example/stays"])
        yield f"a {kind} with a label of others", who, but(base, metadata__labels__team="x")
        yield f"a {kind} with an annotation of others", who, but(base, metadata__annotations={"acme.example/x": "y"})
    yield (
        "a service of no set",
        "deployer",
        but(SERVICE, metadata__labels={"app.kubernetes.io/managed-by": "fireworks-byoc"}),
    )
    yield "a model's service of the stack", "deployer", but(SERVICE, metadata__labels=labels("stack", NAME))
    yield (
        "a load balancer by an annotation",
        "deployer",
        but(SERVICE, metadata__annotations={"networking.gke.io/load-balancer-type": "Internal"}),
    )
    yield (
        "replicas by an annotation of KEDA's",
        "deployer",
        but(SCALED, metadata__annotations={"autoscaling.keda.sh/paused-replicas": "16"}),
    )
