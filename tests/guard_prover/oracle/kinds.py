# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What objects of ours may be, kind by kind: rows as for pods, and rules about each as a whole."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..edits import Path
from .bounds import GPU, MODELS, PRODUCT, SYSTEM
from .pods import POD, gpus_of, whole_pod
from .rows import Asked, Finding, Row, always, at, at_most, one_of, unset

OURS = "fireworks-byoc"
_MANAGED, _PART_OF = "app.kubernetes.io/managed-by", "app.kubernetes.io/part-of"
_PREFIX = "byoc.fireworks.ai/"
MODEL, GROUP, COMPONENT = f"{_PREFIX}model", f"{_PREFIX}group-of", f"{_PREFIX}component"
TELEMETRY = "http://telemetry.fireworks-system.svc:9090"
_PAUSED = "autoscaling.keda.sh/paused-replicas"
_REWRITES = "haproxy.router.openshift.io/rewrite-target"


def _under(prefix: str, rows: tuple[Row, ...]) -> tuple[Row, ...]:
    return tuple(Row(row.clause, f"{prefix} {row.where}", row.why, row.holds, row.needs) for row in rows)


def _replicas(value: Any, asked: Asked, _path: Path) -> bool:
    return asked.namespace != MODELS or (isinstance(value, int) and 0 <= value <= asked.bounds.replicas)


def _least(value: Any, asked: Asked, path: Path) -> bool:
    return _replicas(value, asked, path) and (value > 0 or asked.bounds.sleeps or asked.namespace != MODELS)


def _needs_range(value: Any, asked: Asked, path: Path) -> bool:
    """A model's least and most, where they are a range."""
    spec = asked.new["spec"]
    least, most = (spec.get(f"{end}ReplicaCount", spec.get(f"{end}Replicas")) for end in ("min", "max"))
    holds = _least if str(path[-1]).startswith("min") else _replicas
    return asked.namespace == MODELS and holds(value, asked, path) and (least or 0) <= (most or 0)


def _a_models(value: Any, asked: Asked, path: Path) -> bool:
    return asked.namespace == MODELS and _replicas(value, asked, path)


def _note(value: Any, asked: Asked, path: Path) -> bool:
    if path[-1] == _PAUSED and asked.kind == "ScaledObject":
        return str(value).isdecimal() and int(value) <= asked.bounds.replicas
    return path[-1] != _REWRITES or asked.kind != "Route"


def _surge(value: Any, _asked: Asked, _path: Path) -> bool:
    return value in (0, 1, 2, "100%")


METADATA = (
    Row("name", "metadata name", "see the whole"),
    Row("name", "metadata generateName", "the object has a name, which counts"),
    Row("labels", "metadata labels *", "marks; which have to be there, see the whole"),
    Row("annotations", "metadata annotations *", "notes, of which the contract says nothing", _note),
    Row("finalizers", "metadata finalizers", "", unset),
    Row("owners", "metadata ownerReferences", "", unset),
)
_TEMPLATE = (
    Row("template", "metadata labels *", "marks of our own pods"),
    Row("template", "metadata annotations *", "notes, of which the contract says nothing"),
    Row("finalizers", "metadata finalizers []", "pods get them", unset),
    Row("template", "metadata **", "no pod gets it from a template"),
    *_under("spec", POD),
)
_HOW_IT_ROLLS = (
    Row("replicas", "spec replicas", "the stack's: no clause; CPU is the quotas' to bound", _replicas, _a_models),
    Row("rollout", "spec strategy rollingUpdate maxSurge", "the quotas bound it", always, _surge),
    Row("rollout", "spec strategy **", "how it is replaced"),
    Row("rollout", "spec minReadySeconds", "how it is replaced", always, at_most(3600)),
    Row("rollout", "spec progressDeadlineSeconds", "how it is replaced", always),
    Row("rollout", "spec revisionHistoryLimit", "how much is kept of it"),
    Row("rollout", "spec paused", "how it is replaced"),
    Row("rollout", "spec selector **", "pods of our own namespaces, which belong to somebody already"),
)
_DEPLOYMENT = (*METADATA, *_HOW_IT_ROLLS, *_under("spec template", _TEMPLATE))

