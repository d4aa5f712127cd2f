# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each runtime identity may do, in one table. A right that is not here is not given.

Never in it: wildcards, ``escalate``, ``bind``, ``impersonate``, secrets, ``pods/exec``. A test holds the table to that,
and another runs every playbook as exactly the identity that :mod:`playbooks` names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from ..capacity import may_span_nodes
from ..contract.typed import Contract
from ..counted import PLAIN, own_classes
from ..dropped_rights import less
from ..entry_point import GATEWAY_GROUP, ROUTE_GROUP
from ..guardrail_names import FIRST_GUARDRAILS, SECOND_GUARDRAILS
from ..model.credential import ENGINE_ACCOUNT, account_annotations, account_of
from ..names import (
    LOCK,
    LWS_GROUP,
    LWS_PLURAL,
    MODELS_NAMESPACE,
    PRESETUP_SET,
    RECORDS,
    ROUTER,
    ROUTER_PORT,
    SYSTEM_NAMESPACE,
    TELEMETRY,
    TELEMETRY_CLAIM,
    TELEMETRY_PORT,
)
from ..presetup_version import LOGS_SINCE, NEWEST
from ..telemetry_volume import SINCE as CLAIM_SINCE
from ..telemetry_volume import has_telemetry_volume
from .conditions import (
    always,
    by_gateway,
    by_openshift_route,
    drains_by_grant,
    drains_by_itself,
    has_objectives,
    listed,
    may_act_on_nodes,
    may_consolidate,
    may_cordon,
    may_drain,
    may_scale,
    may_stage,
    reads_telemetry,
)

READ = ("get", "list", "watch")
WRITE = ("create", "patch", "delete")
CLUSTER = ""
"""The scope of cluster-scoped resources."""

RBAC_GROUP = "rbac.authorization.k8s.io"
KEDA_GROUP = "keda.sh"
LEASE_GROUP = "coordination.k8s.io"


@dataclass(frozen=True)
class Need:
    """Verbs on resources of one API group, in one namespace or (``CLUSTER``) cluster-wide.

    ``names`` limits it to objects of these names, and ``named`` to those that it gives for a contract. It is given only
    where ``when`` holds for the contract, and by prerequisites of the version ``since`` or newer, up to ``last``.
    """

    scope: str
    group: str
    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    names: tuple[str, ...] = ()
    when: Callable[[Contract], bool] = always
    since: int = 1
    last: int = NEWEST
    named: Callable[[Contract], Iterable[str]] | None = None


@dataclass(frozen=True)
class Identity:
    """One component or job: why it exists, where its ServiceAccount lives, and its needs.

    ``connects`` means that it connects from outside, with a short-lived token; the others are accounts of pods.
    ``on_grant`` is what it has only while an administrator of the customer grants it. By its ``annotations`` a cloud
    knows it.
    """

    name: str
    why: str
    home: str = SYSTEM_NAMESPACE
    connects: bool = False
    needs: tuple[Need, ...] = ()
    on_grant: tuple[Need, ...] = ()
    applies: Callable[[Contract], bool] = always
    annotations: Mapping[str, str] = field(default_factory=dict)


def _both(group: str, resources: tuple[str, ...], verbs: tuple[str, ...], since: int = 1) -> tuple[Need, ...]:
    return tuple(Need(each, group, resources, verbs, since=since) for each in (SYSTEM_NAMESPACE, MODELS_NAMESPACE))


def _each_once(*groups: Iterable[Need]) -> tuple[Need, ...]:
    return tuple(dict.fromkeys(need for group in groups for need in group))


# Every identity that connects from outside checks the cluster's UID first.
_WHICH_CLUSTER = Need(CLUSTER, "", ("namespaces",), ("get",), ("kube-system", SYSTEM_NAMESPACE, MODELS_NAMESPACE))
# Every change holds the operation lock. RBAC cannot limit a creation to a name.
_LOCK = (
    Need(SYSTEM_NAMESPACE, LEASE_GROUP, ("leases",), ("create",)),
    Need(SYSTEM_NAMESPACE, LEASE_GROUP, ("leases",), ("get", "update", "delete"), (LOCK,)),
)

