# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a pod of ours must not be: each a good pod but for one thing, with the clause or the field that refuses it.

Each is tried as a pod and in every kind of template.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.integration.guarded import MODELS, pod, workload

Manifest = dict[str, Any]
LWS = "leaderworkerset.x-k8s.io/v1"
FIELDS = "compliance.pod_security"
TEMPLATES = ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "CronJob", "ReplicationController",
             "LeaderWorkerSet, leaders", "LeaderWorkerSet, workers")  # fmt: skip
KINDS = ("Pod", *TEMPLATES)


@dataclass(frozen=True)
class Attempt:
    """One thing about a pod: what is merged into its spec, its container, its annotations, its labels.

    ``said`` are parts of the refusal: the clause, and what is not allowed.
    """

    sentence: str
    said: tuple[str, ...]
    spec: Manifest = field(default_factory=dict)
    container: Manifest = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    kinds: tuple[str, ...] = KINDS


def _volume(**source: Any) -> Manifest:
    return {"volumes": [{"name": "v", **source}]}


def _security(**changes: Any) -> Manifest:
    """A container's security context, good but for this; None takes a field away."""
    good = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    return {"securityContext": {key: value for key, value in {**good, **changes}.items() if value is not None}}


def _pod_security(**changes: Any) -> Manifest:
    good = {"runAsNonRoot": True, "runAsUser": 1, "seccompProfile": {"type": "RuntimeDefault"}}
    return {"securityContext": {key: value for key, value in {**good, **changes}.items() if value is not None}}


def _tolerating(**toleration: str) -> Manifest:
    return {"tolerations": [toleration]}


def _env(**each: Any) -> Manifest:
    return {"env": [{"name": "X", **each}]}


def _probing(**how: Any) -> Manifest:
    return {"readinessProbe": how}


_HTTP = {"path": "/", "port": 80}
_GPU_NODES = {"key": "nvidia.com/gpu", "operator": "Exists"}
_AFFINITY = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {}, "namespaceSelector": {}}
_ELSEWHERE = {"requiredDuringSchedulingIgnoredDuringExecution": [_AFFINITY]}
_APART = {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "podAffinityTerm": _AFFINITY}]}
_TOKEN = {"serviceAccountToken": {"path": "t"}}

