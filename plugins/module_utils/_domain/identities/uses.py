# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which playbooks use a right of their identity: what stops working without it.

An audit log tells what was used in its time. This tells what may be used in any: a wait that finds nothing to wait for
watches nothing, and only a write that met another one reads again. A test holds it against the audit log of a day.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..dropped_rights import Place, resource_text
from ..entry_point import GATEWAY_GROUP, ROUTE_GROUP
from ..names import LWS_GROUP, LWS_PLURAL, MODELS_NAMESPACE, SYSTEM_NAMESPACE
from .needs import ALWAYS, CLUSTER, KEDA_GROUP, LEASE_GROUP, RBAC_GROUP, READ, TOKENS, WRITE, Need
from .playbooks import PLAYBOOKS

Playbooks = tuple[str, ...]

_BOTH = (SYSTEM_NAMESPACE, MODELS_NAMESPACE)
_ROLL_OUT = ("deploy_models", "rollback_model", "onboard")
_CHANGE_MODELS = (*_ROLL_OUT, "retire_model")
_PLAN_MODELS = (*_CHANGE_MODELS, "plan_models")
_STACK = ("upgrade", "rollback_stack", "onboard")
_REMEDIATE = ("remediate", "remediate_node")
_JUDGE = ("health", "support_bundle", "incident", "fleet_report")
_SWEEP = ("status", "explain", "validate", "plan_upgrade", "fleet_report")
_CAPACITY = ("capacity", "plan_consolidation", "plan_cluster_upgrade")
_MOVES = ("consolidate", "hand_over_nodes")
_LOOK = (*_SWEEP, *_PLAN_MODELS, *_STACK, "rotate_credentials")
"""Those that read the cluster as a whole."""

_ROUTES = (f"httproutes.{GATEWAY_GROUP}", f"routes.{ROUTE_GROUP}")
_GROUPS, _SCALED = f"{LWS_PLURAL}.{LWS_GROUP}", f"scaledobjects.{KEDA_GROUP}"
_HPAS, _BUDGETS = "horizontalpodautoscalers.autoscaling", "poddisruptionbudgets.policy"
_JOBS = "jobs.batch"
_OF_A_MODEL = ("services", "deployments.apps", _BUDGETS, _HPAS, _SCALED, _GROUPS, _JOBS)
_OF_THE_STACK = ("configmaps", "services", "deployments.apps", _BUDGETS, _HPAS, *_ROUTES)
_OF_THE_PRESETUP = (
    "serviceaccounts", "limitranges", "resourcequotas", f"roles.{RBAC_GROUP}", f"rolebindings.{RBAC_GROUP}",
    "networkpolicies.networking.k8s.io",
)  # fmt: skip
_OF_THE_PRESETUP_IN_THE_CLUSTER = (
    f"clusterroles.{RBAC_GROUP}", f"clusterrolebindings.{RBAC_GROUP}", "priorityclasses.scheduling.k8s.io",
    "validatingadmissionpolicies.admissionregistration.k8s.io",
    "validatingadmissionpolicybindings.admissionregistration.k8s.io",
)  # fmt: skip

ONLY_FOR = {
    _HPAS: "what a HorizontalPodAutoscaler scales",
    _SCALED: "models that KEDA scales",
    _GROUPS: "models over several nodes",
    _JOBS: "models whose weights are staged",
    _ROUTES[0]: "a Gateway",
    _ROUTES[1]: "a Route of OpenShift",
    f"routes/custom-host.{ROUTE_GROUP}": "a Route of OpenShift",
}
"""For what a cluster need not have: without the right all is well where it is not there."""


@dataclass(frozen=True)
class Use:
    """Verbs on resources, in one of these places, that playbooks use, whatever the contract rules out."""

    playbooks: Playbooks
    verbs: tuple[str, ...]
    resources: tuple[str, ...]
    scopes: tuple[str, ...]


