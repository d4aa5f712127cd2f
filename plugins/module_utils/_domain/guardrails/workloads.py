# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may run in our namespaces, for all users: approved images, no privileges, approved GPUs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..capacity import approved
from ..contract.defaults import said
from ..contract.schema import SCHEMA
from ..contract.typed import Contract
from ..identities.needs import identities_of
from ..names import GPU, GPU_PRODUCT_LABEL, LWS_GROUP, LWS_PLURAL, MODELS_NAMESPACE, NAMESPACES
from ..presetup_version import NEWEST
from .policy import Policy, Rule, literal

PRIVILEGED: tuple[str, ...] = ()
"""Accounts (``namespace/name``) whose pods may use the host and its privileges. A node agent would be declared here."""

_WHY = (
    "In fireworks-system and fireworks-models only images from the agreed registries run, "
    "by digest where agreed, without privileges, and on approved GPUs only. This applies to all users."
)
_MATCH: dict[str, Any] = {
    "namespaceSelector": {
        "matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "In", "values": list(NAMESPACES)}]
    },
    "resourceRules": [
        {"apiGroups": [group], "apiVersions": ["*"], "resources": resources, "operations": ["CREATE", "UPDATE"]}
        for group, resources in (
            ("", ["pods", "pods/ephemeralcontainers", "services"]),
            ("", ["replicationcontrollers", "replicationcontrollers/scale"]),
            ("apps", ["deployments", "replicasets", "replicasets/scale", "statefulsets", "statefulsets/scale"]),
            ("apps", ["daemonsets"]),
            ("batch", ["jobs", "cronjobs"]),
            (LWS_GROUP, [LWS_PLURAL]),
        )
    ],
}
OF_PODS: dict[str, Any] = {
    **_MATCH,
    "resourceRules": [
        {**rule, "resources": [each for each in rule["resources"] if each != "services" and "/scale" not in each]}
        for rule in _MATCH["resourceRules"]
    ],
}
"""What a policy matches that looks into pods, and into what describes them."""

LWS_MARKS = "leaderworkerset.sigs.k8s.io/"
"""What LeaderWorkerSet marks pods with: lws.sigs.k8s.io, "Labels, annotations and environment variables"."""


def workloads_policy(contract: Contract, registries: Sequence[str], version: int = NEWEST) -> Policy:
    """The guardrail ``fireworks-workloads``, by prerequisites of this version."""
    return Policy(
        name="fireworks-workloads",
        why=_WHY,
        match=_MATCH,
        variables={
            **_VARIABLES,
            **(_COUNTED if version >= 2 else {}),
            "registries": literal(list(registries)),
            "approved": literal(approved(contract)),
        },
        rules=(
            *_images(contract),
            *_PRIVILEGES,
            _account(contract, version),
            *_DEVICES,
            *((_of_one_model(contract),) if version >= 2 else ()),
            *_SERVICES,
        ),
    )


def template_of(side: str) -> str:
    """The pod that an object describes, or is; of a LeaderWorkerSet both that it describes, and how many."""
    return (
        f"(variables.kind == {literal(LWS_PLURAL)} ? dyn({side}).spec.?leaderWorkerTemplate.orValue({{}}) : "
        f"variables.kind == 'pods' ? dyn({side}).?spec.orValue({{}})"
        f" : variables.kind == 'cronjobs' ? dyn({side}).spec.jobTemplate.spec.template.?spec.orValue({{}})"
        f" : dyn({side}).spec.?template.?spec.orValue({{}}))"
    )


def _is_leaders(side: str) -> str:
    return f"dyn({side}).spec.?template.?metadata.?labels[?{literal(LWS_MARKS + 'worker-index')}].orValue('') == '0'"


def _size(side: str) -> str:
    size = f"dyn({side}).spec.?template.?metadata.?annotations[?{literal(LWS_MARKS + 'size')}].orValue('1')"
    return f"int({size})"


