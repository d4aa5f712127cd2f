# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The oracle of the guard prover, case by case: what it forbids and by which clause, what it demands, what is free."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest

from tests.guard_prover.edits import ABSENT, Edit, Mutation, Path, edited
from tests.guard_prover.oracle.bounds import bounds_of, seconds
from tests.guard_prover.oracle.judge import Verdict, judge
from tests.guard_prover.oracle.kinds import ROWS, may_write_settings
from tests.guard_prover.oracle.rows import FORBIDDEN, FREE, NEEDED, Asked
from tests.guard_prover.values import OTHER_DIGEST
from tests.integration.ansible_runs import ROOT

H100, L40S = "NVIDIA-H100-80GB-HBM3", "NVIDIA-L40S"
GPU_PRODUCT = "nvidia.com/gpu.product"
CONTRACT: dict[str, Any] = {
    "access": {"token_lifetime": "1h30m"},
    "capacity": {"gpus": [{"product": H100, "count": 16}, {"product": L40S, "count": 4}]},
    "scaling": {"max_replicas_per_model": 4, "max_gpus_per_model": 8},
    "actions": {"cordon": "auto"},
    "compliance": {"registries": ["registry.acme.example/fireworks"]},
    "networking": {"domain": "llm.acme.example", "gateway": {"name": "public", "namespace": "gateway-system"}},
    "health": {"events": {"url": "https://x.example", "token_secret": {"name": "byoc-events"}}},
    "models": [
        {"name": "llama", "source": {"uri": "pvc://weights/llama"}, "weights_cache": {"claim": "kernels"}},
        {"name": "qwen", "source": {"uri": "hf://a/b"}, "weights_cache": {"claim": "staged", "stage": True}},
    ],
}
SYSTEM, MODELS = "fireworks-system", "fireworks-models"
IMAGE = "registry.acme.example/fireworks/engine@sha256:" + "a1" * 32
LABELS = {
    "app.kubernetes.io/managed-by": "fireworks-byoc",
    "app.kubernetes.io/part-of": "model-llama",
    "byoc.fireworks.ai/model": "llama",
}
SPEC: dict[str, Any] = {
    "serviceAccountName": "engine",
    "priorityClassName": "fireworks-standard",
    "nodeSelector": {"nvidia.com/gpu.product": H100},
    "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [
        {
            "name": "engine",
            "image": IMAGE,
            "command": ["serve"],
            "env": [{"name": "HOME", "value": "/cache"}],
            "resources": {"limits": {"nvidia.com/gpu": "2"}},
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
            "livenessProbe": {"httpGet": {"path": "/health", "port": "http"}},
        }
    ],
    "volumes": [{"name": "cache", "emptyDir": {}}],
}


def thing(kind: str, name: str, namespace: str = MODELS, **rest: Any) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": name, "namespace": namespace, "labels": dict(LABELS)}, **rest}


DEPLOYMENT = thing("Deployment", "llama", spec={"replicas": 2, "template": {
    "metadata": {"labels": dict(LABELS)}, "spec": SPEC}})  # fmt: skip
MADE_WITH = ("spec", "template", "metadata", "labels")
FETCHED = copy.deepcopy({key: value for key, value in SPEC.items() if key not in ("priorityClassName", "nodeSelector")})
FETCHED |= {"restartPolicy": "Never", "volumes": [{"name": "w", "persistentVolumeClaim": {"claimName": "staged"}}]}
del FETCHED["containers"][0]["resources"]
JOB = thing("Job", "qwen-weights-1", spec={"parallelism": 1, "completions": 1, "backoffLimit": 2, "template": {
    "metadata": {"labels": {"byoc.fireworks.ai/stages": "qwen"}}, "spec": FETCHED},
    "activeDeadlineSeconds": 1800})  # fmt: skip
JOB["metadata"]["labels"]["app.kubernetes.io/part-of"] = "model-qwen"
CANARY = thing("Pod", "canary-1", spec={**copy.deepcopy(SPEC), "restartPolicy": "Never", "activeDeadlineSeconds": 600,
                                        "automountServiceAccountToken": False, "volumes": []})  # fmt: skip