_EVERYWHERE = (
    Use((*_LOOK, *_REMEDIATE, *_JUDGE, *_CAPACITY, *_MOVES), ("list",), ("nodes",), (CLUSTER,)),
    Use((*_LOOK, *_REMEDIATE, *_JUDGE, "logs"), ("list",), ("pods",), _BOTH),
    Use(_LOOK, ("list",), ("deployments.apps", "endpointslices.discovery.k8s.io", "resourcequotas"), _BOTH),
    Use(_LOOK, ("list",), ("configmaps",), (SYSTEM_NAMESPACE,)),
    Use(_LOOK, ("list",), (_GROUPS,), (MODELS_NAMESPACE,)),
)
_BY_THE_OBSERVER = (
    Use(
        ("models", "fleet_report"),
        ("list",),
        ("controllerrevisions.apps", "deployments.apps", _GROUPS),
        (MODELS_NAMESPACE,),
    ),
    Use((*_JUDGE, "validate", "onboard"), ("get",), ("services/proxy",), _BOTH),
    Use(("validate", "onboard"), ("list",), ("horizontalpodautoscalers.autoscaling",), (MODELS_NAMESPACE,)),
    Use(("logs", "support_bundle"), ("get",), ("pods/log",), _BOTH),
    Use(("support_bundle",), ("get",), ("nodes",), (CLUSTER,)),
    Use(("support_bundle",), ("list",), ("events",), _BOTH),
    Use(("support_bundle",), ("list",), ("deployments.apps",), (MODELS_NAMESPACE,)),
    Use(_JUDGE, ("list",), ("events", f"leases.{LEASE_GROUP}"), (CLUSTER,)),
    Use((*_SWEEP, *_JUDGE, *_CAPACITY, *_MOVES, "remediate_node"), ("list",), ("pods",), (CLUSTER,)),
    Use(
        (*_CAPACITY, *_MOVES), ("list",), ("deployments.apps", "resourcequotas", _BUDGETS, _GROUPS), (MODELS_NAMESPACE,)
    ),
    # One kind of each API version: its answer says whether that goes.
    Use(
        ("plan_cluster_upgrade",),
        ("list",),
        ("deployments.apps", "endpointslices.discovery.k8s.io", _HPAS, _BUDGETS),
        (SYSTEM_NAMESPACE,),
    ),
)
_OF_BUDGETS = (
    Use(
        ("status", "plan_models", "plan_upgrade", "deploy_models", "onboard", *_REMEDIATE, *_CAPACITY, *_MOVES),
        ("get",),
        ("services/proxy",),
        (SYSTEM_NAMESPACE,),
    ),
)
_OF_INCIDENTS = (
    Use(("incident",), ("list", "create"), ("configmaps",), (SYSTEM_NAMESPACE,)),
    Use(("incident",), ("list",), ("controllerrevisions.apps",), (MODELS_NAMESPACE,)),
    Use(("incident",), ("list",), ("events",), _BOTH),
)
_OF_MODELS = (
    # What is new is looked for by its name, and what was changed meanwhile is read again.
    Use(_PLAN_MODELS, ("get", "list", "patch"), _OF_A_MODEL, (MODELS_NAMESPACE,)),
    Use(_PLAN_MODELS, ("get", "list", "patch"), _ROUTES, (SYSTEM_NAMESPACE,)),
    Use((*_ROLL_OUT, "plan_models"), ("create",), _OF_A_MODEL, (MODELS_NAMESPACE,)),
    Use((*_ROLL_OUT, "plan_models"), ("create",), _ROUTES, (SYSTEM_NAMESPACE,)),
    Use((*_ROLL_OUT, "plan_models"), ("create", "update"), (f"routes/custom-host.{ROUTE_GROUP}",), (SYSTEM_NAMESPACE,)),
    Use(_CHANGE_MODELS, ("watch", "delete"), _OF_A_MODEL, (MODELS_NAMESPACE,)),
    Use(_CHANGE_MODELS, ("watch", "delete"), _ROUTES, (SYSTEM_NAMESPACE,)),
    # What has left a set is looked for in both.
    Use(_PLAN_MODELS, ("list",), _OF_A_MODEL, (SYSTEM_NAMESPACE,)),
    Use(_PLAN_MODELS, ("list",), _ROUTES, (MODELS_NAMESPACE,)),
    Use(_PLAN_MODELS, ("list",), ("controllerrevisions.apps",), (MODELS_NAMESPACE,)),
    Use(_CHANGE_MODELS, ("get", "delete"), ("controllerrevisions.apps",), (MODELS_NAMESPACE,)),
    Use(_ROLL_OUT, ("create", "patch"), ("controllerrevisions.apps",), (MODELS_NAMESPACE,)),
    Use(_ROLL_OUT, ("get", "create"), ("pods/proxy",), (MODELS_NAMESPACE,)),
    # The routers are told of it, and each is asked whether it goes by that.
    Use(_CHANGE_MODELS, ("get",), ("pods/proxy",), (SYSTEM_NAMESPACE,)),
    Use(("retire_model", "onboard"), ("list",), ("replicasets.apps",), (MODELS_NAMESPACE,)),
    Use(_CHANGE_MODELS, ("create", "delete"), ("configmaps",), (SYSTEM_NAMESPACE,)),
)
_OF_STACKS = (
    Use(_STACK, (*READ, *WRITE), _OF_THE_STACK, (SYSTEM_NAMESPACE,)),
    Use(_STACK, ("create", "update"), (f"routes/custom-host.{ROUTE_GROUP}",), (SYSTEM_NAMESPACE,)),
    Use(_STACK, ("get", "create"), ("services/proxy",), (SYSTEM_NAMESPACE,)),
    Use(("onboard",), ("get",), _OF_THE_PRESETUP, _BOTH),
    Use(("onboard",), ("get",), ("persistentvolumeclaims",), (SYSTEM_NAMESPACE,)),
    Use(("onboard",), ("get",), _OF_THE_PRESETUP_IN_THE_CLUSTER, (CLUSTER,)),
    Use(("rotate_credentials",), ("get",), ("serviceaccounts",), (SYSTEM_NAMESPACE,)),
    Use(("rotate_credentials",), ("create",), (TOKENS,), (SYSTEM_NAMESPACE,)),
)
_OF_NODES = (
    Use((*_REMEDIATE, *_MOVES), ("get", "patch"), ("nodes",), (CLUSTER,)),
    # The drain watches, patches and evicts; the canary is made, read and deleted.
    Use(_REMEDIATE, ("get", "watch", "create", "patch", "delete"), ("pods",), (MODELS_NAMESPACE,)),
    Use((*_REMEDIATE, *_MOVES), ("create",), ("pods/eviction",), (MODELS_NAMESPACE,)),
    Use(_MOVES, ("list", "watch", "patch"), ("pods",), (MODELS_NAMESPACE,)),
    Use(_REMEDIATE, ("get",), ("persistentvolumeclaims",), (MODELS_NAMESPACE,)),
    Use(_REMEDIATE, ("list",), (_BUDGETS,), (MODELS_NAMESPACE,)),
    Use(_REMEDIATE, ("create",), ("configmaps",), (SYSTEM_NAMESPACE,)),
)
USES = (*_EVERYWHERE, *_BY_THE_OBSERVER, *_OF_BUDGETS, *_OF_INCIDENTS, *_OF_MODELS, *_OF_STACKS, *_OF_NODES)
"""Beside what every one of them uses (``ALWAYS``)."""


