# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the fields of a pod may hold, for all users: ``restricted`` Pod Security, and only what the contract names.

Which fields a pod may have at all is the table in ``pod_fields``; images, accounts and GPUs are in ``workloads``.
"""

from __future__ import annotations

from ..alerting import alert_secrets
from ..contract.typed import Contract
from ..counted import PLAIN, own_classes
from ..model.credential import ENGINE_ACCOUNT, account_of, audiences, secret_of
from ..model.engine_adapter import claims, sources
from ..model.staged import is_staged
from ..names import (
    CANARY_LABEL,
    COMPONENT_LABEL,
    GPU,
    GROUP_LABEL,
    LWS_PLURAL,
    MODEL_LABEL,
    MODELS_NAMESPACE,
    PART_OF_LABEL,
    PREFIX,
    QUARANTINE_TAINT,
    ROUTER,
    STAGES_LABEL,
    SYSTEM_NAMESPACE,
    TELEMETRY,
    TELEMETRY_CLAIM,
    model_set,
)
from ..telemetry_volume import has_telemetry_volume
from .pod_allowlist import WHERE
from .policy import FROM_OUR_ACCOUNTS, Policy, Rule, literal
from .workloads import DESCRIBED, LWS_MARKS, OF_PODS, containers_of

_WHY = (
    "In fireworks-system and fireworks-models pods are restricted as Pod Security means it, and mount, read, tolerate"
    " and displace only what the contract names. This applies to all users."
)
_LONGEST_GRACE = 120
"""Seconds that a pod may take to end: an engine finishes what it is generating."""
_SHARED_MEMORY = "16Gi"
_TOKEN_SECONDS = 3607
"""The lifetime of the token that Kubernetes puts into pods; a kubelet renews it."""
_ROUTERS = f"^{ROUTER}-([0-9a-f]{{10}}|models)$"
_CERTIFICATES = ("kube-root-ca.crt", "openshift-service-ca.crt")

# Effects by taint: of the GPU nodes, and what Kubernetes adds to pods.
_TOLERATED = {
    GPU: "NoSchedule",
    "node.kubernetes.io/not-ready": "NoExecute",
    "node.kubernetes.io/unreachable": "NoExecute",
    "node.kubernetes.io/memory-pressure": "NoSchedule",
}
_TOLERATED_BY_CANARIES = {
    **_TOLERATED,
    QUARANTINE_TAINT: "NoSchedule",
    "node.kubernetes.io/unschedulable": "NoSchedule",
}
# What they are told by may start more than we know: other networks, devices, agents that bring secrets.
_NOTES = (PREFIX, LWS_MARKS, "kubectl.kubernetes.io/restartedAt", "batch.kubernetes.io/")
_MARKS = (PREFIX, LWS_MARKS, "app.kubernetes.io/", "batch.kubernetes.io/", "statefulset.kubernetes.io/")
"""Labels, of which the same is so: webhooks give pods sidecars, networks or identities by them."""
_NOTES_OF_SERVERS = (
    *_NOTES,
    "kubernetes.io/limit-ranger",
    "openshift.io/scc",
    "security.openshift.io/",
    "seccomp.security.alpha.kubernetes.io/pod",
)


def pods_policy(contract: Contract) -> Policy:
    """The guardrail ``fireworks-pods``."""
    return Policy(
        name="fireworks-pods",
        why=_WHY,
        match=OF_PODS,
        variables={
            **DESCRIBED,
            **WHERE,
            "claims": literal(_claims(contract)),
            "secrets": literal(_secrets(contract)),
            "owned": literal(_accounts(contract)),
            "audiences": literal({SYSTEM_NAMESPACE: {}, MODELS_NAMESPACE: audiences(contract)}),
            "priorities": literal(["", *PLAIN, *own_classes(contract)]),
            **_VARIABLES,
        },
        rules=tuple(
            Rule(f"variables.privileged || ({rule.expression})", rule.message, rule.details)
            for rule in (*_RESTRICTED, *_MOUNTED, *_PLACED, *_DEVICES, *_DESCRIBED)
        ),
    )


_NOBODY, _JOBS, _PODS = "nobody", "jobs", "pods"
"""Who may write to a claim."""


def _claims(contract: Contract) -> dict[str, dict[str, str]]:
    """By namespace, the claims that the contract names, and who may write to them: pods only to a cache, and only the
    Job to one with staged weights. Of the stack's, the component whose pods alone may mount it."""
    found: dict[str, str] = {}
    for model in contract.get("models") or ():
        found.update({volume.claim: found.get(volume.claim, _NOBODY) for volume in claims(sources(model))})
        if cache := model.get("weights_cache"):
            found[cache["claim"]] = _JOBS if is_staged(model) else _PODS
    of_the_stack = {TELEMETRY_CLAIM: TELEMETRY} if has_telemetry_volume(contract) else {}
    return {SYSTEM_NAMESPACE: of_the_stack, MODELS_NAMESPACE: dict(sorted(found.items()))}


