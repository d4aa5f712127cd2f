# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a pod of ours may be: a row for each place that it may use, and what it must have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..edits import Path
from .bounds import GPU, MODELS, PRODUCT, SYSTEM, WORDS
from .rows import Asked, Finding, Row, always, at, at_most, never, one_of, unset

PRIORITIES = tuple(f"fireworks-{word}" for word in WORDS)
ACCOUNTS = {SYSTEM: ("router", "telemetry"), MODELS: ("engine",)}
DAY, MONTH = 86400, 30 * 86400
_OWN = ("nvidia.com/gpu", "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
_CANARYS = ("byoc.fireworks.ai/quarantined", "node.kubernetes.io/unschedulable")
_PLAIN_RESOURCES = ("cpu", "memory", "ephemeral-storage", GPU)
_COMPONENT = "byoc.fireworks.ai/component"
_NO_HARM = "it changes how our own pod runs, and nothing of anybody else"


def _approved(value: Any, asked: Asked, _path: Path) -> bool:
    return asked.bounds.approves(str(value))


def _account(value: Any, asked: Asked, path: Path) -> bool:
    if path[-1] == "serviceAccount" and at(asked.new, *path[:-1], "serviceAccountName"):
        return True  # the old name counts only where the new one says nothing
    value = value or at(asked.new, *path[:-1], "serviceAccount")
    if value in ("default", "", None):  # without its token it gives a pod nothing
        return at(asked.new, *path[:-1], "automountServiceAccountToken") is False
    return value in ACCOUNTS[asked.namespace]


def _of_a_pod(_value: Any, asked: Asked, _path: Path) -> bool:
    return asked.kind == "Pod"


def _of_claim(value: Any, asked: Asked, _path: Path) -> bool:
    return value in (asked.bounds.claims if asked.namespace == MODELS else asked.bounds.metrics)


def _of_secret(value: Any, asked: Asked, _path: Path) -> bool:
    return value in (asked.bounds.secrets if asked.namespace == SYSTEM else asked.bounds.model_secrets)


def _default_audience(value: Any, asked: Asked, _path: Path) -> bool:
    return value in ("", None, asked.bounds.audience)


def _short_token(value: Any, asked: Asked, _path: Path) -> bool:
    return isinstance(value, int) and value <= max(3607, asked.bounds.token_seconds)


def _tolerated(value: Any, asked: Asked, _path: Path) -> bool:
    return value in _OWN or (asked.kind == "Pod" and value in _CANARYS)


def _priority(value: Any, asked: Asked, _path: Path) -> bool:
    of_products = (each for product in asked.bounds.products for each in asked.bounds.classes(product))
    return value in (*PRIORITIES, "", *of_products)


def _resource(_value: Any, asked: Asked, path: Path) -> bool:
    name = str(path[-1])
    if name == GPU:
        return asked.namespace == MODELS or str(_value) == "0"
    return name in _PLAIN_RESOURCES or name.startswith("hugepages-")


def _any_other_variable(value: Any, _asked: Asked, _path: Path) -> bool:
    return str(value) != "NVIDIA_VISIBLE_DEVICES"


def _no_root(value: Any, _asked: Asked, _path: Path) -> bool:
    return bool(value != 0)


def _a_medium(value: Any, _asked: Asked, _path: Path) -> bool:
    return value in ("", "Memory", None)


_HANDLER = (
    Row("pod.command", "exec command []", "a command in its own container", always),
    Row("pod.hosts", "httpGet host", "", unset),
    Row("pod.hosts", "tcpSocket host", "", unset),
    Row("pod.probes", "httpGet **", "a request to itself"),
    Row("pod.probes", "tcpSocket **", "a connection to itself"),
    Row("pod.probes", "grpc **", "a request to itself"),
    Row("pod.probes", "sleep **", "it waits"),
)
_PROBE = (
    *_HANDLER,
    Row("pod.grace", "terminationGracePeriodSeconds", _NO_HARM, at_most(MONTH)),
    Row("pod.probes", "failureThreshold", "how long a model may load", always, at_most(100000)),
    Row("pod.probes", "*", _NO_HARM),
)

_SECURITY = (
    Row(
        "pod.restricted",
        "seccompProfile type",
        "as Pod Security's restricted level",
        one_of("RuntimeDefault", "Localhost"),
    ),
    Row("pod.restricted", "seccompProfile localhostProfile", "as Pod Security's restricted level"),
    Row(
        "pod.restricted",
        "appArmorProfile type",
        "the runtime's default is what it has anyway",
        one_of("RuntimeDefault"),
    ),
    Row("pod.restricted", "runAsNonRoot", "false says nothing beside true of the pod; see the whole", always),
    Row("pod.restricted", "runAsUser", _NO_HARM, _no_root),
    Row("pod.restricted", "runAsGroup", "a group alone gives no rights", always),
)
_CONTAINER_SECURITY = (
    *_SECURITY,
    Row("pod.restricted", "allowPrivilegeEscalation", "", one_of(False)),
    Row("pod.restricted", "capabilities drop []", "less rights", always),
    Row("pod.restricted", "readOnlyRootFilesystem", "its own files", always),
    Row("pod.restricted", "procMount", "the default", one_of("Default", "")),
)
_POD_SECURITY = (
    *_SECURITY,
    Row("pod.restricted", "fsGroup", "the group of files on its own volumes", always),
    Row("pod.restricted", "fsGroupChangePolicy", "how that is set", always),
    Row("pod.restricted", "supplementalGroupsPolicy", "the image's groups or none", always),
    Row("pod.restricted", "seLinuxChangePolicy", "how labels are set; no labels may be given", always),
)
_ENV = (
    Row("pod.nvidia", "name", "the engine's settings", _any_other_variable, _any_other_variable),
    Row("pod.command", "value", "the engine's settings", always, always),
    Row("pod.command", "valueFrom fieldRef **", "what the pod itself is"),
    Row("pod.command", "valueFrom resourceFieldRef **", "what the pod itself is"),
    Row("pod.command", "valueFrom configMapKeyRef **", "our own settings: no ConfigMap holds a secret"),
    Row("pod.secrets", "valueFrom secretKeyRef name", "the contract's own", _of_secret),
    Row("pod.secrets", "valueFrom secretKeyRef key", "of a Secret that is allowed by name"),
    Row("pod.secrets", "valueFrom secretKeyRef optional", "of a Secret that is allowed by name"),
)


def _under(prefix: str, rows: tuple[Row, ...]) -> tuple[Row, ...]:
    return tuple(Row(row.clause, f"{prefix} {row.where}", row.why, row.holds, row.needs) for row in rows)


CONTAINER = (
    Row("pod.name", "name", "a name within the pod"),
    Row("pod.images", "image", "what was agreed on", _approved, _approved),
    Row("pod.images", "imagePullPolicy", "by digest it is the same image"),
    Row("pod.command", "command []", "what runs in an approved image", always, always),
    Row("pod.command", "args []", "what runs in an approved image", always, always),
    Row("pod.command", "workingDir", _NO_HARM),
    *_under("env []", _ENV),
    Row("pod.secrets", "envFrom [] secretRef name", "the contract's own", _of_secret),
    Row("pod.secrets", "envFrom [] secretRef optional", "of a Secret that is allowed by name"),
    Row("pod.secrets", "envFrom [] prefix", "of a Secret that is allowed by name"),
    Row("pod.ports", "ports [] hostPort", "", unset),
    Row("pod.ports", "ports [] hostIP", "nothing without a port of the node"),
    Row("pod.ports", "ports [] *", "what it says of itself; it opens nothing"),
    Row("pod.resources", "resources limits *", "CPU and memory are the customer's quotas' to bound", _resource),
    Row("pod.resources", "resources requests *", "CPU and memory are the customer's quotas' to bound", _resource),
    Row("pod.resources", "resizePolicy **", _NO_HARM),
    Row("pod.restarts", "restartPolicy", _NO_HARM),
    Row("pod.restarts", "restartPolicyRules **", _NO_HARM),
    Row("pod.mounts", "volumeMounts [] mountPropagation", "the default", one_of("None", "")),
    Row("pod.mounts", "volumeMounts [] *", "where it sees a volume that it may have"),
    *_under("startupProbe", _PROBE),
    *_under("readinessProbe", _PROBE),
    *_under("livenessProbe", _PROBE),
    *_under("lifecycle preStop", _HANDLER),
    *_under("lifecycle postStart", _HANDLER),
    Row("pod.probes", "lifecycle stopSignal", _NO_HARM),
    *_under("securityContext", _CONTAINER_SECURITY),
    Row("pod.command", "terminationMessagePath", _NO_HARM),
    Row("pod.command", "terminationMessagePolicy", _NO_HARM),
    Row("pod.command", "stdin", _NO_HARM),
    Row("pod.command", "stdinOnce", _NO_HARM),
    Row("pod.command", "tty", _NO_HARM),
)

_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
_TOKEN = "projected sources [] serviceAccountToken"
VOLUME = (
    Row("pod.volumes", "name", "a name within the pod"),
    Row("pod.volumes", "configMap **", "our own settings: no ConfigMap holds a secret"),
    Row("pod.volumes", "emptyDir medium", "what the engines use", _a_medium),
    Row("pod.volumes", "emptyDir sizeLimit", "a limit; what is in memory is the pod's memory"),
    Row("pod.volumes", "emptyDir", "the pod's own scratch", always),
    Row("pod.volumes", "persistentVolumeClaim claimName", "the contract's own", _of_claim, _of_claim),
    Row("pod.volumes", "persistentVolumeClaim readOnly", "of a claim that is allowed by name"),
    Row("pod.volumes", "secret secretName", "the contract's own", _of_secret, _of_secret),
    Row("pod.volumes", "secret **", "of a Secret that is allowed by name"),
    Row("pod.volumes", f"{_TOKEN} audience", "the API server's own", _default_audience),
    Row("pod.volumes", f"{_TOKEN} expirationSeconds", "as Kubernetes makes it", _short_token),
    Row("pod.volumes", f"{_TOKEN} path", "a file's name"),
    Row("pod.volumes", "projected sources [] configMap **", "as in a token's volume"),
    Row("pod.volumes", "projected sources [] downwardAPI **", "as in a token's volume"),
    Row("pod.volumes", "projected defaultMode", "the mode of files"),
)

POD = (
    *_under("containers []", CONTAINER),
    *_under("initContainers []", CONTAINER),
    Row("pod.ephemeral", "ephemeralContainers **", "the server makes no pod that has one from the beginning"),
    *_under("volumes []", VOLUME),
    Row("pod.account", "serviceAccountName", "accounts without rights of ours", _account),
    Row("pod.account", "serviceAccount", "the same by its old name", _account),
    Row("pod.account", "automountServiceAccountToken", "only of an account that it may have"),
    Row("pod.secrets", "imagePullSecrets [] name", "the account's; only registries get it", _of_a_pod),
    Row("pod.priority", "priorityClassName", "the contract's words", _priority, one_of(*PRIORITIES)),
    Row("pod.priority", "priority", "the server refuses pods whose number is not their class's"),
    Row("pod.priority", "preemptionPolicy", "the server refuses pods whose policy is not their class's"),
    Row("pod.placement", "nodeSelector *", "it can only narrow where a pod goes; of GPUs, see the whole"),
    Row("pod.placement", "affinity nodeAffinity **", "it can only narrow where a pod goes"),
    *(
        Row("pod.placement", f"affinity {kind} {_PREFERRED} {below}", "a wish that is about pods of its own namespace")
        for kind in ("podAffinity", "podAntiAffinity")
        for below in ("[] weight", "[] podAffinityTerm topologyKey", "[] podAffinityTerm labelSelector **")
    ),
    Row("pod.placement", "topologySpreadConstraints [] **", "it moves our own pod only"),
    Row("pod.tolerations", "tolerations [] key", "GPU nodes, and what Kubernetes adds", _tolerated),
    Row("pod.tolerations", "tolerations [] operator", "of a taint that is allowed by key"),
    Row("pod.tolerations", "tolerations [] effect", "of a taint that is allowed by key"),
    Row("pod.tolerations", "tolerations [] value", "of a taint that is allowed by key"),
    Row("pod.tolerations", "tolerations [] tolerationSeconds", "of a taint that is allowed by key"),
    Row("pod.placement", "schedulerName", "the default", one_of("default-scheduler", "")),
    Row("pod.grace", "terminationGracePeriodSeconds", "an end; no clause says how soon", at_most(DAY), at_most(120)),
    Row("pod.grace", "activeDeadlineSeconds", "an end"),
    Row("pod.restarts", "restartPolicy", _NO_HARM),
    Row("pod.dns", "dnsPolicy", "the default", one_of("ClusterFirst", "")),
    Row("pod.dns", "enableServiceLinks", "addresses of our own Services"),
    Row("pod.dns", "hostname", "its own name"),
    Row("pod.dns", "hostnameOverride", "its own name"),
    Row("pod.dns", "subdomain", "its own name"),
    Row("pod.dns", "setHostnameAsFQDN", "its own name"),
    Row("pod.host", "hostUsers", "without it, less is shared with the node", always),
    Row("pod.os", "os name", "for others, restricted demands less", one_of("linux")),
    Row("pod.restarts", "readinessGates [] *", "it keeps our own pod from requests"),
    Row("pod.restarts", "schedulingGates [] *", "it keeps our own pod from starting"),
    Row("pod.resources", "resources limits *", "CPU and memory are the customer's quotas' to bound", _resource),
    Row("pod.resources", "resources requests *", "CPU and memory are the customer's quotas' to bound", _resource),
    *_under("securityContext", _POD_SECURITY),
)
"""The places that a pod's spec may use. What is in none of them is forbidden, unless it says nothing."""

NAMED = {
    "hostNetwork": "pod.host",
    "hostPID": "pod.host",
    "hostIPC": "pod.host",
    "hostAliases": "pod.hosts",
    "nodeName": "pod.placement",
    "runtimeClassName": "pod.runtime",
    "overhead": "pod.runtime",
    "resourceClaims": "pod.resources",
    "imagePullSecrets": "pod.secrets",
    "dnsConfig": "pod.dns",
    "shareProcessNamespace": "pod.host",
    "affinity": "pod.placement",
    "volumes": "pod.volumes",
    "tolerations": "pod.tolerations",
}
"""Clauses by which what is not listed is called, by the first step below the spec."""
NAMED_BELOW = {
    "privileged": "pod.privileges",
    "add": "pod.privileges",
    "sysctls": "pod.sysctls",
    "seLinuxOptions": "pod.restricted",
    "windowsOptions": "pod.restricted",
    "appArmorProfile": "pod.restricted",
    "supplementalGroups": "pod.restricted",
    "claims": "pod.resources",
    "envFrom": "pod.secrets",
    "volumeDevices": "pod.volumes",
}


def clause_of(path: tuple[str, ...]) -> str:
    """By which clause a place of a pod's spec is forbidden that no row lists."""
    below = next((NAMED_BELOW[step] for step in path if step in NAMED_BELOW), "")
    return below or (NAMED.get(path[0]) if path else "") or "pod.unlisted"


# -- what a pod must have --------------------------------------------------------------------------------------------


def whole_pod(spec: Mapping[str, Any], asked: Asked, path: Path) -> Iterator[Finding]:
    """What of a pod's spec breaks a clause because something is not there."""
    for key in ("containers", "initContainers"):
        for number, container in enumerate(spec.get(key) or ()):
            yield from _restricted(spec, container, (*path, key, number))
    for number, toleration in enumerate(spec.get("tolerations") or ()):
        if not toleration.get("key"):
            yield Finding("pod.tolerations", (*path, "tolerations", number), "it tolerates every taint")
    if gpus_of(spec) and (spec.get("nodeSelector") or {}).get(PRODUCT) not in asked.bounds.products:
        yield Finding("pod.gpus", (*path, "nodeSelector"), "GPUs without a selector for an approved product")
    yield from _written(spec, asked, path)
    yield from _counted(spec, asked, path)


def _written(spec: Mapping[str, Any], asked: Asked, path: Path) -> Iterator[Finding]:
    """What a Job has fetched, replicas only read."""
    staged = {claim for claim, _seconds in asked.bounds.staged.values()}
    for number, volume in enumerate(spec.get("volumes") or () if asked.kind != "Job" else ()):
        claim = volume.get("persistentVolumeClaim") or {}
        if claim.get("claimName") in staged and not claim.get("readOnly"):
            yield Finding("pod.volumes", (*path, "volumes", number), "it would write to staged weights")
    labels = at(asked.new, *path[:-1], "metadata", "labels") or {}
    for number, volume in enumerate(spec.get("volumes") or () if asked.namespace == SYSTEM else ()):
        if volume.get("persistentVolumeClaim") and labels.get(_COMPONENT) != "telemetry":
            yield Finding("pod.volumes", (*path, "volumes", number), "the metrics' volume is telemetry's alone")


def _counted(spec: Mapping[str, Any], asked: Asked, path: Path) -> Iterator[Finding]:
    """Where several products are approved, the class of a pod counts its GPUs. A change of a Deployment makes no pods:
    the ReplicaSet of a new version does, and only the cluster's own controller makes one."""
    products, product = asked.bounds.products, (spec.get("nodeSelector") or {}).get(PRODUCT)
    if len(products) < 2 or (asked.kind, asked.verb) == ("Deployment", "patch"):
        return
    priority = spec.get("priorityClassName") or ""
    others = [each for known in products for each in asked.bounds.classes(known) if each not in PRIORITIES]
    if product in products and priority not in asked.bounds.classes(str(product)):
        yield Finding("pod.counted", (*path, "priorityClassName"), f"it does not count GPUs of {product}")
    if product not in products and priority in others:
        yield Finding("pod.counted", (*path, "priorityClassName"), "it counts GPUs of a product that is not selected")


def _restricted(spec: Mapping[str, Any], container: Mapping[str, Any], path: Path) -> Iterator[Finding]:
    own, common = container.get("securityContext") or {}, spec.get("securityContext") or {}
    where = (*path, "securityContext")
    if own.get("allowPrivilegeEscalation") is not False:
        yield Finding("pod.restricted", where, "allowPrivilegeEscalation is not false")
    if "ALL" not in (at(own, "capabilities", "drop") or ()):
        yield Finding("pod.restricted", where, "not all capabilities are dropped")
    if own.get("runAsNonRoot", common.get("runAsNonRoot")) is not True:
        yield Finding("pod.restricted", where, "runAsNonRoot is not true")
    if not (own.get("seccompProfile") or common.get("seccompProfile")):
        yield Finding("pod.restricted", where, "there is no seccompProfile")


def gpus_of(spec: Mapping[str, Any]) -> int:
    """The GPUs that the scheduler counts for a pod."""
    running = sum(map(_gpus, spec.get("containers") or ()))
    first, beside = 0, 0
    for container in spec.get("initContainers") or ():
        if container.get("restartPolicy") == "Always":
            beside += _gpus(container)
            first = max(first, beside)
        else:
            first = max(first, beside + _gpus(container))
    return max(running + beside, first)


def _gpus(container: Mapping[str, Any]) -> int:
    resources = container.get("resources") or {}
    asked = [(resources.get(key) or {}).get(GPU, 0) for key in ("limits", "requests")]
    return max((int(each) for each in asked if str(each).isdecimal()), default=0)


__all__ = ["CONTAINER", "POD", "VOLUME", "clause_of", "gpus_of", "never", "whole_pod"]