CANARY["metadata"]["labels"] = {"app.kubernetes.io/managed-by": "fireworks-byoc", "byoc.fireworks.ai/canary": "true"}
CANARY["spec"]["priorityClassName"] = "fireworks-batch"
BUDGET = thing("PodDisruptionBudget", "llama", spec={"maxUnavailable": 1,
               "selector": {"matchLabels": {"byoc.fireworks.ai/model": "llama"}}})  # fmt: skip
SCALED = thing("ScaledObject", "llama", spec={"maxReplicaCount": 4, "scaleTargetRef": {"name": "llama"}, "triggers": [
    {"type": "prometheus", "metadata": {"serverAddress": "http://telemetry.fireworks-system.svc:9090"}}]})  # fmt: skip
BACKEND = {"name": "router", "port": 8001}
ROUTE = thing("HTTPRoute", "model-llama", SYSTEM, spec={
    "parentRefs": [{"name": "public", "namespace": "gateway-system"}], "hostnames": ["llama.llm.acme.example"],
    "rules": [{"backendRefs": [BACKEND]}]})  # fmt: skip
SERVICE = thing("Service", "llama", spec={"type": "ClusterIP", "selector": {"byoc.fireworks.ai/model": "llama"}})
SETTINGS = thing("ConfigMap", "model-llama", SYSTEM, data={"a": "b"})
NODE = {"kind": "Node", "metadata": {"name": "h100-0", "labels": {"nvidia.com/gpu.product": H100}}, "spec": {}}
RUNNING = thing("Pod", "llama-1", spec=SPEC)
TOKEN = {"kind": "TokenRequest", "metadata": {"name": "observer", "namespace": SYSTEM}, "spec": {}}
POD, ENGINE = ("spec", "template", "spec"), ("spec", "template", "spec", "containers", 0)
APART = (*POD, "affinity", "podAntiAffinity", "preferredDuringSchedulingIgnoredDuringExecution")
RULE: Path = ("spec", "rules", 0)


def judged(
    base: dict[str, Any], path: Path = (), value: Any = ABSENT, *, by: str = "operator", verb: str = "create"
) -> Verdict:
    new = edited(base, Mutation((Edit(path, value),))) if path else base
    namespace = base["metadata"].get("namespace", "")
    return judge(Asked(by, verb, namespace, base["kind"], new, bounds_of(CONTRACT), old=base))