def _secrets(contract: Contract) -> dict[str, dict[str, list[str]]]:
    """By namespace, the Secrets that the contract names; of a model's with the labels of the pods that mount it: its
    replicas', or where its weights are staged those of its Job alone."""
    found: dict[str, list[str]] = {}
    for model in contract.get("models") or ():
        name = str(model["name"])
        mark = f"{STAGES_LABEL}={name}" if is_staged(model) else f"{PART_OF_LABEL}={model_set(name)}"
        if secret := secret_of(model):
            found.setdefault(secret, []).append(mark)
    return {
        SYSTEM_NAMESPACE: {name: [] for name in alert_secrets(contract)},
        MODELS_NAMESPACE: dict(sorted(found.items())),
    }


def _accounts(contract: Contract) -> dict[str, str]:
    """By account that a cloud knows, the set whose pods run as it."""
    accounts = {account_of(model): model_set(str(model["name"])) for model in contract.get("models") or ()}
    return {name: accounts[name] for name in sorted(accounts) if name != ENGINE_ACCOUNT}


def _made_with(side: str) -> str:
    """The metadata that pods are made with: of each template, or of the pod itself."""

    def of(place: str) -> str:
        return f"dyn({side}).{place}.?metadata.orValue({{}})"

    group = ", ".join(of(f"spec.?leaderWorkerTemplate.?{each}") for each in ("leaderTemplate", "workerTemplate"))
    return (
        f"(variables.kind == {literal(LWS_PLURAL)} ? [{group}]"
        f" : variables.kind == 'pods' ? [dyn({side}).metadata]"
        f" : variables.kind == 'cronjobs' ? [{of('spec.jobTemplate.spec.?template')}] : [{of('spec.?template')}])"
    )


_OF_A_JOB = (
    "dyn(object).?metadata.?ownerReferences.orValue([]).exists(owner, owner.kind == 'Job' && owner.apiVersion =="
    " 'batch/v1' && owner.?controller.orValue(false))"
)
_VARIABLES = {
    "canary": (
        f"variables.kind == 'pods' && dyn(object).?metadata.?labels[?{literal(CANARY_LABEL)}].orValue('') == 'true'"
    ),
    # The pod of a Job is its controller's to make: no template has owners.
    "writers": (
        f"variables.kind == 'jobs' || (variables.kind == 'pods' && {_OF_A_JOB})"
        f" ? {literal([_JOBS, _PODS])} : {literal([_PODS])}"
    ),
    "tolerated": f"variables.canary ? {literal(_TOLERATED_BY_CANARIES)} : {literal(_TOLERATED)}",
    "madeWith": _made_with("object"),
    "madeBefore": f"request.operation == 'CREATE' ? [] : {_made_with('oldObject')}",
    # On a pod that a controller made of a template, only the customer's own webhooks can have added more.
    "told": (
        "variables.kind == 'pods' && !(request.operation == 'CREATE' && " + FROM_OUR_ACCOUNTS + ") ? [] :"
        " variables.madeWith.filter(made, !(made in variables.madeBefore))"
    ),
    "known": f"variables.kind == 'pods' ? {literal(_NOTES_OF_SERVERS)} : {literal(_NOTES)}",
    "strange": (
        "variables.told.map(made, (made.?annotations.orValue({}).filter(key, key.contains('.')"
        " && !variables.known.exists(ours, key.startsWith(ours)))"
        " + made.?labels.orValue({}).filter(key, key.contains('.')"
        f" && !{literal(_MARKS)}.exists(ours, key.startsWith(ours)))).join(', ')).filter(names, names != '')"
    ),
}