_ROUTES = (
    Need(SYSTEM_NAMESPACE, GATEWAY_GROUP, ("httproutes",), READ + WRITE, when=by_gateway),
    Need(SYSTEM_NAMESPACE, ROUTE_GROUP, ("routes",), READ + WRITE, when=by_openshift_route),
    # OpenShift requires this right to set a route's host.
    Need(SYSTEM_NAMESPACE, ROUTE_GROUP, ("routes/custom-host",), ("create", "update"), when=by_openshift_route),
)

_AUTOSCALERS = (
    Need(MODELS_NAMESPACE, "autoscaling", ("horizontalpodautoscalers",), READ + WRITE, when=may_scale),
    Need(MODELS_NAMESPACE, KEDA_GROUP, ("scaledobjects",), READ + WRITE, when=may_scale),
)

# Only for a contract that has such a model: the first one needs a new presetup.
_GROUPS = Need(MODELS_NAMESPACE, LWS_GROUP, (LWS_PLURAL,), READ + WRITE, when=may_span_nodes)

_OBSERVE = (
    _WHICH_CLUSTER,
    Need(CLUSTER, "", ("nodes",), READ),
    *_both("", ("pods", "services", "events", "configmaps", "resourcequotas"), READ),
    *_both("apps", ("deployments", "replicasets"), READ),
    Need(MODELS_NAMESPACE, "apps", ("controllerrevisions",), READ),
    *_both("discovery.k8s.io", ("endpointslices",), READ),
    *_both("policy", ("poddisruptionbudgets",), READ),
    *_both("autoscaling", ("horizontalpodautoscalers",), READ),
    # Whether an operation is in progress.
    Need(SYSTEM_NAMESPACE, LEASE_GROUP, ("leases",), ("get",), (LOCK,)),
    Need(MODELS_NAMESPACE, LWS_GROUP, (LWS_PLURAL,), READ, when=may_span_nodes),
)
_DEPLOY_MODELS = (
    _WHICH_CLUSTER,
    Need(CLUSTER, "", ("nodes",), READ),
    Need(MODELS_NAMESPACE, "", ("configmaps", "services"), READ + WRITE),
    Need(MODELS_NAMESPACE, "apps", ("deployments",), READ + WRITE),
    _GROUPS,
    Need(MODELS_NAMESPACE, "batch", ("jobs",), READ + WRITE, when=may_stage, since=2),
    Need(MODELS_NAMESPACE, "policy", ("poddisruptionbudgets",), READ + WRITE),
    *_AUTOSCALERS,
    # Each change of a model is recorded, so that it can be rolled back as a unit.
    Need(MODELS_NAMESPACE, "apps", ("controllerrevisions",), READ + WRITE),
    # The gate asks each new replica for metrics and one token; through a service any replica could answer.
    Need(MODELS_NAMESPACE, "", ("pods/proxy",), ("get", "create")),
    Need(MODELS_NAMESPACE, "", ("pods", "events", "resourcequotas"), READ),
    Need(MODELS_NAMESPACE, "apps", ("replicasets",), READ),
    Need(MODELS_NAMESPACE, "discovery.k8s.io", ("endpointslices",), READ),
    # The parent of a model's set is there, and its route leads to the router there.
    Need(SYSTEM_NAMESPACE, "", ("configmaps",), READ + WRITE),
    # A rollout ends once every router shows that it knows the model. Through a service any router could answer.
    Need(SYSTEM_NAMESPACE, "", ("pods",), ("list",), since=2),
    Need(SYSTEM_NAMESPACE, "", ("pods/proxy",), ("get",), since=2),
    *_ROUTES,
    # Objects that left a set are found by label: each kind of the set, in both namespaces.
    Need(SYSTEM_NAMESPACE, "", ("services",), READ),
    Need(SYSTEM_NAMESPACE, "apps", ("deployments",), READ),
    Need(SYSTEM_NAMESPACE, LWS_GROUP, (LWS_PLURAL,), READ, when=may_span_nodes),
    Need(SYSTEM_NAMESPACE, "batch", ("jobs",), READ, when=may_stage, since=2),
    Need(SYSTEM_NAMESPACE, "policy", ("poddisruptionbudgets",), READ),
    Need(SYSTEM_NAMESPACE, "autoscaling", ("horizontalpodautoscalers",), READ, when=may_scale),
    Need(SYSTEM_NAMESPACE, KEDA_GROUP, ("scaledobjects",), READ, when=may_scale),
    Need(MODELS_NAMESPACE, GATEWAY_GROUP, ("httproutes",), READ, when=by_gateway),
    Need(MODELS_NAMESPACE, ROUTE_GROUP, ("routes",), READ, when=by_openshift_route),
    *_LOCK,
)
_UPGRADE_STACK = (
    _WHICH_CLUSTER,
    Need(CLUSTER, "", ("nodes",), READ),
    Need(SYSTEM_NAMESPACE, "", ("configmaps", "services"), READ + WRITE),
    Need(SYSTEM_NAMESPACE, "apps", ("deployments",), READ + WRITE),
    Need(SYSTEM_NAMESPACE, "policy", ("poddisruptionbudgets",), READ + WRITE),
    # The router's. The models' are the deployer's.
    Need(SYSTEM_NAMESPACE, "autoscaling", ("horizontalpodautoscalers",), READ + WRITE),
    Need(SYSTEM_NAMESPACE, "", ("pods", "events", "resourcequotas"), READ),
    Need(SYSTEM_NAMESPACE, "apps", ("replicasets",), READ),
    Need(SYSTEM_NAMESPACE, "discovery.k8s.io", ("endpointslices",), READ),
    # While a release bakes, the models must keep serving.
    Need(MODELS_NAMESPACE, "", ("pods", "resourcequotas"), READ),
    Need(MODELS_NAMESPACE, "apps", ("deployments",), READ),
    Need(MODELS_NAMESPACE, "discovery.k8s.io", ("endpointslices",), READ),
    Need(MODELS_NAMESPACE, LWS_GROUP, (LWS_PLURAL,), READ, when=may_span_nodes),
    # And answering: the router is asked for its models, and each of them for one token.
    Need(SYSTEM_NAMESPACE, "", ("services/proxy",), ("get", "create"), (f"{ROUTER}:{ROUTER_PORT}",)),
    *_ROUTES,
    *_LOCK,
)
_PROBE_STACK = Need(
    SYSTEM_NAMESPACE,
    "",
    ("services/proxy",),
    ("get",),
    (f"{ROUTER}:{ROUTER_PORT}", f"{TELEMETRY}:{TELEMETRY_PORT}"),
)
# Whether a model's error budget is spent, which a change of it, or a drain that can wait, is decided by.
_MEASURE = Need(
    SYSTEM_NAMESPACE,
    "",
    ("services/proxy",),
    ("get",),
    (f"{TELEMETRY}:{TELEMETRY_PORT}",),
    when=has_objectives,
    since=2,
)
# The models' services have the models' names, which change without a new presetup.
_PROBE_MODELS = Need(MODELS_NAMESPACE, "", ("services/proxy",), ("get",))