OF_L40S = "fireworks-standard-nvidia-l40s-985b44d2"
BROKEN: list[tuple[dict[str, Any], Path, Any, str]] = [
    (DEPLOYMENT, (*MADE_WITH, "byoc.fireworks.ai/model"), "qwen", "model.workload"),
    (DEPLOYMENT, (*MADE_WITH, "byoc.fireworks.ai/model"), ABSENT, "model.workload"),
    (DEPLOYMENT, (*MADE_WITH, "byoc.fireworks.ai/candidate"), "llama", "model.workload"),
    (DEPLOYMENT, (*MADE_WITH, "byoc.fireworks.ai/stages"), "qwen", "model.network"),
    (DEPLOYMENT, (*MADE_WITH, "app.kubernetes.io/part-of"), "model-x", "model.network"),
    (JOB, ("spec", "suspend"), True, "job.end"),
    (DEPLOYMENT, (*POD, "priorityClassName"), "system-node-critical", "pod.priority"),
    (DEPLOYMENT, (*POD, "priorityClassName"), "", "pod.counted"),
    (DEPLOYMENT, (*POD, "priorityClassName"), OF_L40S, "pod.counted"),
    (DEPLOYMENT, (*POD, "nodeSelector"), {"nvidia.com/gpu.product": L40S}, "pod.counted"),
    (CANARY, ("spec", "priorityClassName"), ABSENT, "pod.counted"),
    (DEPLOYMENT, (*POD, "nodeName"), "h100-0", "pod.placement"),
    (DEPLOYMENT, (*POD, "schedulerName"), "theirs", "pod.placement"),
    (DEPLOYMENT, (*POD, "affinity"), {"podAntiAffinity": {"x": [{"topologyKey": "zone"}]}}, "pod.placement"),
    (DEPLOYMENT, (*APART, 0, "podAffinityTerm", "namespaces"), ["apps"], "pod.placement"),
    (DEPLOYMENT, (*APART, 0, "podAffinityTerm", "namespaceSelector", "matchLabels"), {"a": "b"}, "pod.placement"),
    (DEPLOYMENT, (*POD, "runtimeClassName"), "theirs", "pod.runtime"),
    (DEPLOYMENT, (*POD, "tolerations", 0, "key"), "theirs", "pod.tolerations"),
    (DEPLOYMENT, (*POD, "tolerations", 1), {"operator": "Exists"}, "pod.tolerations"),
    (DEPLOYMENT, (*POD, "hostNetwork"), True, "pod.host"),
    (DEPLOYMENT, (*POD, "hostAliases"), [{"ip": "192.0.2.1"}], "pod.hosts"),
    (DEPLOYMENT, (*POD, "imagePullSecrets"), [{"name": "theirs"}], "pod.secrets"),
    (DEPLOYMENT, (*POD, "serviceAccountName"), "operator", "pod.account"),
    (DEPLOYMENT, (*POD, "a-field-of-tomorrow"), "x", "pod.unlisted"),
    (DEPLOYMENT, (*POD, "securityContext", "sysctls"), [{"name": "net.core.somaxconn"}], "pod.sysctls"),
    (DEPLOYMENT, (*POD, "securityContext", "seccompProfile"), ABSENT, "pod.restricted"),
    (DEPLOYMENT, (*POD, "securityContext", "runAsNonRoot"), False, "pod.restricted"),
    (DEPLOYMENT, (*POD, "volumes", 1), {"name": "x", "hostPath": {"path": "/"}}, "pod.volumes"),
    (DEPLOYMENT, (*POD, "volumes", 1), {"name": "x", "secret": {"secretName": "byoc-events"}}, "pod.volumes"),
    (DEPLOYMENT, (*POD, "volumes", 1), {"name": "x", "persistentVolumeClaim": {"claimName": "theirs"}}, "pod.volumes"),
    (DEPLOYMENT, (*POD, "volumes", 1),
     {"name": "x", "projected": {"sources": [{"serviceAccountToken": {"audience": "vault"}}]}}, "pod.volumes"),
    (DEPLOYMENT, (*POD, "nodeSelector"), {}, "pod.gpus"),
    (DEPLOYMENT, (*POD, "nodeSelector", "nvidia.com/gpu.product"), "NVIDIA-A10", "pod.gpus"),
    (DEPLOYMENT, (*ENGINE, "image"), "docker.io/evil@" + OTHER_DIGEST, "pod.images"),
    (DEPLOYMENT, (*ENGINE, "image"), "registry.acme.example/fireworks/engine:latest", "pod.images"),
    (DEPLOYMENT, (*ENGINE, "env", 1), {"name": "NVIDIA_VISIBLE_DEVICES", "value": "all"}, "pod.nvidia"),
    (DEPLOYMENT, (*ENGINE, "env", 1), {"name": "X", "valueFrom": {"secretKeyRef": {"name": "theirs"}}}, "pod.secrets"),
    (DEPLOYMENT, (*ENGINE, "envFrom"), [{"secretRef": {"name": "theirs"}}], "pod.secrets"),
    (DEPLOYMENT, (*ENGINE, "envFrom"), [{"configMapRef": {"name": "ours"}}], "pod.secrets"),
    (DEPLOYMENT, (*ENGINE, "securityContext", "allowPrivilegeEscalation"), ABSENT, "pod.restricted"),
    (DEPLOYMENT, (*ENGINE, "securityContext", "capabilities", "drop"), ["CHOWN"], "pod.restricted"),
    (DEPLOYMENT, (*ENGINE, "securityContext", "capabilities", "add"), ["SYS_ADMIN"], "pod.privileges"),
    (DEPLOYMENT, (*ENGINE, "securityContext", "privileged"), True, "pod.privileges"),
    (DEPLOYMENT, (*ENGINE, "livenessProbe", "httpGet", "host"), "169.254.169.254", "pod.hosts"),
    (DEPLOYMENT, (*ENGINE, "lifecycle"), {"preStop": {"tcpSocket": {"host": "bank.example"}}}, "pod.hosts"),
    (DEPLOYMENT, (*ENGINE, "resources", "limits", "nvidia.com/mig-1g.10gb"), "1", "pod.resources"),
    (DEPLOYMENT, (*ENGINE, "resources", "limits", "nvidia.com/gpu"), "5", "pod.gpus"),
    (DEPLOYMENT, ("spec", "replicas"), 5, "replicas"),
    (DEPLOYMENT, ("metadata", "labels"), {}, "labels"),
    (DEPLOYMENT, ("metadata", "finalizers"), ["acme.example/theirs"], "finalizers"),
    (DEPLOYMENT, ("metadata", "ownerReferences"), [{"kind": "Node"}], "owners"),
    (DEPLOYMENT, ("spec", "template", "metadata"), {"finalizers": ["acme.example/theirs"]}, "finalizers"),
    (DEPLOYMENT, (*POD, "volumes", 1), {"name": "x", "persistentVolumeClaim": {"claimName": "staged"}}, "pod.volumes"),
    (JOB, ("spec", "parallelism"), 2, "job.pods"),
    (JOB, ("spec", "completions"), 9, "job.pods"),
    (JOB, ("spec", "completionMode"), "Indexed", "job.pods"),
    (JOB, ("spec", "manualSelector"), True, "job.pods"),
    (JOB, ("spec", "backoffLimit"), 3, "job.end"),
    (JOB, ("spec", "activeDeadlineSeconds"), ABSENT, "job.end"),
    (JOB, ("spec", "activeDeadlineSeconds"), 1801, "job.end"),
    (JOB, ("spec", "managedBy"), "acme.example/theirs", "unlisted"),
    (JOB, ("metadata", "name"), "crypto", "job.model"),
    (JOB, ("spec", "template", "metadata", "labels", "byoc.fireworks.ai/stages"), "llama", "job.model"),
    (JOB, ("spec", "template", "metadata", "labels", "byoc.fireworks.ai/model"), "qwen", "job.model"),
    (JOB, (*POD, "priorityClassName"), "fireworks-standard", "job.pods"),
    (JOB, (*POD, "restartPolicy"), "OnFailure", "job.end"),
    (JOB, (*ENGINE, "resources"), {"limits": {"nvidia.com/gpu": "1"}}, "job.pods"),
    (JOB, (*POD, "volumes", 1), {"name": "x", "persistentVolumeClaim": {"claimName": "kernels"}}, "pod.volumes"),
    (CANARY, ("spec", "priorityClassName"), "fireworks-critical", "canary"),
    (CANARY, ("spec", "volumes"), [{"name": "x", "emptyDir": {}}], "canary"),
    (CANARY, ("metadata", "labels", "byoc.fireworks.ai/canary"), ABSENT, "canary"),
    (CANARY, ("metadata", "labels", "byoc.fireworks.ai/model"), "llama", "canary"),
    (CANARY, ("spec", "activeDeadlineSeconds"), ABSENT, "canary"),
    (BUDGET, ("spec", "selector"), {}, "budget.selector"),
    (BUDGET, ("spec", "selector", "matchLabels", "byoc.fireworks.ai/model"), "other", "budget.selector"),
    (BUDGET, ("metadata", "name"), "other", "budget.selector"),
    (BUDGET, ("spec", "maxUnavailable"), 0, "budget.drains"),
    (BUDGET, ("spec", "minAvailable"), 1, "budget.drains"),
    (SCALED, ("spec", "maxReplicaCount"), 5, "scaling.bounds"),
    (SCALED, ("spec", "maxReplicaCount"), ABSENT, "scaling.bounds"),
    (SCALED, ("spec", "triggers", 0, "authenticationRef"), {"name": "theirs"}, "scaling.triggers"),
    (SCALED, ("spec", "triggers", 0, "metadata", "serverAddress"), "http://169.254.169.254", "scaling.triggers"),
    (SCALED, ("spec", "triggers", 0, "metadata", "customHeaders"), "A=b", "scaling.triggers"),
    (SCALED, ("metadata", "annotations"), {"autoscaling.keda.sh/paused-replicas": "99"}, "annotations"),
    (ROUTE, ("spec", "hostnames", 0), "bank.example", "route.hosts"),
    (ROUTE, ("spec", "hostnames", 0), "llm.acme.example.evil.example", "route.hosts"),
    (ROUTE, ("spec", "hostnames"), ABSENT, "route.hosts"),
    (ROUTE, ("spec", "parentRefs", 0, "namespace"), "default", "route.parents"),
    (ROUTE, (*RULE, "backendRefs", 0, "name"), "telemetry", "route.backends"),
    (ROUTE, (*RULE, "backendRefs", 0, "namespace"), "default", "route.backends"),
    (ROUTE, (*RULE, "filters"), [{"type": "RequestMirror"}], "route.filters"),
    (SERVICE, ("spec", "type"), "NodePort", "service.type"),
    (SERVICE, ("spec", "externalIPs"), ["192.0.2.1"], "service.addresses"),
    (SERVICE, ("spec", "externalName"), "bank.example", "service.addresses"),
    (TOKEN, ("spec", "expirationSeconds"), 5401, "token.lifetime"),
    (TOKEN, ("spec", "audiences"), ["vault"], "token.audience"),
]  # fmt: skip


