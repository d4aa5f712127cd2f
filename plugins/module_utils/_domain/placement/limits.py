# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds at every moment of a plan: which replicas may move at all, and where each may not go."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from ..._vocabulary.listing import amount
from ..._vocabulary.selector import selects
from ..tolerations import OF_MODELS, repelling
from .scene import Budget, Node, Pod, Quota, Scene
from .twin import Twin

REST = 86_400.0
"""Seconds for which a replica that was moved stays where it is: nothing moves twice a day."""
_ZONE = "topology.kubernetes.io/zone"


class Limits:
    """The constraints of one scene.

    :param rest: seconds for which a replica that was moved stays where it is.
    """

    def __init__(self, scene: Scene, rest: float = REST) -> None:
        self._rest = rest
        self._now = scene.taken
        self._models = {one.name: one for one in scene.models}
        self._to_leave = {one.name for one in scene.nodes if one.leave}
        self._ready = Counter(pod.model for pod in scene.pods if pod.node and pod.ready and not pod.leaving)
        self._budgets: dict[str, list[Budget]] = defaultdict(list)
        for one in scene.budgets:
            self._budgets[one.namespace].append(one)
        self._quotas: dict[str, list[Quota]] = defaultdict(list)
        for each in scene.quotas:
            self._quotas[each.namespace].append(each)

    def stays(self, pod: Pod) -> list[str]:
        """Why a replica is not moved, in words; nothing where it may be."""
        if pod.stays:
            return list(pod.stays)
        model = self._models.get(pod.model)
        if model is None:
            return ["the contract has no such model"]
        found = [] if pod.ready else ["it is not ready"]
        found += ["it is leaving already"] if pod.leaving else []
        found += [f"{model.name}: {model.busy}"] if model.busy else []
        found += (
            [f"{model.name}: {model.budget_spent}"] if model.budget_spent and pod.node not in self._to_leave else []
        )
        if (ready := self._ready[model.name]) < model.least_ready:
            needs = "should have" if model.needed is None else "its traffic needs"
            found.append(f"{model.name} has {amount(ready, 'ready replica')}, and {needs} {model.least_ready}")
        if pod.moved is not None and self._now - pod.moved < self._rest:
            found.append("it was moved less than a day ago")
        return [*found, *self._held_by_budgets(pod), *self._no_room_for_surge(pod)]

    def _held_by_budgets(self, pod: Pod) -> list[str]:
        """The Eviction API refuses a pod of two budgets, whatever they allow."""
        holding = [one for one in self._budgets[pod.namespace] if selects(one.selector, pod.labels)]
        if len(holding) > 1:
            return [f"several disruption budgets select it: {', '.join(sorted(one.key for one in holding))}"]
        return [f"the disruption budget {one.key} allows no disruption now" for one in holding if one.allowed < 1]

    def _no_room_for_surge(self, pod: Pod) -> list[str]:
        return [
            f"the quota {quota.key} leaves {left} of {name}, and its replacement needs {needed}"
            for quota in self._quotas[pod.namespace]
            if all(_holds(scope, pod.priority_class) for scope in quota.scopes)
            for name, left in sorted(quota.left.items())
            if (needed := _requested(pod, name)) > left
        ]

    def may_crowd(self, pod: Pod) -> bool:
        """Whether it matters for a replica's model where its other replicas are."""
        return self._models[pod.model].critical

    def crowded(self, twin: Twin, pod: Pod, node: str) -> bool:
        """Whether a critical model would be on one host, or in one zone, if the replica went to the node.

        What is so already may stay so: it is no reason against a move that changes nothing about it.
        """
        if not self.may_crowd(pod):
            return False
        known = [twin.pod(key) for key in twin.replicas[pod.model]]
        serving = [one.key for one in known if one.ready and not one.leaving]
        before = {twin.where[key] for key in serving}
        after = {node if key == pod.key else twin.where[key] for key in serving}
        return _fewer(before, after) or _fewer(*(_zones(twin, names) for names in (before, after)))


def _fewer(before: set[str], after: set[str]) -> bool:
    return len(after) < min(2, len(before))


def _zones(twin: Twin, names: set[str]) -> set[str]:
    return {twin.nodes[name].labels.get(_ZONE, "") for name in names}


def takes_replicas(node: Node) -> bool:
    """Whether new replicas of models should come to a node, and its free GPUs count."""
    return not node.closed and not node.leave and not repelling(node.taints, node.cordoned, OF_MODELS)


def _requested(pod: Pod, name: str) -> int:
    """What a pod takes of a quota's resource: GPUs and the rest as requests, or the pod itself."""
    if name in ("pods", "count/pods"):
        return 1
    prefix, _dot, resource = name.partition(".")
    if prefix == "requests":
        return pod.requests.get(resource, 0)
    return pod.requests.get(name, 0) if name in ("cpu", "memory") else 0


def _holds(scope: Mapping[str, Any], priority_class: str) -> bool:
    """Whether a scope of a quota has the pods of a model. One that is not known is taken to have them."""
    if scope["scopeName"] != "PriorityClass":
        return scope["scopeName"] not in ("BestEffort", "Terminating")
    listed, operator = priority_class in (scope.get("values") or ()), scope["operator"]
    held = {"In": listed, "NotIn": not listed, "Exists": bool(priority_class), "DoesNotExist": not priority_class}
    return held.get(operator, True)