OPERATOR = "operator"
OBSERVER = "observer"
DEPLOYER = "deployer"
UPGRADER = "upgrader"
NODE_MEDIC = "node-medic"
CONNECTING = (OPERATOR, OBSERVER, DEPLOYER, UPGRADER, NODE_MEDIC, "metrics-reader")
"""Identities that connect from outside. The operator renews their tokens; none of them can create an identity."""

TOKENS = "serviceaccounts/token"
_RENEW_TOKENS = Need(SYSTEM_NAMESPACE, "", (TOKENS,), ("create",), CONNECTING)
ALWAYS = (_WHICH_CLUSTER, *_LOCK, Need(SYSTEM_NAMESPACE, "", ("configmaps",), ("get", "patch")), _RENEW_TOKENS)
"""What an identity that has it cannot do without: which cluster it is, the lock, the records, and tokens."""
_ROLES = tuple("fireworks-" + name for name in CONNECTING)

_READ_GUARDRAILS = Need(
    CLUSTER,
    "admissionregistration.k8s.io",
    ("validatingadmissionpolicies", "validatingadmissionpolicybindings"),
    ("get",),
    FIRST_GUARDRAILS,
)
_READ_PRIORITIES = Need(CLUSTER, "scheduling.k8s.io", ("priorityclasses",), ("get",), PLAIN)
# So that onboarding can report what is missing or was edited in the presetup, object by object.
_CHECK_PRESETUP = (
    *_both("", ("serviceaccounts", "limitranges"), ("get",)),
    *_both(RBAC_GROUP, ("roles", "rolebindings"), ("get",)),
    *_both("networking.k8s.io", ("networkpolicies",), ("get",)),
    Need(
        SYSTEM_NAMESPACE,
        "",
        ("persistentvolumeclaims",),
        ("get",),
        (TELEMETRY_CLAIM,),
        when=has_telemetry_volume,
        since=CLAIM_SINCE,
    ),
    Need(CLUSTER, RBAC_GROUP, ("clusterroles", "clusterrolebindings"), ("get",), _ROLES),
    _READ_PRIORITIES,
    replace(_READ_PRIORITIES, named=own_classes, since=2),
    _READ_GUARDRAILS,
    replace(_READ_GUARDRAILS, names=SECOND_GUARDRAILS, since=2),
)