def _said(field: str, otherwise: str) -> str:
    """A field of a container's security context."""
    return f"c.?securityContext.?{field}.orValue({otherwise})"


def _everywhere(field: str, otherwise: str, holds: str) -> str:
    """Whether it holds for pods, or else for each of their containers; and for whatever else says something of it."""
    pod = f"p.?securityContext.?{field}"
    return (
        f"variables.pods.all(p, {pod}.hasValue() ? {pod}.orValue({otherwise}) {holds}"
        f" : ({containers_of('p')}).all(c, {_said(field, otherwise)} {holds}))"
        f" && variables.containers.all(c, !c.?securityContext.?{field}.hasValue() || {_said(field, otherwise)} {holds})"
    )


_LEVEL = "(compliance.pod_security; restricted holds at each level)"
_RESTRICTED = (
    Rule(
        _everywhere("runAsNonRoot", "false", "== true"),
        f"Pods run as no root user: runAsNonRoot is true {_LEVEL}.",
    ),
    Rule(
        "variables.pods.all(p, p.?securityContext.?runAsUser.orValue(1) != 0)"
        f" && variables.containers.all(c, {_said('runAsUser', '1')} != 0)",
        f"Pods run as no root user: runAsUser is not 0 {_LEVEL}.",
    ),
    Rule(
        _everywhere("seccompProfile.?type", "''", "== 'RuntimeDefault'"),
        f"Pods have the seccomp profile RuntimeDefault {_LEVEL}.",
    ),
    # Anything but false is refused where privileges are, in the guardrail of workloads.
    Rule(
        "variables.containers.all(c, c.?securityContext.?allowPrivilegeEscalation.hasValue())",
        f"Containers gain no privileges: allowPrivilegeEscalation is false, and said to be {_LEVEL}.",
    ),
    Rule(
        f"variables.containers.all(c, 'ALL' in {_said('capabilities.?drop', '[]')})",
        f"Containers drop ALL capabilities {_LEVEL}.",
    ),
)