_GROUPS = (
    *METADATA,
    Row("replicas", "spec replicas", "within the contract", _replicas, _a_models),
    Row("replicas", "spec leaderWorkerTemplate size", "see the whole", always),
    Row("rollout", "spec leaderWorkerTemplate restartPolicy", "how it is replaced"),
    Row("rollout", "spec leaderWorkerTemplate subGroupPolicy **", "where its own pods go"),
    Row("rollout", "spec rolloutStrategy **", "how it is replaced"),
    Row("rollout", "spec startupPolicy", "how it starts"),
    Row("rollout", "spec networkConfig **", "names of its own pods"),
    *_under("spec leaderWorkerTemplate leaderTemplate", _TEMPLATE),
    *_under("spec leaderWorkerTemplate workerTemplate", _TEMPLATE),
)


def _in_time(value: Any, asked: Asked, _path: Path) -> bool:
    most = max((seconds for _claim, seconds in asked.bounds.staged.values()), default=-1)
    return isinstance(value, int) and 0 <= value <= most


_JOB = (
    *METADATA,
    Row("job.pods", "spec parallelism", "one pod at a time, or none", one_of(0, 1), one_of(1)),
    Row("job.pods", "spec completions", "it ends when one has", one_of(1), one_of(1)),
    Row("job.pods", "spec completionMode", "the default", one_of("NonIndexed")),
    Row("job.pods", "spec manualSelector", "it would have pods of others", unset),
    Row("job.pods", "spec podReplacementPolicy", "when a pod that ended is replaced"),
    Row("job.end", "spec suspend", "one that is taken up again has all its time again", unset),
    Row("job.pods", "spec selector **", "without a manual one, the server's own"),
    Row("job.end", "spec backoffLimit", "three pods, one after the other", at_most(2), at_most(2)),
    Row("job.end", "spec activeDeadlineSeconds", "an end", _in_time, _in_time),
    *_under("spec template", _TEMPLATE),
)

_SERVICE = (
    *METADATA,
    Row("service.type", "spec type", "an address within the cluster", one_of("ClusterIP")),
    Row("service.selector", "spec selector *", "pods of our own namespaces, all of which are ours"),
    Row("service.ports", "spec ports [] nodePort", "", unset),
    Row("service.ports", "spec ports [] *", "a port of an address within the cluster"),
    Row("service.addresses", "spec clusterIP", "the server's allocator gives no address twice"),
    Row("service.addresses", "spec clusterIPs []", "the server's allocator gives no address twice"),
    Row("service.addresses", "spec externalIPs", "", unset),
    Row("service.traffic", "spec ipFamilies []", "of an address within the cluster"),
    Row("service.traffic", "spec ipFamilyPolicy", "of an address within the cluster"),
    Row("service.traffic", "spec internalTrafficPolicy", "which of our own pods answers"),
    Row("service.traffic", "spec trafficDistribution", "which of our own pods answers"),
    Row("service.traffic", "spec sessionAffinity", "which of our own pods answers"),
    Row("service.traffic", "spec sessionAffinityConfig **", "which of our own pods answers"),
    Row("service.traffic", "spec publishNotReadyAddresses", "which of our own pods answers"),
    Row("service.traffic", "spec externalTrafficPolicy", "only with a type that is refused"),
    Row("service.traffic", "spec healthCheckNodePort", "only with a type that is refused"),
    Row("service.traffic", "spec allocateLoadBalancerNodePorts", "only with a type that is refused"),
)
_BUDGET = (
    *METADATA,
    Row("budget.selector", "spec selector **", "see the whole"),
    Row("budget.drains", "spec maxUnavailable", "a drain gets on", lambda v, _a, _p: v not in (0, "0%"), one_of(1)),
    Row("budget.drains", "spec unhealthyPodEvictionPolicy", "no clause says it"),
)
_METRIC = "no clause says by what it scales; it reads numbers, and scales within its bounds"
_AUTOSCALER = (
    *METADATA,
    Row("scaling.target", "spec scaleTargetRef kind", "ours", one_of("Deployment", "LeaderWorkerSet")),
    Row("scaling.target", "spec scaleTargetRef *", "a workload of its own namespace, whose bounds hold anyway"),
    Row("scaling.bounds", "spec minReplicas", "within the contract", _least, _needs_range),
    Row("scaling.bounds", "spec maxReplicas", "within the contract", _replicas, _needs_range),
    Row("scaling.metrics", "spec metrics **", _METRIC),
    Row("scaling.behavior", "spec behavior **", "how fast it scales within its bounds"),
)
_SCALED_OBJECT = (
    *METADATA,
    Row("scaling.target", "spec scaleTargetRef kind", "ours", one_of("Deployment", "LeaderWorkerSet", "")),
    Row("scaling.target", "spec scaleTargetRef *", "a workload of its own namespace, whose bounds hold anyway"),
    Row("scaling.bounds", "spec minReplicaCount", "within the contract", _least, _needs_range),
    Row("scaling.bounds", "spec maxReplicaCount", "within the contract", _replicas, _needs_range),
    Row("scaling.bounds", "spec idleReplicaCount", "within the contract", _least),
    Row("scaling.bounds", "spec fallback replicas", "within the contract", _replicas),
    Row("scaling.bounds", "spec fallback *", "when that number is taken"),
    Row("scaling.behavior", "spec pollingInterval", "how fast it scales within its bounds"),
    Row("scaling.behavior", "spec cooldownPeriod", "how fast it scales within its bounds"),
    Row("scaling.behavior", "spec initialCooldownPeriod", "how fast it scales within its bounds"),
    Row("scaling.behavior", "spec advanced **", "how fast it scales within its bounds"),
    Row("scaling.triggers", "spec triggers [] type", "our telemetry", one_of("prometheus")),
    Row("scaling.triggers", "spec triggers [] metadata serverAddress", "our telemetry", one_of(TELEMETRY)),
    Row("scaling.triggers", "spec triggers [] metadata query", "a question to our telemetry", always),
    Row("scaling.triggers", "spec triggers [] metadata threshold", "when it scales within its bounds", always),
    Row("scaling.triggers", "spec triggers [] metadata activationThreshold", "when it scales within its bounds"),
    Row("scaling.triggers", "spec triggers [] metadata ignoreNullValues", "whether nothing is a zero"),
    Row("scaling.triggers", "spec triggers [] name", "a name"),
    Row("scaling.triggers", "spec triggers [] metricType", "when it scales within its bounds"),
    Row("scaling.triggers", "spec triggers [] useCachedMetrics", "when it scales within its bounds"),
)