@pytest.mark.parametrize(("base", "path", "value", "clause"), BROKEN)
def test_what_breaks_a_clause_is_forbidden_by_it(base: Any, path: Path, value: Any, clause: str) -> None:
    verdict = judged(base, path, value)
    assert verdict.standing == FORBIDDEN
    assert clause in verdict.clauses, str(verdict)


@pytest.mark.parametrize(
    ("base", "path", "value"),
    [
        *((base, (), None) for base in (DEPLOYMENT, JOB, CANARY, BUDGET, SCALED, ROUTE, SERVICE, SETTINGS, TOKEN)),
        (DEPLOYMENT, ("spec", "replicas"), 4),
        (DEPLOYMENT, ("spec", "replicas"), 0),
        (DEPLOYMENT, ("spec", "minReadySeconds"), 60),
        (DEPLOYMENT, (*POD, "priorityClassName"), "fireworks-batch"),
        (DEPLOYMENT, (*POD, "volumes", 0), {"name": "cache", "persistentVolumeClaim": {"claimName": "kernels"}}),
        (DEPLOYMENT, (*ENGINE, "image"), "registry.acme.example/fireworks/engine@" + OTHER_DIGEST),
        (DEPLOYMENT, (*ENGINE, "env", 0, "value"), "/tmp"),
        (SCALED, ("spec", "maxReplicaCount"), 3),
    ],
)
def test_what_the_product_does_is_needed(base: Any, path: Path, value: Any) -> None:
    verdict = judged(base, path, value)
    if path[-2:] == ("volumes", 0):
        assert verdict.standing != FORBIDDEN, str(verdict)  # the name of a volume is anybody's choice
    else:
        assert verdict.standing == NEEDED, str(verdict)


