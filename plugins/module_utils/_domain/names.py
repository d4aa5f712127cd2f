# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The words this collection writes into a cluster, each spelled once.

docs/names.md is made of it, for people.
"""

from __future__ import annotations

import hashlib
import re

PREFIX = "byoc.fireworks.ai/"
"""The prefix of all our labels, annotations and taints."""

SYSTEM_NAMESPACE = "fireworks-system"
MODELS_NAMESPACE = "fireworks-models"
NAMESPACES = (SYSTEM_NAMESPACE, MODELS_NAMESPACE)

MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
MANAGED_BY = "fireworks-byoc"
PART_OF_LABEL = "app.kubernetes.io/part-of"
NAME_LABEL = "app.kubernetes.io/name"

COMPONENT_LABEL = PREFIX + "component"
"""On what belongs to a component of the stack: its name."""
MODEL_LABEL = PREFIX + "model"
"""On what belongs to a model, and on the pods that take its requests: its name."""
RELEASE_LABEL = PREFIX + "release"
"""On the stack's objects and their set: the release."""
PRESETUP_ANNOTATION = PREFIX + "presetup"
"""On the presetup's set: a digest of what was compiled."""
API_SERVER_ANNOTATION = PREFIX + "api-server"
"""On the presetup's set: where the API server answered, which an identity confined to our namespaces cannot read."""
AUDIENCES_ANNOTATION = PREFIX + "token-audiences"
"""On the presetup's set: whom the API server takes for itself in tokens, as a JSON list; only a request tells."""
BOUNDS_ANNOTATION = PREFIX + "bounds"
"""On the presetup's set: the bounds of the contract that was applied, as JSON (see ``contract.bounds``)."""
PRESETUP_VERSION_ANNOTATION = PREFIX + "presetup-version"
"""On the presetup's set: which version of the prerequisites it is; without it, the first."""
REVISION_ANNOTATION = PREFIX + "revision"
"""On a model's pods: what they were made from, by which an approval is told."""
REVISION_OF_LABEL = PREFIX + "revision-of"
"""On the recorded revisions of a model, and on nothing else: what a StatefulSet's controller records carries the labels
of its pods, the model's among them."""
GROUP_LABEL = PREFIX + "group-of"
"""On every pod of a replica that spans nodes. Only the one that takes requests has the model's label too."""
SERVES_ANNOTATION = PREFIX + "serves"
"""On the Service of a model: the names that clients ask for, as a JSON list."""
CLUSTER_DOMAIN_ANNOTATION = PREFIX + "cluster-domain"
"""On the ConfigMap by which routers know the models: the domain of the cluster's DNS."""
STAGES_LABEL = PREFIX + "stages"
"""On the pod that fetches the weights of a model for all of its replicas: the model."""
CANDIDATE_LABEL = PREFIX + "candidate"
"""On replicas that are tried before they get traffic, instead of the model's label, by which they would be found."""

LOCK = "operation-lock"
"""The Lease by which one operation works on a cluster at a time."""
PURPOSE_ANNOTATION = PREFIX + "purpose"
"""On the lock: what its holder does."""
UPGRADE_LABEL = PREFIX + "stack-upgrade"
"""On what an upgrade of the stack leaves in the cluster, and on nothing else: its number."""
RECORDS = "operation-records"
"""The ConfigMap that says where the records of this cluster end."""
INCIDENTS = "incidents"
"""What the ConfigMaps of incidents are part of; each has this before its number as its name."""
INCIDENT_PREFIX = "incident-"
BROKEN_ANNOTATION = PREFIX + "lock-broken"
"""On the lock, when it was taken from a holder whose time was not over: who took it from whom, and why."""
APPROVAL_ANNOTATION = PREFIX + "approval"
"""On fireworks-system, set by the customer: one approval or a list of them, as JSON."""
FREEZE_ANNOTATION = PREFIX + "freeze"
"""On fireworks-system, set by the customer: a freeze, as JSON with reason and until, or as words."""
VERSIONS_ANNOTATION = PREFIX + "approved-versions"
"""On fireworks-system, beside the approvals: which versions they cover and until when, as the API server reads it."""
EMERGENCY_ANNOTATION = PREFIX + "emergency-until"
"""On fireworks-system, set by the customer: until when an emergency lifts the windows (RFC 3339)."""
EVICTION_UNTIL_ANNOTATION = PREFIX + "eviction-until"
"""On fireworks-system, set by the customer: until when the node medic may evict pods (RFC 3339)."""
EVICTION_PODS_ANNOTATION = PREFIX + "eviction-pods"
"""Beside it, where the grant is for some nodes only: the UIDs of the pods that were on them, for the API server."""
EVICTION_GRANT_ANNOTATION = PREFIX + "eviction-grant"
"""Beside it, for people: who granted it, for whom, why, and on which nodes, as JSON."""
EVICTION_ROLE = "fireworks-node-medic-eviction"
"""The Role that a grant binds to the node medic, and the name of the RoleBinding that does."""
INSTALL_ANNOTATION = PREFIX + "install-until"
"""On fireworks-system, set by the customer: until when what is not there may be installed at any time (RFC 3339)."""