def needed_by(identity: str, place: Place, verb: str) -> Playbooks:
    """The playbooks of an identity that use one of its rights, in the order of the table of playbooks."""
    mine = [playbook for playbook, who in PLAYBOOKS.items() if who == identity]
    if needed_always(place, verb):
        return tuple(mine)
    scope, resource = place[0], resource_text(place)
    using = {
        playbook
        for use in USES
        if scope in use.scopes and resource in use.resources and verb in use.verbs
        for playbook in use.playbooks
    }
    return tuple(playbook for playbook in mine if playbook in using)


def written_by(playbook: str) -> dict[str, Playbooks]:
    """Which resources a playbook may write, by their namespace or :data:`CLUSTER`, beside its lock and its record."""
    found: dict[str, dict[str, None]] = {}
    for use in USES:
        if playbook in use.playbooks and set(use.verbs) & set(WRITE):
            for scope in use.scopes:
                found.setdefault(scope, {}).update(
                    dict.fromkeys(each for each in use.resources if not each.endswith("/proxy"))
                )
    return {scope: tuple(sorted(resources)) for scope, resources in found.items() if resources}


def needed_always(place: Place, verb: str) -> bool:
    """Whether every playbook of an identity that has this right uses it, sooner or later."""
    return any((*place, verb) == each for need in ALWAYS for each in _each(need))


def _each(need: Need) -> Iterator[tuple[str, str, str, str]]:
    return ((need.scope, need.group, resource, verb) for resource in need.resources for verb in need.verbs)