def _copies(side: str, group: str) -> str:
    """How many of them at once.

    What LeaderWorkerSet makes of its leaders stands for whole groups: an autoscaler asks it for more without writing
    the object itself, and the workers come later, each group's by itself.

    :param group: how many pods one of its replicas stands for.
    """
    return (
        f"(variables.kind == 'jobs' ? dyn({side}).spec.?parallelism.orValue(1)"
        f" : variables.kind == 'cronjobs' ? dyn({side}).spec.jobTemplate.spec.?parallelism.orValue(1)"
        f" : variables.kind in ['pods', 'daemonsets'] ? 1"
        f" : dyn({side}).spec.?replicas.orValue(1) * {group})"
    )


def _new_if_more(group: Callable[[str], str]) -> str:
    """Existing workloads are exempt, so that they can be scaled down, completed and deleted after the contract has
    become stricter: only changes are checked, a different pod template or more copies."""
    more = f"{_copies('object', group('object'))} > {_copies('oldObject', group('oldObject'))}"
    return (
        "variables.kind != 'services' && !variables.scale && (request.operation == 'CREATE'"
        f" || {template_of('object')} != {template_of('oldObject')} || {more})"
    )


def _group_of_before(side: str) -> str:
    """The first version's: it believed the marks of whatever had them."""
    return f"({_is_leaders(side)} ? {_size(side)} : 1)"


def _group_of(side: str) -> str:
    """Only a StatefulSet is one of leaders, and each of them is a pod at least, whatever its marks say."""
    return f"(variables.kind == 'statefulsets' && {_is_leaders(side)} ? [1, {_size(side)}].max() : 1)"


def containers_of(pod: str) -> str:
    """All containers of a pod, whenever they run."""
    return " + ".join(f"{pod}.?{key}.orValue([])" for key in ("containers", "initContainers", "ephemeralContainers"))


def gpus_of(pod: str) -> str:
    """The GPUs of a pod, never less than the scheduler counts (``at_once``): containers run together, other init
    containers one after the other. Sidecars count beside all of these, where the scheduler spares them beside the init
    containers that end before them: CEL has no loop that knows what came before."""
    running, inits = f"{pod}.?containers.orValue([])", f"{pod}.?initContainers.orValue([])"
    return (
        f"([0] + {_gpus_of(f'{inits}.filter(c, {_SIDECAR})')}).sum()"
        f" + [([0] + {_gpus_of(running)}).sum(), ([0] + {_gpus_of(f'{inits}.filter(c, !({_SIDECAR}))')}).max()].max()"
    )


def product_of(pod: str) -> str:
    return f"{pod}.?nodeSelector[?{literal(GPU_PRODUCT_LABEL)}].orValue('')"


def _gpus_of(containers: str) -> str:
    """The GPUs of each of these containers."""
    return (
        f"{containers}.map(c, [c.?resources.?limits[?{literal(GPU)}].orValue('0'),"
        f" c.?resources.?requests[?{literal(GPU)}].orValue('0')].map(q, quantity(string(q)).asInteger()).max())"
    )


_SIDECAR = "c.?restartPolicy.orValue('') == 'Always'"


def _gpus_of_one(size: str) -> str:
    """Those of one copy.

    :param size: how many pods a group has.
    """
    group = f"{gpus_of('variables.leader')} + ({size} - 1) * variables.podGpus"
    return f"variables.group ? {group} : variables.podGpus"