JOURNEY_PREFIX = PREFIX + "remediation-"
"""Annotations of a node that is not well: where it is on its way back."""
CORDONED_ANNOTATION = JOURNEY_PREFIX + "cordoned"
"""Whether the cordon of a node is ours."""
HISTORY_ANNOTATION = JOURNEY_PREFIX + "history"
"""On a node: what was found and done before, as a JSON list; docs/health.md has its keys."""
QUARANTINE_TAINT = PREFIX + "quarantined"
"""On a sick node: no new pods."""
CANARY_LABEL = PREFIX + "canary"
"""On a pod that tries a repaired node, and on nothing else."""
MOVED_ANNOTATION = PREFIX + "moved-at"
"""On a replica that a consolidation has moved: when (RFC 3339), so that nothing moves twice a day."""
CONSOLIDATING_ANNOTATION = PREFIX + "consolidating"
"""On a node from which replicas are being moved: which, where to, and by which plan; gone when they are."""
CONSOLIDATING_TAINT = PREFIX + "consolidating"
"""On nodes that take no new pod in the seconds in which a replica that moves is placed."""
MAINTENANCE_LABEL = PREFIX + "maintenance"
"""On a node that somebody works on, or asks for: it is left alone, unless the label says false."""
SAFE_ANNOTATION = PREFIX + "safe-to-take"
"""On a node whose owner asks for it by that label: whether it is safe to take, since when, or why not yet."""
MAINTENANCE_TAINT = PREFIX + "maintenance"
"""On a node that is emptied for its owner, until it is back and was validated."""
LWS_GROUP, LWS_KIND, LWS_PLURAL = "leaderworkerset.x-k8s.io", "LeaderWorkerSet", "leaderworkersets"
LWS_API = f"{LWS_GROUP}/v1"
"""What runs a replica on several nodes: lws.sigs.k8s.io."""

SETUP_NAMESPACE = "fireworks-setup"
"""Where setup grants live: apart, so that ending setup access touches nothing of the stack."""

PRESETUP_SET = "presetup"
"""The prerequisites in a cluster: namespaces, quotas, identities, network policies, guardrails."""
SETUP_SET = "setup-access"
STACK_SET = "stack"

GPU = "nvidia.com/gpu"
"""The extended resource a device plugin offers, and the taint that keeps other pods away."""

GPU_PRODUCT_LABEL = "nvidia.com/gpu.product"
GPU_MEMORY_LABEL = "nvidia.com/gpu.memory"
GPU_PRESENT_LABEL = "nvidia.com/gpu.present"
GPU_COUNT_LABEL = "nvidia.com/gpu.count"

SERVING_PORT = 8000
ROUTER_PORT = 8001
ROUTER = "router"
ROUTER_STATUS_PORT = 8002
"""Where the router says whether it is ready, what it counts, and what it is configured by; and nothing else."""
ROUTER_MODELS = "router-models"
"""The ConfigMap by which routers know the models: the stack's, but its data is the deployer's."""
TELEMETRY = "telemetry"
TELEMETRY_PORT = 9090
TELEMETRY_CLAIM = "telemetry-data"
ALERTS = "alerts"
ALERTS_PORT = 9093

PRIORITIES = ("critical", "standard", "batch")


def account_user(name: str, namespace: str = SYSTEM_NAMESPACE) -> str:
    """The user name that the API server gives a ServiceAccount."""
    return f"system:serviceaccount:{namespace}:{name}"


def model_set(model: str) -> str:
    """The ApplySet that holds one model."""
    return "model-" + model


def priority_class(priority: str) -> str:
    """The PriorityClass of a contract's priority word."""
    return "fireworks-" + priority


def product_word(product: str) -> str:
    """A GPU product as a part of names: labels may have capitals, dots and underscores, and names may not.

    With a digest, since two products may be alike but for these; and short, since names are labels' values too.
    """
    plain = re.sub("[^a-z0-9]+", "-", product.lower())[:30].strip("-")
    return f"{plain}-{hashlib.sha256(product.encode()).hexdigest()[:8]}"


def product_class(priority: str, product: str) -> str:
    """The PriorityClass of a priority word by which the GPUs of one product are counted."""
    return f"{priority_class(priority)}-{product_word(product)}"


def labels(part_of: str, name: str, **ours: str) -> dict[str, str]:
    """The labels of an object of ours; ``ours`` are keys below our prefix."""
    result = {MANAGED_BY_LABEL: MANAGED_BY, PART_OF_LABEL: part_of, NAME_LABEL: name}
    result.update({PREFIX + key: value for key, value in ours.items()})
    return result