def _parent(value: Any, asked: Asked, path: Path) -> bool:
    namespace, name = asked.bounds.gateway
    return bool(value == {"namespace": namespace, "name": name}[str(path[-1])])


_BACKEND = "spec rules [] backendRefs []"
_HTTP_ROUTE = (
    *METADATA,
    Row("route.parents", "spec parentRefs [] name", "the contract's", _parent, _parent),
    Row("route.parents", "spec parentRefs [] namespace", "the contract's", _parent, _parent),
    Row("route.parents", "spec parentRefs [] kind", "the contract's", one_of("Gateway")),
    Row("route.parents", "spec parentRefs [] group", "the contract's", one_of("gateway.networking.k8s.io")),
    Row("route.parents", "spec parentRefs [] sectionName", "a listener of the contract's gateway"),
    Row("route.parents", "spec parentRefs [] port", "a listener of the contract's gateway"),
    Row("route.hosts", "spec hostnames []", "in the contract's domain", lambda v, a, _p: a.bounds.in_domain(str(v))),
    Row("route.backends", f"{_BACKEND} name", "the router", one_of("router"), one_of("router")),
    Row("route.backends", f"{_BACKEND} namespace", "the router's", one_of(SYSTEM)),
    Row("route.backends", f"{_BACKEND} kind", "the router's", one_of("Service")),
    Row("route.backends", f"{_BACKEND} group", "the router's", one_of("")),
    Row("route.backends", f"{_BACKEND} port", "the router's", one_of(8001)),
    Row("route.backends", f"{_BACKEND} weight", "there is one back end"),
    Row("route.matches", "spec rules [] matches **", "which of its own requests reach the router"),
    Row("route.matches", "spec rules [] name", "a name"),
    Row("route.matches", "spec rules [] timeouts **", "how long the router may take"),
)
_ROUTE = (
    *METADATA,
    Row("route.hosts", "spec host", "in the contract's domain", lambda v, a, _p: a.bounds.in_domain(str(v))),
    Row("route.matches", "spec path", "which of its own requests reach the router"),
    Row("route.backends", "spec to name", "the router", one_of("router"), one_of("router")),
    Row("route.backends", "spec to kind", "the router's", one_of("Service")),
    Row("route.backends", "spec to weight", "there is one back end"),
    Row("route.backends", "spec port targetPort", "a port of the router"),
    Row("route.tls", "spec tls *", "how its own requests are kept from being read"),
    Row("route.hosts", "spec wildcardPolicy", "no more hosts", one_of("None", "")),
)
_CONFIG_MAP = (
    *METADATA,
    Row("content", "data *", "settings of ours; the head of the records is judged by its change"),
    Row("content", "binaryData *", "settings of ours; the head of the records is judged by its change"),
    Row("content", "immutable", "settings of ours"),
)
_REVISION = (
    *METADATA,
    Row("content", "revision", "which one it is"),
    Row("content", "data **", "manifests, which are guarded when they are applied"),
)
_LEASE = (*METADATA, Row("content", "spec **", "who of us works, and until when"))