ATTEMPTS = (
    # -- who is displaced, and where it goes
    Attempt("the priority of a node's own agents", ("models: priority", "system-node-critical"),
            {"priorityClassName": "system-node-critical"}),
    Attempt("a priority of the customer's", ("models: priority", "acme-urgent"), {"priorityClassName": "acme-urgent"},
            kinds=TEMPLATES),
    Attempt("a node of its choice", ("nodeName",), {"nodeName": "h100-0"}),
    Attempt("every taint", ("tolerate only", "every taint"), _tolerating(operator="Exists")),
    Attempt("the control plane's taint", ("tolerate only", "node-role.kubernetes.io/control-plane"),
            _tolerating(key="node-role.kubernetes.io/control-plane", operator="Exists", effect="NoSchedule")),
    Attempt("a taint of the customer's", ("tolerate only", "acme.example/kept:NoSchedule"),
            _tolerating(key="acme.example/kept", operator="Exists", effect="NoSchedule")),
    Attempt("the GPU nodes' taint with every effect", ("tolerate only", "nvidia.com/gpu:every effect"),
            _tolerating(**_GPU_NODES)),
    Attempt("our own quarantine", ("tolerate only", "byoc.fireworks.ai/quarantined", "actions.cordon"),
            _tolerating(key="byoc.fireworks.ai/quarantined", operator="Exists", effect="NoSchedule")),
    Attempt("a cordon", ("tolerate only", "node.kubernetes.io/unschedulable"),
            _tolerating(key="node.kubernetes.io/unschedulable", operator="Exists", effect="NoSchedule")),
    Attempt("keeping others off its node", (FIELDS, "affinity"), {"affinity": {"podAntiAffinity": _ELSEWHERE}}),
    Attempt("being apart from others", (FIELDS, "podAffinityTerm.namespaceSelector"),
            {"affinity": {"podAntiAffinity": _APART}}),
    Attempt("nodes by affinity", (FIELDS, "affinity"), {"affinity": {"nodeAffinity": {}}}, kinds=TEMPLATES),
    Attempt("another scheduler", ("capacity.gpus", "default scheduler"), {"schedulerName": "acme-scheduler"}),
    Attempt("a gate before scheduling", (FIELDS, "schedulingGates"), {"schedulingGates": [{"name": "a.example/b"}]}),
    Attempt("another runtime", (FIELDS, "runtimeClassName"), {"runtimeClassName": "kata"}, kinds=TEMPLATES),
    Attempt("a drain held up", ("actions.drain", "120 s"), {"terminationGracePeriodSeconds": 121}),
    Attempt("an end of its own", (FIELDS, "activeDeadlineSeconds"), {"activeDeadlineSeconds": 60},
            kinds=("Job", "CronJob")),
    # -- what it mounts and reads
    Attempt("a claim that the contract does not name", ("weights_cache.claim", "theirs"),
            _volume(persistentVolumeClaim={"claimName": "theirs"})),
    Attempt("writing to weights that are only read", ("source.uri", "weights"),
            _volume(persistentVolumeClaim={"claimName": "weights"})),
    Attempt("a Secret that the contract does not name", ("health.events.token_secret", "theirs"),
            _volume(secret={"secretName": "theirs"})),
    Attempt("the Secret of the other namespace", ("health.events.token_secret", "events"),
            _volume(secret={"secretName": "events"})),
    Attempt("a Secret as a variable", (FIELDS, "env.valueFrom.secretKeyRef"), {},
            _env(valueFrom={"secretKeyRef": {"name": "theirs", "key": "k"}})),
    Attempt("a Secret as variables", (FIELDS, "envFrom"), {}, {"envFrom": [{"secretRef": {"name": "theirs"}}]}),
    Attempt("settings as variables", (FIELDS, "envFrom"), {}, {"envFrom": [{"configMapRef": {"name": "theirs"}}]}),
    Attempt("a Secret among others", (FIELDS,),
            _volume(projected={"sources": [{"secret": {"name": "theirs"}}]})),
    Attempt("a token for somebody else", ("source.credential",),
            _volume(projected={"sources": [{"serviceAccountToken": {"path": "t", "audience": "vault"}}]}),
            kinds=("Pod",)),
    Attempt("a token for a cloud that knows another account", ("source.credential",),
            _volume(projected={"sources": [{"serviceAccountToken": {"path": "t", "audience": "sts.amazonaws.com"}}]}),
            kinds=("Pod",)),
    Attempt("the Secret of a model that the contract has no more", ("source.credential", "hub-token-old"),
            _volume(secret={"secretName": "hub-token-old"})),
    Attempt("a token in a template", (FIELDS, "volumes.projected"), _volume(projected={"sources": [_TOKEN]}),
            kinds=TEMPLATES),
    Attempt("settings of somebody else, projected", ("only the router's ConfigMaps",),
            _volume(projected={"sources": [{"configMap": {"name": "theirs"}}]})),
    Attempt("a token for a day", ("access.token_lifetime",),
            _volume(projected={"sources": [{"serviceAccountToken": {"path": "t", "expirationSeconds": 86400}}]}),
            kinds=("Pod",)),
    Attempt("a driver of its choice", (FIELDS, "volumes.csi"), _volume(csi={"driver": "secrets-store.csi.k8s.io"})),
    Attempt("a server for files", (FIELDS, "volumes.nfs"), _volume(nfs={"server": "10.0.0.1", "path": "/"})),
    Attempt("a volume of its own", (FIELDS, "volumes.ephemeral"), _volume(ephemeral={"volumeClaimTemplate": {"spec": {
        "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Ti"}}}}})),
    Attempt("an image as a volume", (FIELDS, "volumes.image"),
            _volume(image={"reference": "registry.acme.example/fireworks/x@sha256:" + "a1" * 32})),
    Attempt("memory without end", ("16Gi",), _volume(emptyDir={"medium": "Memory"})),
    Attempt("all memory", ("16Gi",), _volume(emptyDir={"medium": "Memory", "sizeLimit": "17Gi"})),
    Attempt("huge pages", ("16Gi",), _volume(emptyDir={"medium": "HugePages-2Mi", "sizeLimit": "1Gi"})),
    Attempt("a pull secret", (FIELDS, "imagePullSecrets"), {"imagePullSecrets": [{"name": "theirs"}]}, kinds=TEMPLATES),
    # -- restricted, whatever the level
    Attempt("privileges that may grow", ("restricted holds at each level",), {},
            _security(allowPrivilegeEscalation=None)),
    Attempt("capabilities", ("restricted holds at each level",), {}, _security(capabilities=None)),
    Attempt("some capabilities", ("restricted holds at each level",), {},
            _security(capabilities={"drop": ["NET_RAW"]})),
    Attempt("root", ("runAsNonRoot",), _pod_security(runAsNonRoot=None)),
    Attempt("root in a container", ("runAsNonRoot",), {}, _security(runAsNonRoot=False)),
    Attempt("user 0", ("runAsUser",), _pod_security(runAsUser=0)),
    Attempt("user 0 in a container", ("runAsUser",), {}, _security(runAsUser=0)),
    Attempt("all system calls", ("seccomp",), _pod_security(seccompProfile=None)),
    Attempt("all system calls, in words", ("seccomp",), _pod_security(seccompProfile={"type": "Unconfined"})),
    Attempt("all system calls in a container", ("seccomp",), {}, _security(seccompProfile={"type": "Unconfined"})),
    Attempt("a profile of the node's", ("seccomp",),
            _pod_security(seccompProfile={"type": "Localhost", "localhostProfile": "x.json"})),
    Attempt("a /proc of its choice", (FIELDS, "securityContext.procMount"), {}, _security(procMount="Default")),
    Attempt("a label of SELinux", (FIELDS, "securityContext.seLinuxOptions"),
            _pod_security(seLinuxOptions={"level": "s0:c1,c2"})),
    Attempt("no AppArmor", (FIELDS, "securityContext.appArmorProfile"),
            _pod_security(appArmorProfile={"type": "Unconfined"})),
    Attempt("another group", (FIELDS, "securityContext.supplementalGroups"), _pod_security(supplementalGroups=[4])),
    Attempt("settings of the kernel", (FIELDS, "securityContext.sysctls"),
            _pod_security(sysctls=[{"name": "kernel.shm_rmid_forced", "value": "0"}])),
    Attempt("users of its own", (FIELDS, "hostUsers"), {"hostUsers": True}),
    Attempt("each other's processes", (FIELDS, "shareProcessNamespace"), {"shareProcessNamespace": True}),
    # -- whom it talks to
    Attempt("names of its own", (FIELDS, "hostAliases"),
            {"hostAliases": [{"ip": "192.0.2.1", "hostnames": ["api.acme.example"]}]}),
    Attempt("the node's way to find names", ("ClusterFirst",), {"dnsPolicy": "Default"}),
    Attempt("servers of its own for names", (FIELDS, "dnsConfig"), {"dnsConfig": {"nameservers": ["192.0.2.1"]}}),
    Attempt("a kubelet that asks elsewhere", (FIELDS, "readinessProbe.httpGet.host"), {},
            _probing(httpGet={**_HTTP, "host": "169.254.169.254"})),
    Attempt("a kubelet that says who it is", (FIELDS, "readinessProbe.httpGet.httpHeaders"), {},
            _probing(httpGet={**_HTTP, "httpHeaders": [{"name": "Host", "value": "x"}]})),
    Attempt("a kubelet that connects elsewhere", (FIELDS, "readinessProbe.tcpSocket"), {},
            _probing(tcpSocket={"host": "10.0.0.1", "port": 22})),
    Attempt("a command as a probe", (FIELDS, "readinessProbe.exec"), {}, _probing(exec={"command": ["sh"]})),
    Attempt("a request before it ends", (FIELDS, "lifecycle.preStop.httpGet"), {},
            {"lifecycle": {"preStop": {"httpGet": {**_HTTP, "host": "169.254.169.254"}}}}),
    Attempt("a command once it began", (FIELDS, "lifecycle.postStart"), {},
            {"lifecycle": {"postStart": {"exec": {"command": ["sh"]}}}}),
    Attempt("a gate of somebody else", (FIELDS, "readinessGates"), {"readinessGates": [{"conditionType": "a.b/c"}]}),
    # -- devices
    Attempt("every GPU of the node", ("NVIDIA_VISIBLE_DEVICES", "capacity.gpus"), {},
            {"env": [{"name": "NVIDIA_VISIBLE_DEVICES", "value": "all"}]}),
    Attempt("every GPU by a mount", ("mounts that mean the same",), _volume(emptyDir={}),
            {"volumeMounts": [{"name": "v", "mountPath": "/var/run/nvidia-container-devices/all"}]}),
    Attempt("every GPU by a note", ("byoc.fireworks.ai/", "cdi.k8s.io/gpu"), annotations={"cdi.k8s.io/gpu": "all"},
            kinds=TEMPLATES),
    Attempt("another network by a note", ("byoc.fireworks.ai/", "k8s.v1.cni.cncf.io/networks"),
            annotations={"k8s.v1.cni.cncf.io/networks": "storage"}, kinds=TEMPLATES),
    Attempt("a sidecar by a label", ("byoc.fireworks.ai/", "sidecar.istio.io/inject"),
            labels={"sidecar.istio.io/inject": "true"}, kinds=TEMPLATES),
    Attempt("an identity at a cloud by a label", ("byoc.fireworks.ai/", "azure.workload.identity/use"),
            labels={"azure.workload.identity/use": "true"}, kinds=TEMPLATES),
    Attempt("memory that others cannot use", ("hugepages-2Mi", "capacity.gpus"), {},
            {"resources": {"limits": {"hugepages-2Mi": "64Mi", "memory": "64Mi"}}}),
    Attempt("a raw device", (FIELDS, "volumeDevices"),
            _volume(persistentVolumeClaim={"claimName": "weights", "readOnly": True}),
            {"volumeDevices": [{"name": "v", "devicePath": "/dev/x"}]}),
    Attempt("another folder", (FIELDS, "workingDir"), {}, {"workingDir": "/"}),
    Attempt("a terminal", (FIELDS, "stdin"), {}, {"stdin": True}),
)  # fmt: skip