def _moves_beside_groups(contract: Contract) -> bool:
    return may_consolidate(contract) and may_span_nodes(contract)


_EVICT = Need(MODELS_NAMESPACE, "", ("pods/eviction",), ("create",))

IDENTITIES = (
    Identity(
        name=OPERATOR,
        why="Onboards and runs the stack inside our two namespaces, and renews the tokens of the other identities.",
        connects=True,
        needs=_each_once(
            _OBSERVE, _DEPLOY_MODELS, _UPGRADE_STACK, (_PROBE_STACK, _PROBE_MODELS, _RENEW_TOKENS), _CHECK_PRESETUP
        ),
    ),
    Identity(
        name=OBSERVER,
        why="Reads health and state, sends test requests to the services, and changes nothing.",
        connects=True,
        needs=(
            *_OBSERVE,
            _PROBE_STACK,
            _PROBE_MODELS,
            *_both("", ("pods/log",), ("get",), since=LOGS_SINCE),
            # Signals about nodes are in namespaces that are not ours.
            Need(CLUSTER, "", ("events",), ("list",), when=listed("events")),
            Need(CLUSTER, LEASE_GROUP, ("leases",), ("list",), when=listed("leases")),
            Need(CLUSTER, "", ("pods",), ("list",), when=listed("pods")),
        ),
    ),
    Identity(
        name=DEPLOYER,
        why="Deploys, updates and removes models.",
        connects=True,
        needs=(*_DEPLOY_MODELS, _MEASURE),
    ),
    Identity(
        name=UPGRADER,
        why="Upgrades the stack's own components.",
        connects=True,
        needs=(*_UPGRADE_STACK, _MEASURE),
    ),
    Identity(
        name=NODE_MEDIC,
        why="Takes a sick GPU node out of service and returns it, as far as the contract's actions allow.",
        connects=True,
        applies=may_act_on_nodes,
        needs=(
            _WHICH_CLUSTER,
            Need(CLUSTER, "", ("nodes",), (*READ, "patch")),
            Need(MODELS_NAMESPACE, "", ("pods",), READ),
            replace(_EVICT, when=drains_by_itself),
            replace(_EVICT, when=drains_by_grant, last=1),
            # To orphan a pod, so that its replacement starts first. A guardrail limits the patch to that.
            Need(MODELS_NAMESPACE, "", ("pods",), ("patch",), when=may_drain),
            # On a node that cannot answer: whether a volume of a pod may be used on another node.
            Need(MODELS_NAMESPACE, "", ("persistentvolumeclaims",), ("get",), when=may_drain),
            # A canary tests a repaired node before it returns. A guardrail limits the pods to that.
            Need(MODELS_NAMESPACE, "", ("pods",), ("create", "delete"), when=may_cordon),
            Need(MODELS_NAMESPACE, "policy", ("poddisruptionbudgets",), READ),
            replace(_MEASURE, when=reads_telemetry),
            # What has to be known before replicas are moved: what nodes are full of, and how the models are.
            Need(CLUSTER, "", ("pods",), ("list",), when=may_consolidate, since=2),
            Need(MODELS_NAMESPACE, "", ("resourcequotas",), ("list",), when=may_consolidate, since=2),
            Need(MODELS_NAMESPACE, "apps", ("deployments",), ("list",), when=may_consolidate, since=2),
            Need(MODELS_NAMESPACE, LWS_GROUP, (LWS_PLURAL,), ("list",), when=_moves_beside_groups, since=2),
            *_LOCK,
            # Its operations are recorded like all others.
            Need(SYSTEM_NAMESPACE, "", ("configmaps",), ("create",)),
            Need(SYSTEM_NAMESPACE, "", ("configmaps",), ("get", "patch"), (RECORDS,)),
            # Under other bounds than those that are remembered there it does nothing.
            Need(SYSTEM_NAMESPACE, "", ("configmaps",), ("get",), (PRESETUP_SET,), since=2),
        ),
        on_grant=(replace(_EVICT, when=drains_by_grant, since=2),),
    ),
    Identity(
        name="metrics-reader",
        why="Reads the metrics of the router and of the telemetry, through the API server.",
        connects=True,
        needs=(_WHICH_CLUSTER, _PROBE_STACK),
    ),
    Identity(
        name=ROUTER,
        why="Finds the pods of the models, to route requests to them.",
        needs=(Need(MODELS_NAMESPACE, "", ("pods",), READ, last=1),),
    ),
    Identity(
        name=TELEMETRY,
        why="Finds the pods whose metrics it reads.",
        needs=_both("", ("pods",), READ),
    ),
    Identity(
        name=ENGINE_ACCOUNT,
        why="The account of the models' own pods, which never talk to the API server.",
        home=MODELS_NAMESPACE,
    ),
)