_VARIABLES = {
    "kind": "request.resource.resource",
    "scale": "request.?subResource.orValue('') == 'scale'",
    "isNew": _new_if_more(_group_of_before),
    "described": f"variables.isNew ? {template_of('object')} : {{}}",
    "group": f"variables.isNew && variables.kind == {literal(LWS_PLURAL)}",
    "pod": "variables.group ? variables.described.?workerTemplate.?spec.orValue({}) : variables.described",
    # The first pod of each group; described like the others unless it says otherwise.
    "leader": "variables.group ? variables.described.?leaderTemplate.?spec.orValue(variables.pod) : {}",
    "copies": f"variables.isNew ? {_copies('object', _group_of_before('object'))} : 0",
    "containers": f"{containers_of('variables.pod')} + {containers_of('variables.leader')}",
    "volumes": "variables.pod.?volumes.orValue([]) + variables.leader.?volumes.orValue([])",
    "accounts": (
        "[variables.pod.?serviceAccountName.orValue('')]"
        " + (variables.group ? [variables.leader.?serviceAccountName.orValue('')] : [])"
    ),
    "privileged": f"variables.accounts.all(name, (request.namespace + '/' + name) in {literal(PRIVILEGED)})",
    "images": (
        "variables.containers.map(c, c.?image.orValue(''))"
        " + variables.volumes.filter(v, has(v.image)).map(v, v.image.?reference.orValue(''))"
    ),
    "podGpus": gpus_of("variables.pod"),
    # Of one copy: all pods of a group.
    "gpus": _gpus_of_one("int(variables.described.?size.orValue(1))"),
    "product": product_of("variables.pod"),
    # Devices go by names with a slash; cpu, memory and huge pages have none.
    "devices": (
        "variables.containers.map(c, c.?resources.?limits.orValue({}).filter(name, name.contains('/'))"
        " + c.?resources.?requests.orValue({}).filter(name, name.contains('/')))"
        f".filter(names, names.exists(name, name != {literal(GPU)})).map(names, names.join(', '))"
    ),
    "service": (
        "variables.kind == 'services' && (request.operation == 'CREATE' || dyn(object).spec != dyn(oldObject).spec)"
        " ? dyn(object).spec : {}"
    ),
}

_COUNTED = {
    "isNew": _new_if_more(_group_of),
    "copies": f"variables.isNew ? {_copies('object', _group_of('object'))} : 0",
    "gpus": _gpus_of_one("[1, int(variables.described.?size.orValue(1))].max()"),
}
"""What the second version counts otherwise: no replica is less than one pod, whatever is written beside it."""

DESCRIBED = {
    name: {**_VARIABLES, **_COUNTED}[name]
    for name in ("kind", "scale", "isNew", "described", "group", "pod", "leader", "copies", "containers", "volumes",
                 "accounts", "privileged")
}  # fmt: skip
"""What every policy about pods knows of them."""


def _images(contract: Contract) -> list[Rule]:
    allowed = "variables.registries.exists(registry, image.startsWith(registry + '/'))"
    rules = [
        Rule(
            f"variables.images.all(image, {allowed})",
            "Images come only from the registries of the contract (compliance.registries).",
            f"'image ' + variables.images.filter(image, !{allowed}).join(', ')"
            " + ' is not from ' + (variables.registries.size() == 0 ? 'any registry: none is approved'"
            " : variables.registries.join(' or ')) + ' (compliance.registries)'",
        )
    ]
    if said(contract, SCHEMA, "compliance", "digests_required"):
        by_digest = "image.matches('@sha256:[0-9a-f]{64}$')"
        rules.append(
            Rule(
                f"variables.images.all(image, {by_digest})",
                "Images are named by digest (compliance.digests_required).",
                f"'image ' + variables.images.filter(image, !{by_digest}).join(', ')"
                " + ' is not named by digest, @sha256:... (compliance.digests_required)'",
            )
        )
    return rules


_PRIVILEGES = (
    Rule(
        "variables.privileged || ![variables.pod, variables.leader].exists(pod, "
        "[pod.?hostNetwork, pod.?hostPID, pod.?hostIPC].exists(flag, flag.orValue(false)))",
        "Pods use neither the network nor the processes of their node: no hostNetwork, hostPID or hostIPC.",
    ),
    Rule(
        "variables.privileged || (variables.volumes.all(v, !has(v.hostPath)) && "
        "variables.containers.all(c, c.?ports.orValue([]).all(p, p.?hostPort.orValue(0) == 0)))",
        "Pods use neither files nor ports of their node: no hostPath, no hostPort.",
    ),
    Rule(
        "variables.privileged || variables.containers.all(c, !c.?securityContext.?privileged.orValue(false) && "
        "!c.?securityContext.?allowPrivilegeEscalation.orValue(false) && "
        "c.?securityContext.?capabilities.?add.orValue([]).size() == 0)",
        "No container has privileges: no privileged, no allowPrivilegeEscalation, no added capabilities.",
    ),
)

# Without its token an account gives a pod nothing.
_UNLESS_POWERLESS = (
    ".filter(name, !(name in ['', 'default'] && [variables.pod, variables.leader].all(pod,"
    " pod.size() == 0 || !pod.?automountServiceAccountToken.orValue(true))))"
)