def tried(attempt: Attempt, good: Callable[..., Manifest]) -> Iterator[tuple[str, str, Manifest]]:
    """The attempt in each of its kinds: the kind in words, the path of its collection, the object."""
    for kind in attempt.kinds:
        spec = good(container=copy.deepcopy(attempt.container), **copy.deepcopy(attempt.spec))
        yield kind, *made_as(kind, spec, good(), attempt.annotations, attempt.labels)


def made_as(
    kind: str,
    spec: Manifest,
    good: Manifest,
    annotations: dict[str, str] | None = None,
    more_labels: dict[str, str] | None = None,
) -> tuple[str, Manifest]:
    """An object of this kind about such a pod, and the path of its collection. ``good`` is a group's other pod."""
    marks = {"metadata": {"annotations": annotations or {}, "labels": {"app": "probe", **(more_labels or {})}}}
    if kind == "Pod":
        return f"/api/v1{MODELS}/pods", pod("probe", spec)
    if kind.startswith("LeaderWorkerSet"):
        return f"/apis/{LWS}{MODELS}/leaderworkersets", _group(kind, {**marks, "spec": spec}, {"spec": good})
    like = {"CronJob": "Job", "ReplicationController": "Deployment"}.get(kind, kind)
    made = workload(like, "probe", spec)
    made["spec"]["template"] |= marks
    if "selector" in made["spec"]:
        made["spec"]["selector"] = {"matchLabels": {"app": "probe"}}
    if kind == "CronJob":
        made["spec"] = {"schedule": "0 0 * * *", "jobTemplate": {"spec": made["spec"]}}
    if kind == "ReplicationController":
        made["spec"]["selector"] = {"app": "probe"}
        made["apiVersion"] = "v1"
    made["kind"] = kind
    version = made["apiVersion"]
    return f"/{'apis/' if '/' in version else 'api/'}{version}{MODELS}/{kind.lower()}s", made


def _group(kind: str, tried: Manifest, good: Manifest) -> Manifest:
    leader, worker = (tried, good) if kind.endswith("leaders") else (good, tried)
    return {
        "apiVersion": LWS,
        "kind": "LeaderWorkerSet",
        "metadata": {"name": "probe"},
        "spec": {
            "replicas": 1,
            "leaderWorkerTemplate": {"size": 2, "leaderTemplate": leader, "workerTemplate": worker},
        },
    }