def identities_of(contract: Contract) -> tuple[Identity, ...]:
    """The identities that the contract needs."""
    return (*(identity for identity in IDENTITIES if identity.applies(contract)), *accounts_of_models(contract))


def accounts_of_models(contract: Contract) -> tuple[Identity, ...]:
    """Those of models that a cloud knows (``source.credential.workload_identity``), each by its own annotations."""
    return tuple(
        Identity(account_of(model), f"The account of the pods of {model['name']}.", MODELS_NAMESPACE, annotations=notes)
        for model in contract.get("models") or ()
        if (notes := account_annotations(model))
    )


def granted(contract: Contract, identity: Identity, version: int = NEWEST) -> tuple[Need, ...]:
    """The needs of an identity, less what the contract rules out or drops and what came after this version."""
    return less(held(contract, identity, version), contract, identity.name)


def held(contract: Contract, identity: Identity, version: int = NEWEST) -> tuple[Need, ...]:
    """The same, with what the contract drops."""
    return _in_force(identity.needs, contract, version)


def on_grant(contract: Contract, identity: Identity, version: int = NEWEST) -> tuple[Need, ...]:
    """What an administrator of the customer may grant it for at most an hour, and it does not have by itself."""
    return _in_force(identity.on_grant, contract, version)


def _in_force(needs: Iterable[Need], contract: Contract, version: int) -> tuple[Need, ...]:
    given = (need for need in needs if need.when(contract) and need.since <= version <= need.last)
    return tuple(replace(need, names=tuple(need.named(contract)), named=None) if need.named else need for need in given)
