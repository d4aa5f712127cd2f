# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each runtime identity may do, in one table. A right that is not here is not given.

Never in it: wildcards, ``escalate``, ``bind``, ``impersonate``, secrets, ``pods/exec``. A test holds the table to that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..names import IDENTITIES_SET, MODELS_NAMESPACE, ROUTER, STACK_SET, SYSTEM_NAMESPACE, TELEMETRY

READ = ("get", "list", "watch")
WRITE = ("create", "patch", "delete")
CLUSTER = ""
"""The scope of what has no namespace."""


def _always(_contract: Mapping[str, Any]) -> bool:
    return True


@dataclass(frozen=True)
class Need:
    """Verbs on resources of one API group, in one namespace or (``CLUSTER``) on what has none."""

    scope: str
    group: str
    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Identity:
    """One component: why it exists, where its ServiceAccount lives, and its needs."""

    name: str
    why: str
    home: str
    travels_with: str
    """The set its objects belong to. Pods cannot start without their account, so the stack's travel with the stack."""
    needs: tuple[Need, ...] = ()
    applies: Callable[[Mapping[str, Any]], bool] = _always


def _both(group: str, resources: tuple[str, ...], verbs: tuple[str, ...]) -> tuple[Need, ...]:
    return tuple(Need(namespace, group, resources, verbs) for namespace in (SYSTEM_NAMESPACE, MODELS_NAMESPACE))


def action(contract: Mapping[str, Any], name: str) -> str:
    """What the contract says of one node action: never, approve or auto."""
    return str((contract.get("actions") or {}).get(name, "never"))


def _may_act_on_nodes(contract: Mapping[str, Any]) -> bool:
    return any(word != "never" for word in (contract.get("actions") or {}).values())


# The cluster's identity is checked before anything else is done, by everything of ours that connects from outside.
_WHICH_CLUSTER = Need(CLUSTER, "", ("namespaces",), ("get",), ("kube-system", SYSTEM_NAMESPACE, MODELS_NAMESPACE))

IDENTITIES = (
    Identity(
        name="observer",
        why="Reads health and state, and changes nothing.",
        home=SYSTEM_NAMESPACE,
        travels_with=IDENTITIES_SET,
        needs=(
            _WHICH_CLUSTER,
            Need(CLUSTER, "", ("nodes",), READ),
            *_both("", ("pods", "services", "events", "configmaps", "resourcequotas"), READ),
            *_both("apps", ("deployments", "replicasets"), READ),
            *_both("discovery.k8s.io", ("endpointslices",), READ),
            *_both("policy", ("poddisruptionbudgets",), READ),
            *_both("autoscaling", ("horizontalpodautoscalers",), READ),
        ),
    ),
    Identity(
        name="deployer",
        why="Deploys and updates models and the stack's components, inside our two namespaces.",
        home=SYSTEM_NAMESPACE,
        travels_with=IDENTITIES_SET,
        needs=(
            _WHICH_CLUSTER,
            Need(CLUSTER, "", ("nodes",), READ),
            *_both("", ("configmaps", "services"), READ + WRITE),
            *_both("apps", ("deployments",), READ + WRITE),
            *_both("policy", ("poddisruptionbudgets",), READ + WRITE),
            *_both("", ("pods", "events", "resourcequotas"), READ),
            *_both("apps", ("replicasets",), READ),
            *_both("discovery.k8s.io", ("endpointslices",), READ),
            Need(SYSTEM_NAMESPACE, "gateway.networking.k8s.io", ("httproutes",), READ + WRITE),
            Need(SYSTEM_NAMESPACE, "coordination.k8s.io", ("leases",), ("get", "create", "update", "delete")),
        ),
    ),
    Identity(
        name="node-medic",
        why="Takes a sick GPU node out of service and returns it, as far as the contract's actions allow.",
        home=SYSTEM_NAMESPACE,
        travels_with=IDENTITIES_SET,
        applies=_may_act_on_nodes,
        needs=(
            _WHICH_CLUSTER,
            Need(CLUSTER, "", ("nodes",), (*READ, "patch")),
            Need(MODELS_NAMESPACE, "", ("pods",), READ),
            Need(MODELS_NAMESPACE, "", ("pods/eviction",), ("create",)),
            Need(MODELS_NAMESPACE, "policy", ("poddisruptionbudgets",), READ),
            Need(SYSTEM_NAMESPACE, "coordination.k8s.io", ("leases",), ("get", "create", "update", "delete")),
        ),
    ),
    Identity(
        name=ROUTER,
        why="Finds the pods of the models, to route requests to them.",
        home=SYSTEM_NAMESPACE,
        travels_with=STACK_SET,
        needs=(Need(MODELS_NAMESPACE, "", ("pods",), READ),),
    ),
    Identity(
        name=TELEMETRY,
        why="Finds the pods whose metrics it reads.",
        home=SYSTEM_NAMESPACE,
        travels_with=STACK_SET,
        needs=_both("", ("pods",), READ),
    ),
    Identity(
        name="engine",
        why="The account of the models' own pods, which never talk to the API server.",
        home=MODELS_NAMESPACE,
        travels_with=STACK_SET,
    ),
)


def granted(contract: Mapping[str, Any], identity: Identity) -> tuple[Need, ...]:
    """The needs of an identity, less what the contract's node actions rule out."""
    if identity.name != "node-medic":
        return identity.needs
    without: set[tuple[str, ...]] = set()
    if action(contract, "drain") == "never":
        without.add(("pods/eviction",))
    return tuple(need for need in identity.needs if need.resources not in without)