ROWS: Mapping[str, tuple[Row, ...]] = {
    "ConfigMap": _CONFIG_MAP,
    "ControllerRevision": _REVISION,
    "Deployment": _DEPLOYMENT,
    "HTTPRoute": _HTTP_ROUTE,
    "HorizontalPodAutoscaler": _AUTOSCALER,
    "Job": _JOB,
    "LeaderWorkerSet": _GROUPS,
    "Lease": _LEASE,
    "Pod": (*METADATA, *_under("spec", POD)),
    "PodDisruptionBudget": _BUDGET,
    "Route": _ROUTE,
    "ScaledObject": _SCALED_OBJECT,
    "Service": _SERVICE,
}
"""The places that an object of a kind may use."""

POD_SPECS: Mapping[str, tuple[Path, ...]] = {
    "Deployment": (("spec", "template", "spec"),),
    "Job": (("spec", "template", "spec"),),
    "LeaderWorkerSet": (
        ("spec", "leaderWorkerTemplate", "leaderTemplate", "spec"),
        ("spec", "leaderWorkerTemplate", "workerTemplate", "spec"),
    ),
    "Pod": (("spec",),),
}

# -- objects as a whole ----------------------------------------------------------------------------------------------

Findings = Iterator[Finding]


def _marked(asked: Asked) -> Findings:
    labels = at(asked.new, "metadata", "labels") or {}
    if labels.get(_MANAGED) != OURS:
        yield Finding("labels", ("metadata", "labels"), f"{_MANAGED} is not {OURS}")
    if asked.kind not in ("ConfigMap", "Lease", "Pod") and not labels.get(_PART_OF):
        yield Finding("labels", ("metadata", "labels"), f"there is no {_PART_OF}")


def _pods(asked: Asked) -> Findings:
    for path in POD_SPECS[asked.kind]:
        yield from whole_pod(at(asked.new, *path) or {}, asked, path)


def _gpus(asked: Asked) -> Findings:
    """The GPUs of all replicas, by what the contract approves for one model and of one product."""
    specs = [at(asked.new, *path) or {} for path in POD_SPECS[asked.kind]]
    replicas = at(asked.new, "spec", "replicas")
    replicas = 1 if replicas is None else int(replicas)
    size = max(1, int(at(asked.new, "spec", "leaderWorkerTemplate", "size") or 1))
    each = gpus_of(specs[0]) + gpus_of(specs[-1]) * (size - 1)
    products = {(spec.get("nodeSelector") or {}).get(PRODUCT) for spec in specs if gpus_of(spec)}
    if len(products) > 1:
        yield Finding("pod.gpus", ("spec",), "a replica of several products")
    most = min([asked.bounds.products.get(str(product), 0) for product in products], default=0)
    # A single pod is a canary, which takes all GPUs that are free on its node: no clause bounds it but the product's.
    most = most if asked.kind == "Pod" else min(most, asked.bounds.gpus)
    if each and replicas * each > most:
        yield Finding("pod.gpus", ("spec", "replicas"), f"{replicas * each} of {GPU} are more than the contract has")