def _pod_accounts(contract: Contract) -> dict[str, list[str]]:
    """The accounts that pods run as. Never one that connects from outside: a pod would give access to it."""
    return {
        namespace: [each.name for each in identities_of(contract) if each.home == namespace and not each.connects]
        for namespace in NAMESPACES
    }


def _account(contract: Contract, version: int) -> Rule:
    ours = f"{literal(_pod_accounts(contract))}[request.namespace]"
    others = f"variables.accounts.filter(name, !(name in {ours}))" + (_UNLESS_POWERLESS if version >= 2 else "")
    return Rule(
        f"!variables.isNew || {others}.size() == 0",
        "Pods run only as the accounts that were created for them.",
        f"'a pod in ' + request.namespace + ' runs as ' + {ours}.join(' or ')"
        f" + ', not as ' + {others}.map(name, name == '' ? 'an unnamed account' : name).join(', ')",
    )


_DEVICES = (
    Rule(
        f"variables.gpus == 0 || request.namespace == {literal(MODELS_NAMESPACE)}",
        "GPUs are for models: only pods in fireworks-models use them (capacity.gpus).",
    ),
    Rule(
        "variables.devices.size() == 0",
        "Pods use no devices but whole GPUs, nvidia.com/gpu (capacity.gpus).",
        "'pods use no devices but whole GPUs, nvidia.com/gpu (capacity.gpus), not ' + variables.devices.join(', ')",
    ),
    Rule(
        "[variables.pod, variables.leader].all(pod, pod.?resourceClaims.orValue([]).size() == 0)",
        "Pods claim no devices: a resource claim would bypass the quota of the approved GPUs (capacity.gpus).",
    ),
    Rule(
        "variables.gpus == 0 || variables.product in variables.approved",
        "GPUs are used only with a nodeSelector for an approved product, nvidia.com/gpu.product (capacity.gpus).",
        "'GPUs are used only with a nodeSelector nvidia.com/gpu.product of an approved product (capacity.gpus), and '"
        " + (variables.product == '' ? 'nothing' : variables.product) + ' is not'",
    ),
    Rule(
        f"!variables.group || variables.gpus == 0 || variables.product == {product_of('variables.leader')}",
        "All pods of a replica use GPUs of one product, so that they can be counted (capacity.gpus).",
    ),
    Rule(
        "variables.gpus == 0 || variables.kind != 'daemonsets'",
        "A DaemonSet uses no GPUs: their number would depend on the nodes, not on capacity.gpus.",
    ),
    Rule(
        "variables.gpus == 0 || !(variables.product in variables.approved)"
        " || variables.copies * variables.gpus <= variables.approved[variables.product]",
        "No workload uses more GPUs than approved for its product (capacity.gpus).",
        "string(variables.copies) + ' x ' + string(variables.gpus) + ' GPUs is more than the '"
        " + string(variables.approved[variables.product]) + ' approved of ' + variables.product + ' (capacity.gpus)'",
    ),
    Rule(
        "!variables.scale || dyn(object).spec.?replicas.orValue(0) <= dyn(oldObject).spec.?replicas.orValue(0)",
        "Scale up in the object itself, where its GPUs can be counted (capacity.gpus).",
    ),
)


def _of_one_model(contract: Contract) -> Rule:
    """A pod by itself is a canary, on all GPUs that are free on its node, or belongs to what was judged as a whole."""
    most = int(contract["scaling"]["max_gpus_per_model"])
    return Rule(
        f"variables.kind == 'pods' || variables.copies * variables.gpus <= {most}",
        f"A model has at most {most} GPUs, of all its replicas (scaling.max_gpus_per_model).",
        "string(variables.copies) + ' x ' + string(variables.gpus) + ' GPUs of ' + request.name"
        f" + ' are more than {most} (scaling.max_gpus_per_model)'",
    )


_SERVICES = (
    Rule(
        "variables.service.?type.orValue('ClusterIP') == 'ClusterIP'",
        "Services are of type ClusterIP: models are reached through the gateway (networking.gateway).",
    ),
    Rule(
        "variables.service.?externalIPs.orValue([]).size() == 0",
        "Services have no externalIPs: models are reached through the gateway (networking.gateway).",
    ),
)