@pytest.mark.parametrize(
    ("base", "path", "value"),
    [
        (DEPLOYMENT, (*POD, "hostNetwork"), False),
        (DEPLOYMENT, (*POD, "runtimeClassName"), ""),
        (DEPLOYMENT, (*POD, "serviceAccount"), "operator"),
        (DEPLOYMENT, (*POD, "terminationGracePeriodSeconds"), 3000),
        (DEPLOYMENT, ("metadata", "annotations"), {"autoscaling.keda.sh/paused-replicas": "99"}),
        (SERVICE, ("spec", "sessionAffinity"), "ClientIP"),
        (ROUTE, (*RULE, "matches"), [{"path": {"value": "/"}}]),
    ],
)
def test_what_harms_nobody_and_nobody_needs_is_free(base: Any, path: Path, value: Any) -> None:
    assert judged(base, path, value).standing == FREE


def test_a_change_of_a_deployment_makes_no_pods_that_are_not_counted() -> None:
    for path, value in (((*POD, "priorityClassName"), OF_L40S), ((*POD, "nodeSelector"), {GPU_PRODUCT: L40S})):
        assert judged(DEPLOYMENT, path, value, verb="patch").standing != FORBIDDEN
    own = edited(DEPLOYMENT, Mutation((Edit((*POD, "priorityClassName"), OF_L40S),)))
    assert judged(own, (*POD, "nodeSelector"), {GPU_PRODUCT: L40S}).standing == FREE