def _one_model(asked: Asked) -> Findings:
    """A model's replicas are of one workload, which has its name; a candidate of the next version is one pod, and gets
    no requests. What bounds a model, and what its pods may connect to, goes by these names."""
    if asked.namespace != MODELS or (at(asked.old, "spec") or {}) == at(asked.new, "spec"):
        return
    part_of = str((at(asked.new, "metadata", "labels") or {}).get(_PART_OF))
    model = part_of.removeprefix("model-")
    for path in POD_SPECS[asked.kind]:
        place = (*path[:-1], "metadata", "labels")
        if at(asked.new, *path[:-1]) is None:
            continue
        labels = at(asked.new, *place) or {}
        candidate, marks = labels.get(f"{_PREFIX}candidate"), {labels.get(MODEL), labels.get(GROUP)} - {None}
        if labels.get(_PART_OF) != part_of or f"{_PREFIX}stages" in labels:
            yield Finding("model.network", place, "network policies take its pods for others")
        if asked.name == model:
            if marks != {model} or candidate:
                yield Finding("model.workload", place, "its pods are not the model's")
        elif asked.kind != "Deployment" or not asked.name.startswith(f"{model}-candidate-"):
            yield Finding("model.workload", ("metadata", "name"), "a second workload of a model")
        elif marks or candidate != asked.name or (at(asked.new, "spec", "replicas") or 0) > 1:
            yield Finding("model.workload", ("metadata", "name"), "a candidate is one pod without requests")


def _staging(asked: Asked) -> Findings:
    """The only Job: it fetches the weights of a model onto its claim."""
    template = at(asked.new, "spec", "template") or {}
    labels, spec = at(template, "metadata", "labels") or {}, template.get("spec") or {}
    model = labels.get(f"{_PREFIX}stages")
    claim, _seconds = asked.bounds.staged.get(model, ("", 0))
    marks = at(asked.new, "metadata", "labels") or {}
    if asked.namespace != MODELS or not claim or marks.get(_PART_OF) != f"model-{model}":
        yield Finding("job.model", ("metadata",), "it is of no model whose weights are staged")
    if not asked.name.startswith(f"{model}-weights-"):
        yield Finding("job.model", ("metadata", "name"), "it is not named after its model")
    if labels.keys() & {MODEL, GROUP, COMPONENT}:
        yield Finding("job.model", ("spec", "template", "metadata", "labels"), "its pod gets requests")
    path: Path = ("spec", "template", "spec")
    if len(spec.get("containers") or ()) != 1 or spec.get("initContainers"):
        yield Finding("job.pods", (*path, "containers"), "it is more than one container")
    if gpus_of(spec) or spec.get("priorityClassName"):
        yield Finding("job.pods", path, "it takes what serves")
    claims = {at(each, "persistentVolumeClaim", "claimName") for each in spec.get("volumes") or ()} - {None}
    if claims - {claim}:
        yield Finding("pod.volumes", (*path, "volumes"), "another claim than its model's")
    if spec.get("restartPolicy") != "Never":
        yield Finding("job.end", (*path, "restartPolicy"), "its pods restart without an end")
    if at(asked.new, "spec", "activeDeadlineSeconds") is None or at(asked.new, "spec", "backoffLimit") is None:
        yield Finding("job.end", ("spec",), "it has no end")


def _budget(asked: Asked) -> Findings:
    selector = at(asked.new, "spec", "selector") or {}
    known = (MODEL, GROUP) if asked.namespace == MODELS else (COMPONENT,)
    if set(selector) != {"matchLabels"} or selector["matchLabels"] not in [{key: asked.name} for key in known]:
        yield Finding("budget.selector", ("spec", "selector"), "it is not exactly the pods after which it is named")
    if at(asked.new, "spec", "maxUnavailable") is None:
        yield Finding("budget.drains", ("spec",), "there is no maxUnavailable")


def _scaled(asked: Asked) -> Findings:
    if at(asked.new, "spec", "maxReplicaCount") is None and asked.bounds.replicas < 100:
        yield Finding("scaling.bounds", ("spec", "maxReplicaCount"), "KEDA's default is 100")


def _route(asked: Asked) -> Findings:
    if not at(asked.new, "spec", "hostnames"):
        yield Finding("route.hosts", ("spec", "hostnames"), "without one it takes every host of its gateway")


def _openshift_route(asked: Asked) -> Findings:
    if not at(asked.new, "spec", "host"):
        yield Finding("route.hosts", ("spec", "host"), "without one OpenShift chooses")