_CLAIM = "v.persistentVolumeClaim"
_CLAIMED_FOR = f"variables.claims[request.namespace][{_CLAIM}.claimName]"
_FOREIGN_CLAIMS = (
    f"variables.volumes.filter(v, has({_CLAIM}) && !({_CLAIM}.claimName in variables.claims[request.namespace]"
    f" && (request.namespace == {literal(SYSTEM_NAMESPACE)}"
    f" ? variables.madeWith.all(made, made.?labels[?{literal(COMPONENT_LABEL)}].orValue('') == {_CLAIMED_FOR})"
    f" : {_CLAIM}.?readOnly.orValue(false) || {_CLAIMED_FOR} in variables.writers)))"
)
_BY_CLAIM = "(models: source.uri, adapters, weights_cache.claim; telemetry.volume)"
_FOREIGN_SECRETS = (
    "variables.volumes.filter(v, has(v.secret)"
    " && !(v.secret.?secretName.orValue('') in variables.secrets[request.namespace]"
    f" && (request.namespace == {literal(SYSTEM_NAMESPACE)} || variables.madeWith.all(made,"
    f" [{literal(PART_OF_LABEL)}, {literal(STAGES_LABEL)}].exists(mark, (mark + '=' + made.?labels[?mark].orValue(''))"
    " in variables.secrets[request.namespace][v.secret.secretName])))))"
)
_AUDIENCE = "s.?serviceAccountToken.?audience.orValue('')"
_MOUNTED = (
    Rule(
        "variables.volumes.all(v, !has(v.emptyDir) || v.emptyDir.?medium.orValue('') == ''"
        " || (v.emptyDir.medium == 'Memory' && v.emptyDir.?sizeLimit.hasValue()"
        f" && !quantity(string(v.emptyDir.sizeLimit)).isGreaterThan(quantity({literal(_SHARED_MEMORY)}))))",
        f"A volume in memory has a sizeLimit of at most {_SHARED_MEMORY}, and there is no other medium (compliance).",
    ),
    Rule(
        f"{_FOREIGN_CLAIMS}.size() == 0",
        "Pods mount only the claims of the contract, and write only to a cache, and to staged weights only their Job;"
        f" that of telemetry only its own pods {_BY_CLAIM}.",
        f"'the contract has no claim ' + {_FOREIGN_CLAIMS}.map(v, {_CLAIM}.claimName).join(', ') + ' in '"
        f" + request.namespace + ' for these pods, or only to be read {_BY_CLAIM}'",
    ),
    Rule(
        f"{_FOREIGN_SECRETS}.size() == 0",
        "Pods mount only the Secrets that the contract gives them"
        " (health.events.token_secret, alerts.receivers, models: source.credential).",
        f"'the contract has no Secret ' + {_FOREIGN_SECRETS}.map(v, v.secret.?secretName.orValue('')).join(', ')"
        " + ' in ' + request.namespace"
        " + ' (health.events.token_secret, alerts.receivers, models: source.credential)'",
    ),
    Rule(
        "variables.volumes.all(v, !has(v.projected) || v.projected.?sources.orValue([]).all(s,"
        f" s.?serviceAccountToken.?expirationSeconds.orValue({_TOKEN_SECONDS}) <= {_TOKEN_SECONDS}"
        # On a pod of an account that a cloud knows, the cloud's webhook adds one for it.
        f" && ({_AUDIENCE} == '' || {_AUDIENCE} == variables.audiences[request.namespace]"
        "[?variables.pod.?serviceAccountName.orValue('')].orValue(''))"
        f" && (!has(s.configMap) || s.configMap.?name.orValue('') in {literal(_CERTIFICATES)}"
        f" || (request.namespace == {literal(SYSTEM_NAMESPACE)}"
        f" && s.configMap.?name.orValue('').matches({literal(_ROUTERS)})))))",
        "The only tokens in a pod are the one that Kubernetes puts there, with its lifetime, and the one of a workload"
        " identity (access.token_lifetime, models: source.credential), and beside them only the router's ConfigMaps are"
        " projected.",
    ),
)

_FOREIGN_PRIORITIES = (
    "variables.pods.filter(p, !(p.?priorityClassName.orValue('') in variables.priorities"
    # A cluster may have a class for pods that name none. On the pod itself it is written as if it were asked for.
    " || (variables.kind == 'pods' && (p.?priority.orValue(1) <= 0 || p.?preemptionPolicy.orValue('') == 'Never'))))"
)
_FOREIGN_TOLERATIONS = (
    "variables.pods.map(p, p.?tolerations.orValue([])"
    ".filter(t, variables.tolerated[?t.?key.orValue('')].orValue('none') != t.?effect.orValue(''))"
    ".map(t, t.?key.orValue('every taint') + ':' + t.?effect.orValue('every effect')).join(', '))"
    ".filter(names, names != '')"
)
_PLACED = (
    Rule(
        f"{_FOREIGN_PRIORITIES}.size() == 0",
        "Pods have the priority classes of the contract's words, or one that displaces nobody (models: priority).",
        f"'pods have the priority classes fireworks-critical, -standard and -batch (models: priority), not '"
        f" + {_FOREIGN_PRIORITIES}.map(p, p.?priorityClassName.orValue('')).join(', ')",
    ),
    Rule(
        f"{_FOREIGN_TOLERATIONS}.size() == 0",
        "Pods tolerate only the taint of GPU nodes and what Kubernetes adds, and a canary the quarantine of its node"
        " (actions.cordon).",
        "'pods tolerate only the taint of GPU nodes and what Kubernetes adds, and a canary the quarantine of its node"
        f" (actions.cordon), not ' + {_FOREIGN_TOLERATIONS}.join(', ')",
    ),
    Rule(
        "request.operation != 'CREATE' || variables.pods.all(p, !has(p.nodeName))",
        "The scheduler chooses the node of a pod: no nodeName (capacity.gpus).",
    ),
    Rule(
        "variables.pods.all(p, p.?schedulerName.orValue('default-scheduler') == 'default-scheduler')",
        "Pods are placed by the default scheduler, which counts what they use (capacity.gpus).",
    ),
    Rule(
        "variables.pods.all(p, p.?dnsPolicy.orValue('ClusterFirst') == 'ClusterFirst')",
        "Pods find names as the cluster does: the dnsPolicy is ClusterFirst (compliance.egress).",
    ),
    Rule(
        "variables.pods.all(p, !has(p.serviceAccount) || p.serviceAccount == p.?serviceAccountName.orValue(''))",
        "A pod has one account: serviceAccount and serviceAccountName are the same (access).",
    ),
    Rule(
        f"request.namespace != {literal(MODELS_NAMESPACE)} || variables.pods.all(p,"
        " !(p.?serviceAccountName.orValue('') in variables.owned) || variables.madeWith.all(made,"
        f" made.?labels[?{literal(PART_OF_LABEL)}].orValue('') == variables.owned[p.serviceAccountName]))",
        "Only a model's own pods run as its account, which a cloud knows (models: source.credential).",
    ),
    Rule(
        f"variables.pods.all(p, p.?terminationGracePeriodSeconds.orValue(30) <= {_LONGEST_GRACE})",
        f"A pod ends within {_LONGEST_GRACE} s: a longer terminationGracePeriodSeconds would hold up your drains"
        " (actions.drain).",
    ),
)

