# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that somebody would try who means harm, by the name of a field and by its type. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

OTHER_DIGEST = "sha256:" + "b2" * 32
GOOD_IMAGE = "registry.acme.example/fireworks/engine@" + OTHER_DIGEST
H100, L40S, OTHER_PRODUCT = "NVIDIA-H100-80GB-HBM3", "NVIDIA-L40S", "NVIDIA-A100-SXM4-80GB"
_NUMBERS = (0, 1, 17, 2147483647)
_NAMESPACES = ("kube-system", "default", "fireworks-system", "fireworks-models")
_HOSTS = ("169.254.169.254", "kubernetes.default.svc", "127.0.0.1")
_REPLICAS = (0, 1, 2, 3, 4, 5, 9, 17, 1000)
_SELECTORS: tuple[Any, ...] = (
    {},
    {"matchLabels": {"app": "theirs"}},
    {"matchExpressions": [{"key": "byoc.fireworks.ai/model", "operator": "Exists"}]},
    {"matchLabels": {"app.kubernetes.io/managed-by": "fireworks-byoc"}},
)
_TAINTS = ("node-role.kubernetes.io/control-plane", "acme.example/theirs", "byoc.fireworks.ai/quarantined", "")

BY_NAME: Mapping[str, tuple[Any, ...]] = {
    "activeDeadlineSeconds": (1, 2147483647),
    "apiVersion": ("v1",),
    "audience": ("vault", "sts.amazonaws.com"),
    "audiences": (["vault"], ["sts.amazonaws.com", "https://kubernetes.default.svc.cluster.local"]),
    "automountServiceAccountToken": (True, False),
    "capabilities": ({"add": ["SYS_ADMIN"]}, {"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]}, {"drop": ["CHOWN"]}, {}),
    "claimName": ("theirs",),
    "clusterIP": ("None", "10.0.0.10"),
    "csi": ({"driver": "theirs.csi.example"},),
    "driver": ("theirs.csi.example",),
    "effect": ("NoSchedule", "NoExecute", ""),
    "emptyDir": ({}, {"medium": "Memory"}, {"medium": "HugePages"}, {"sizeLimit": "1Pi"}),
    "ephemeral": (
        {
            "volumeClaimTemplate": {
                "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
            }
        },
    ),
    "expirationSeconds": (600, 3600, 31536000),
    "externalIPs": (["192.0.2.1"],),
    "externalName": ("theirs.acme.example",),
    "fc": ({"targetWWNs": ["50060e801049cfd1"], "lun": 0},),
    "finalizers": (["acme.example/theirs"], ["kubernetes.io/pvc-protection"]),
    "host": (*_HOSTS, "bank.example", "llm.acme.example.evil.example"),
    "hostAliases": ([{"ip": "192.0.2.1", "hostnames": ["bank.example"]}],),
    "hostIP": ("192.0.2.1",),
    "hostname": ("theirs",),
    "hostnames": ([], ["bank.example"], ["*.example"], ["llm.acme.example.evil.example"], ["x.llm.acme.example"]),
    "image": (
        {"reference": "docker.io/evil/engine@" + OTHER_DIGEST},
        "docker.io/evil/engine@" + OTHER_DIGEST,
        "registry.acme.example/fireworks-evil/engine@" + OTHER_DIGEST,
        "registry.acme.example/fireworks/engine:latest",
        GOOD_IMAGE,
    ),
    "ip": ("192.0.2.1",),
    "iscsi": ({"targetPortal": "192.0.2.1:3260", "iqn": "iqn.2001-04.com.example:theirs", "lun": 0},),
    "key": (*_TAINTS, "*"),
    "kind": ("Service", "StatefulSet", "Node", "TCPRoute"),
    "labels": ({},),
    "loadBalancerIP": ("192.0.2.1",),
    "maxReplicaCount": _REPLICAS,
    "maxReplicas": _REPLICAS,
    "maxUnavailable": (0, 1, 2, "0%", "50%", "100%"),
    "medium": ("Memory", "HugePages", ""),
    "minAvailable": (0, 1, "100%"),
    "minReplicaCount": _REPLICAS,
    "minReplicas": _REPLICAS,
    "mountPath": ("/", "/var/run/secrets/kubernetes.io/serviceaccount"),
    "mountPropagation": ("Bidirectional", "HostToContainer"),
    "name": ("theirs", "presetup", "operator", "router", "telemetry", "NVIDIA_VISIBLE_DEVICES"),
    "nameservers": (["192.0.2.53"],),
    "namespace": _NAMESPACES,
    "namespaces": (["kube-system"], ["*"]),
    "nodeName": ("h100-0", "control-plane-0"),
    "nodeSelector": ({}, {"nvidia.com/gpu.product": OTHER_PRODUCT}, {"node-role.kubernetes.io/control-plane": ""}),
    "operator": ("Exists", "In", "Equal"),
    "os": ({"name": "windows"}, {"name": "linux"}),
    "ownerReferences": (
        [{"apiVersion": "v1", "kind": "ConfigMap", "name": "theirs", "uid": "00000000-0000-0000-0000-000000000001"}],
    ),
    "path": ("/", "/etc/kubernetes", "/var/run/docker.sock"),
    "port": (22, 10250, 8000),
    "priorityClassName": ("system-node-critical", "system-cluster-critical", "theirs", "fireworks-critical", ""),
    "procMount": ("Unmasked", "Default"),
    "replicas": _REPLICAS,
    "quobyte": ({"registry": "192.0.2.1:7861", "volume": "theirs"},),
    "resourceClaims": ([{"name": "gpu", "resourceClaimName": "theirs"}],),
    "resources": (
        {"limits": {"nvidia.com/gpu": "1"}},
        {"limits": {"nvidia.com/gpu": "8"}},
        {"limits": {"nvidia.com/gpu": "17"}},
        {"limits": {"nvidia.com/mig-1g.10gb": "1"}},
        {"limits": {"amd.com/gpu": "1"}},
        {"limits": {"cpu": "100000"}},
        {},
    ),
    "runtimeClassName": ("theirs",),
    "runAsUser": (0, 1, 10001),
    "runAsGroup": (0, 10001),
    "schedulerName": ("theirs", "default-scheduler"),
    "seccompProfile": ({"type": "Unconfined"}, {"type": "Localhost", "localhostProfile": "theirs.json"}, {}),
    "appArmorProfile": ({"type": "Unconfined"}, {"type": "Localhost", "localhostProfile": "theirs"}),
    "secretName": ("theirs", "byoc-events", "hub-token"),
    "selector": _SELECTORS,
    "labelSelector": ({}, {"matchLabels": {"app": "theirs"}}),
    "namespaceSelector": ({}, {"matchLabels": {"app": "theirs"}}),
    "serverAddress": ("http://prometheus.monitoring.svc:9090", "http://169.254.169.254", ""),
    "serviceAccount": ("operator", "deployer", "default"),
    "serviceAccountName": ("operator", "deployer", "default", "router", "engine", "telemetry", ""),
    "size": (1, 2, 9, 1000),
    "sysctls": ([{"name": "net.core.somaxconn", "value": "1"}], [{"name": "kernel.shm_rmid_forced", "value": "1"}]),
    "termination": ("passthrough", "reencrypt"),
    "terminationGracePeriodSeconds": (0, 30, 864000, 31536000),
    "tolerations": ([], [{"operator": "Exists"}]),
    "topologyKey": ("kubernetes.io/hostname", "theirs"),
    "unschedulable": (True, False),
    "wildcardPolicy": ("Subdomain", "None"),
}
"""By the name of a field, wherever it is. What does not fit the field's type is left out."""

BY_PLACE: Mapping[str, tuple[Any, ...]] = {
    "ConfigMap metadata name": (
        "presetup",
        "kube-root-ca.crt",
        "stack",
        "model-theirs",
        "operation-records",
        "stack-upgrade-9",
        "setup-access",
        "telemetry",
        "telemetry-0123456789",
        "theirs",
    ),
    "Lease metadata name": ("operation-lock", "theirs"),
    "Service spec type": ("LoadBalancer", "NodePort", "ExternalName", "ClusterIP"),
    "Service spec selector": ({"app": "theirs"}, {}, {"byoc.fireworks.ai/component": "router"}),
    "ScaledObject spec triggers [] type": ("cron", "cpu", "metrics-api", "external", "kubernetes-workload"),
    "Lease spec leaseDurationSeconds": (1, 3600, 2147483647),
}
"""By the kind and the whole place, where the name alone says too little."""

KEYS: Mapping[str, tuple[tuple[str, Any], ...]] = {
    "labels": (
        ("byoc.fireworks.ai/model", "theirs"),
        ("byoc.fireworks.ai/component", "router"),
        ("app.kubernetes.io/managed-by", "theirs"),
        ("app.kubernetes.io/part-of", "presetup"),
        ("byoc.fireworks.ai/state", "suspect"),
        ("nvidia.com/gpu.product", L40S),
        ("acme.example/team", "us"),
    ),
    "annotations": (
        ("acme.example/note", "theirs"),
        ("byoc.fireworks.ai/approval", "[]"),
        ("byoc.fireworks.ai/replaced-by", "x 1"),
        ("autoscaling.keda.sh/paused-replicas", "1000"),
        ("haproxy.router.openshift.io/rewrite-target", "/"),
    ),
    "limits": (("nvidia.com/gpu", "17"), ("nvidia.com/mig-1g.10gb", "1"), ("amd.com/gpu", "1"), ("cpu", "100000")),
    "requests": (("nvidia.com/mig-1g.10gb", "1"), ("cpu", "100000"), ("ephemeral-storage", "1Pi")),
    "nodeSelector": (("nvidia.com/gpu.product", OTHER_PRODUCT), ("kubernetes.io/hostname", "h100-0")),
    "matchLabels": (("app", "theirs"), ("byoc.fireworks.ai/model", "theirs")),
    "selector": (("app", "theirs"), ("byoc.fireworks.ai/model", "theirs")),
    "metadata": (
        ("serverAddress", "http://prometheus.monitoring.svc:9090"),
        ("authModes", "basic"),
        ("customHeaders", "Authorization=theirs"),
        ("threshold", "1"),
        ("query", "vector(1000)"),
    ),
    "data": (("theirs", "1"), ("NVIDIA_VISIBLE_DEVICES", "all")),
}
"""Keys that are put into a map, with their value, by the map's name."""

PLAIN: Mapping[str, Any] = {
    "containerPort": 8123,
    "effect": "NoSchedule",
    "image": GOOD_IMAGE,
    "key": "extra",
    "localhostProfile": "theirs",
    "matchLabels": {"app": "theirs"},
    "maxSkew": 1,
    "metricName": "x",
    "mountPath": "/extra",
    "name": "extra",
    "operator": "Exists",
    "path": "/extra",
    "port": 8000,
    "protocol": "TCP",
    "resource": "limits.cpu",
    "server": "192.0.2.1",
    "serverAddress": "http://prometheus.monitoring.svc:9090",
    "topologyKey": "kubernetes.io/hostname",
    "uid": "00000000-0000-0000-0000-000000000001",
    "value": "1",
    "volumePath": "/extra",
    "whenUnsatisfiable": "ScheduleAnyway",
}
"""What a field that has to be there is given, where another one beside it is tried."""

BY_TYPE: Mapping[str, tuple[Any, ...]] = {
    "boolean": (True, False),
    "integer": _NUMBERS,
    "number": _NUMBERS,
    "string": ("theirs", "*", ""),
    "number-or-text": (0, 1, "17", "100%"),
    "any": ("theirs", {"theirs": "1"}),
}


def fits(value: Any, type_: str) -> bool:
    """Whether a value is of a field's type."""
    kinds: dict[str, tuple[type, ...]] = {
        "boolean": (bool,),
        "integer": (int,),
        "number": (int, float),
        "string": (str,),
        "number-or-text": (int, str),
        "array": (list,),
        "object": (dict,),
    }
    wanted = kinds.get(type_)
    if wanted is None:
        return True
    return isinstance(value, wanted) and not (isinstance(value, bool) and type_ != "boolean")


def values_for(place: str, name: str, type_: str, choices: tuple[Any, ...]) -> list[Any]:
    """The values to try of a field.

    :param place: the kind and the path, as in :data:`BY_PLACE`. :param choices: the values that the schema names.
    """
    named = [*BY_PLACE.get(place, ()), *BY_NAME.get(name, ())]
    fitting = [value for value in named if fits(value, type_)]
    found = [*fitting, *choices] or list(BY_TYPE.get(type_, ()))
    return [value for number, value in enumerate(found) if value not in found[:number]]