def _canary(asked: Asked) -> Findings:
    """The only pod that anybody makes by hand."""
    spec, labels = asked.new.get("spec") or {}, at(asked.new, "metadata", "labels") or {}
    if labels.get(f"{_PREFIX}canary") != "true":
        yield Finding("canary", ("metadata", "labels"), "it is no canary")
    if labels.keys() & {MODEL, GROUP, COMPONENT}:
        yield Finding("canary", ("metadata", "labels"), "it gets requests")
    if len(spec.get("containers") or ()) != 1 or spec.get("initContainers"):
        yield Finding("canary", ("spec", "containers"), "it is more than one container")
    if spec.get("volumes"):
        yield Finding("canary", ("spec", "volumes"), "it has volumes")
    if spec.get("automountServiceAccountToken") is not False:
        yield Finding("canary", ("spec", "automountServiceAccountToken"), "it has a token")
    several = len(asked.bounds.products) > 1
    if (priority := spec.get("priorityClassName")) and not (several and "-batch" in priority):
        yield Finding("canary", ("spec", "priorityClassName"), "it has a priority")
    if not spec.get("activeDeadlineSeconds") or spec.get("restartPolicy") != "Never":
        yield Finding("canary", ("spec", "activeDeadlineSeconds"), "it has no end")


_BY_UPGRADER = ("stack", "operation-records")
_NOBODYS = ("presetup", "kube-root-ca.crt", "openshift-service-ca.crt")
_STACKS = re.compile(r"stack|stack-upgrade-[0-9]+|.+-[0-9a-f]{10}")
"""The set, what upgrades remember, and settings by a digest of them: others are another name."""


def may_write_settings(identity: str, namespace: str, name: str, verb: str = "patch") -> bool:
    """Whether a ConfigMap is one of those that the identity's playbooks make: RBAC limits no creation to a name."""
    if namespace != SYSTEM or name in _NOBODYS or name.startswith("setup-"):
        return False
    models, records = name.startswith("model-"), name == "operation-records"
    if identity == "deployer":
        # The stack makes it; the deployer says in it which models there are.
        return models or records or (name == "router-models" and verb == "patch")
    if identity == "node-medic":
        return records
    if identity not in ("operator", "upgrader"):
        return False
    if name == "router-models":
        return True
    return records or (models and identity == "operator") or (not models and bool(_STACKS.fullmatch(name)))


def _settings(asked: Asked) -> Findings:
    if asked.verb == "create" and asked.name == "operation-records":
        yield Finding("name", ("metadata", "name"), "the customer's administrators make the head of the records, once")
    elif not may_write_settings(asked.identity, asked.namespace, asked.name, asked.verb):
        yield Finding(
            "name", ("metadata", "name"), f"{asked.identity} needs no ConfigMap {asked.namespace}/{asked.name}"
        )
    elif asked.name == "router-models" and asked.identity == "upgrader":
        before = {} if asked.verb == "create" else asked.old
        for part in ("data", "binaryData"):
            if (at(before, part) or {}) != (at(asked.new, part) or {}):
                yield Finding("router.models", (part,), "which models the router knows, the upgrader does not say")
    elif asked.verb == "patch" and _STACKS.fullmatch(asked.name):
        for part in ("data", "binaryData"):
            if (at(asked.old, part) or {}) != (at(asked.new, part) or {}):
                yield Finding("settings.content", (part,), "a pod would read other settings than its version's")


def _lock(asked: Asked) -> Findings:
    if asked.name != "operation-lock":
        yield Finding("name", ("metadata", "name"), "the only Lease is operation-lock")


Rule = Callable[[Asked], Findings]
WHOLE: Mapping[str, tuple[Rule, ...]] = {
    "ConfigMap": (_settings, _marked),
    "ControllerRevision": (_marked,),
    "Deployment": (_marked, _pods, _gpus, _one_model),
    "HTTPRoute": (_marked, _route),
    "HorizontalPodAutoscaler": (_marked,),
    "Job": (_marked, _pods, _staging),
    "LeaderWorkerSet": (_marked, _pods, _gpus, _one_model),
    "Lease": (_marked, _lock),
    "Pod": (_marked, _pods, _gpus, _canary),
    "PodDisruptionBudget": (_marked, _budget),
    "Route": (_marked, _openshift_route),
    "ScaledObject": (_marked, _scaled),
    "Service": (_marked,),
}
"""What an object of a kind is held to beyond its places."""