_AMOUNTS = (
    "variables.containers.map(c, (c.?resources.?limits.orValue({}).map(name, name)"
    " + c.?resources.?requests.orValue({}).map(name, name))"
    ".filter(name, !name.contains('/') && !(name in ['cpu', 'memory', 'ephemeral-storage'])).join(', '))"
    ".filter(names, names != '')"
)
_DEVICES = (
    Rule(
        "variables.containers.all(c, c.?env.orValue([]).all(e, !e.?name.orValue('').startsWith('NVIDIA_'))"
        " && c.?volumeMounts.orValue([]).all(m, !m.?mountPath.orValue('').contains('nvidia-container-devices')))",
        "Containers get GPUs by asking for them, and not by NVIDIA_VISIBLE_DEVICES, other NVIDIA_ variables, or mounts"
        " that mean the same (capacity.gpus).",
    ),
    Rule(
        f"{_AMOUNTS}.size() == 0",
        "Containers ask for cpu, memory, ephemeral-storage and nvidia.com/gpu (capacity.gpus).",
        f"'containers ask for cpu, memory, ephemeral-storage and nvidia.com/gpu (capacity.gpus), not for ' + {_AMOUNTS}"
        ".join(', ')",
    ),
)

_DESCRIBED = (
    Rule(
        "variables.strange.size() == 0",
        f"Pods are made with no annotations and labels that others act on, only with ours, {PREFIX} (compliance).",
        f"'pods are made with no annotations and labels that others act on, only with ours, {PREFIX} (compliance), not"
        " with ' + variables.strange.join(', ')",
    ),
    Rule(
        "variables.kind == 'pods' || variables.told.all(made,"
        " made.all(key, key in ['annotations', 'creationTimestamp', 'labels']))",
        "Templates give pods labels and annotations, and no finalizers, owners or names (compliance).",
    ),
    Rule(
        f"variables.told.all(made, !(made.?labels[?{literal(MODEL_LABEL)}].hasValue()"
        f" && made.?labels[?{literal(GROUP_LABEL)}].hasValue())"
        f" || made.labels[{literal(MODEL_LABEL)}] == made.labels[{literal(GROUP_LABEL)}])",
        "Pods are of one model: two disruption budgets with the same pod would stop your drains (actions.drain).",
    ),
    Rule(
        "!variables.isNew || (dyn(object).spec.?volumeClaimTemplates.orValue([]).size() == 0"
        " && dyn(object).spec.?leaderWorkerTemplate.?volumeClaimTemplates.orValue([]).size() == 0)",
        "Nothing makes claims of volumes: pods use those of the contract (models: weights_cache.claim).",
    ),
)