def test_with_one_product_a_canary_has_no_priority_and_a_class_counts_nothing() -> None:
    one = {**CONTRACT, "capacity": {"gpus": CONTRACT["capacity"]["gpus"][:1]}}

    def clauses(base: dict[str, Any], priority: str) -> tuple[str, ...]:
        where: Path = ("spec", "priorityClassName") if base is CANARY else (*POD, "priorityClassName")
        new = edited(base, Mutation((Edit(where, priority or ABSENT),)))
        return judge(Asked("operator", "create", MODELS, base["kind"], new, bounds_of(one), old=base)).clauses

    assert clauses(CANARY, "") == clauses(DEPLOYMENT, "") == clauses(DEPLOYMENT, "fireworks-batch") == ()
    assert clauses(CANARY, "fireworks-batch") == ("canary",)


@pytest.mark.parametrize(
    ("path", "value", "clause"),
    [
        (("spec", "unschedulable"), True, ""),
        (("metadata", "annotations"), {"byoc.fireworks.ai/state": "x"}, ""),
        (("spec", "taints"), [{"key": "byoc.fireworks.ai/quarantined", "effect": "NoSchedule"}], ""),
        (("spec", "taints"), [{"key": "byoc.fireworks.ai/out", "effect": "NoExecute"}], "node.taints"),
        (("spec", "taints"), [{"key": "acme.example/x", "effect": "NoSchedule"}], "node.taints"),
        (("metadata", "labels", "acme.example/team"), "us", "node.marks"),
        (("metadata", "finalizers"), ["x"], "node.rest"),
        (("spec", "podCIDR"), "10.0.0.0/8", "node.rest"),
        (("metadata", "labels", "nvidia.com/gpu.product"), L40S, "node.marks"),
    ],
)
def test_a_node_is_judged_by_what_changes_of_it(path: Path, value: Any, clause: str) -> None:
    assert judged(NODE, path, value, by="node-medic", verb="patch").clauses == ((clause,) if clause else ())
    other = edited(NODE, Mutation((Edit(("metadata", "labels", "nvidia.com/gpu.product"), "NVIDIA-A10"),)))
    assert "node.products" in judged(other, path, value, by="node-medic", verb="patch").clauses


def test_of_a_pod_that_runs_only_what_orphans_it_changes() -> None:
    note: Path = ("metadata", "annotations")
    assert judged(RUNNING, note, {"byoc.fireworks.ai/replaced-by": "x 1"}, verb="patch").standing == FREE
    assert judged(RUNNING, ("spec", "activeDeadlineSeconds"), 9, verb="patch").clauses == ("pod.running",)
    assert judged(RUNNING, verb="delete").clauses == ("delete",)
    assert judged(CANARY, verb="delete").standing == FREE


@pytest.mark.parametrize(
    ("name", "writers"),
    [
        ("presetup", set()),
        ("kube-root-ca.crt", set()),
        ("setup-access", set()),
        ("stack", {"operator", "upgrader"}),
        ("telemetry", set()),
        ("telemetry-0123456789", {"operator", "upgrader"}),
        ("model-llama", {"operator", "deployer"}),
        ("operation-records", {"operator", "upgrader", "deployer", "node-medic"}),
    ],
)
def test_each_identity_has_its_own_settings_by_name(name: str, writers: set[str]) -> None:
    everybody = ("operator", "upgrader", "deployer", "node-medic")
    assert {who for who in everybody if may_write_settings(who, SYSTEM, name)} == writers
    assert not any(may_write_settings(who, MODELS, name) for who in everybody)


def test_a_contract_is_read_as_the_customer_wrote_it() -> None:
    bounds = bounds_of(CONTRACT)
    assert bounds.claims == {"weights", "kernels", "staged"}
    assert bounds.staged == {"qwen": ("staged", 1800)}
    assert bounds.secrets == {"byoc-events"}
    assert (bounds.token_seconds, seconds("2d")) == (5400, 172800)
    assert bounds.may("cordon") and not bounds.may("drain")


def test_whatever_is_allowed_has_a_reason() -> None:
    silent = [(kind, row.where) for kind, rows in ROWS.items() for row in rows if not row.why and row.holds is None]
    assert silent == []


def test_the_oracle_knows_nothing_of_the_collection() -> None:
    folder = ROOT / "tests" / "guard_prover" / "oracle"
    text = "\n".join(path.read_text() for path in folder.glob("*.py"))
    taken = re.findall(r"^(?:from|import) .*", text, re.MULTILINE)
    assert taken
    assert not [line for line in taken if "ansible_collections" in line or "plugins" in line]
