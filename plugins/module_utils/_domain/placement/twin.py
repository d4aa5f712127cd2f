# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The twin: nodes with what is on them, and where the scheduler may put a pod.

It decides as the filters of kube-scheduler do: cordons and taints, node selectors and affinity, room for each resource,
host ports, required affinity between pods in both directions, and hard topology spread. Preemption and preferences are
not modelled: a plan never relies on either. Where a pod that runs demands what is not modelled, it is taken to refuse
everything that it might.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable

from ..._vocabulary.selector import selects
from ..names import GPU
from .demands import REQUIRED, kept_off, not_modelled, pod_terms, selected
from .requests import ANYWHERE
from .scene import Node, Pod, Raw, Scene

_AFFINITY, _ANTI = "podAffinity", "podAntiAffinity"


class Twin:
    """A scene in which pods can be placed and removed."""

    def __init__(self, scene: Scene) -> None:
        self.nodes = {node.name: node for node in scene.nodes}
        self.free = {node.name: dict(node.allocatable) for node in scene.nodes}
        self.on: dict[str, dict[str, Pod]] = {node.name: {} for node in scene.nodes}
        self.where: dict[str, str] = {}
        self.replicas: dict[str, set[str]] = defaultdict(set)
        self._refusals: dict[str, tuple[Raw, str, Counter[str]]] = {}
        self._kept: dict[tuple[str, str], bool] = {}
        self._demands: dict[str, str] = {}
        self._reserved: dict[str, Pod] = {}
        for pod in scene.pods:
            if pod.node in self.nodes:
                self.place(pod, pod.node)
        for pod in scene.pods:
            if not pod.node and pod.nominated in self.nodes:
                self._take(pod, pod.nominated, -1)
                self._reserved[pod.key] = pod

    def place(self, pod: Pod, node: str) -> None:
        """The pod is on the node from now on, whether it fits or not: what is there is there."""
        if pod.key in self._reserved:
            self._take(pod, self._reserved.pop(pod.key).nominated, 1)
        self._take(pod, node, -1)
        self.on[node][pod.key] = pod
        self.where[pod.key] = node
        if pod.model:
            self.replicas[pod.model].add(pod.key)
        self._refuse(pod, node, 1)

    def remove(self, key: str) -> Pod:
        """The pod is gone. Returns it."""
        node = self.where.pop(key)
        pod = self.on[node].pop(key)
        self.replicas[pod.model].discard(key)
        self._take(pod, node, 1)
        self._refuse(pod, node, -1)
        return pod

    def pod(self, key: str) -> Pod:
        """A pod that is on a node."""
        return self.on[self.where[key]][key]

    def free_gpus(self, node: str) -> int:
        return max(0, self.free[node].get(GPU, 0))

    def fits(self, pod: Pod, node: str) -> bool:
        """Whether the scheduler may put the pod on the node, without preempting anybody."""
        return self.has_room(pod, node) and self.suits(pod, node)

    def has_room(self, pod: Pod, node: str) -> bool:
        """Whether of every resource as much is free as the pod requests."""
        free = self.free[node]
        return not any(free.get(resource, 0) < amount for resource, amount in pod.requests.items() if amount)

    def suits(self, pod: Pod, node: str) -> bool:
        """Whether the node is for the pod, room aside."""
        return not self._kept_off(pod, node) and not self._beside(pod, self.nodes[node])

    def feasible(self, pod: Pod) -> list[str]:
        """The nodes that the scheduler may put the pod on, by name."""
        return sorted(node for node in self.nodes if self.fits(pod, node))

    def why_not(self, pod: Pod, node: str) -> list[str]:
        """Why the scheduler may not put the pod on the node, in words; nothing where it may."""
        free = self.free[node]
        short = [
            f"{max(0, free.get(resource, 0))} of {amount} {resource} free"
            for resource, amount in sorted(pod.requests.items())
            if amount and free.get(resource, 0) < amount
        ]
        return [*kept_off(self.nodes[node], pod), *short, *self._beside(pod, self.nodes[node])]

    def _kept_off(self, pod: Pod, node: str) -> bool:
        """Remembered by what the pod demands of a node: replicas of a model demand the same."""
        demand = self._demands.get(pod.key)
        if demand is None:
            demand = f"{pod.selector}{pod.tolerations}{pod.affinity.get('nodeAffinity')}"
            self._demands[pod.key] = demand
        if (demand, node) not in self._kept:
            self._kept[demand, node] = bool(kept_off(self.nodes[node], pod))
        return self._kept[demand, node]

    def _take(self, pod: Pod, node: str, sign: int) -> None:
        free = self.free[node]
        for resource, amount in pod.requests.items():
            free[resource] = free.get(resource, 0) + sign * amount

    # Beside others -----------------------------------------------------------------------------------------------

    def _beside(self, pod: Pod, node: Node) -> list[str]:
        """Why the pods that run keep another off a node, or its demands of them do."""
        taken = {port for other in self.on[node.name].values() for port in other.ports} if pod.ports else set()
        found = [f"host port {port} is taken" for port in pod.ports if any(_clash(port, other) for other in taken)]
        found += self._refused(pod, node)
        found += [f"its {_ANTI}" for term in pod_terms(pod, _ANTI) if self._like(pod, term, node)]
        found += [f"its {_AFFINITY}" for term in pod_terms(pod, _AFFINITY) if self._misses(pod, term, node)]
        return found + [f"its spread over {one['topologyKey']}" for one in pod.spread if self._skewed(pod, one, node)]

    def _refuse(self, pod: Pod, node: str, sign: int) -> None:
        """Count whom a pod that runs keeps off, by the place that its term is about."""
        for term in pod_terms(pod, _ANTI):
            value = self.nodes[node].labels.get(term["topologyKey"])
            key = json.dumps([pod.namespace, term], sort_keys=True)
            if value is not None:
                self._refusals.setdefault(key, (term, pod.namespace, Counter()))[2][value] += sign

    def _refused(self, pod: Pod, node: Node) -> list[str]:
        found = []
        for term, namespace, places in self._refusals.values():
            value = node.labels.get(term["topologyKey"])
            if value is None or places[value] <= 0:
                continue
            if _may_be_meant(term, namespace, pod):
                found.append(f"the {_ANTI} of a pod that runs in this {term['topologyKey']}")
        return found

    def _like(self, pod: Pod, term: Raw, node: Node) -> bool:
        """Whether a pod that the term means runs in the node's place."""
        value = node.labels.get(term["topologyKey"])
        return value is not None and any(
            _is_meant(term, pod.namespace, other)
            for name, there in self.on.items()
            if self.nodes[name].labels.get(term["topologyKey"]) == value
            for other in there.values()
        )

    def _misses(self, pod: Pod, term: Raw, node: Node) -> bool:
        """A pod may be the first of its kind, where it is one that its own term means."""
        if node.labels.get(term["topologyKey"]) is None:
            return True
        if self._like(pod, term, node):
            return False
        key = term["topologyKey"]
        anywhere = any(
            _is_meant(term, pod.namespace, other)
            for name, there in self.on.items()
            if key in self.nodes[name].labels
            for other in there.values()
        )
        return anywhere or not _is_meant(term, pod.namespace, pod)

    def _skewed(self, pod: Pod, one: Raw, node: Node) -> bool:
        key, selector = one["topologyKey"], one.get("labelSelector")
        value = node.labels.get(key)
        if value is None:
            return True
        counts: Counter[str] = Counter()
        for name, there in self.on.items():
            other = self.nodes[name]
            if any(each["topologyKey"] not in other.labels for each in pod.spread) or not selected(other, pod):
                continue
            alike = (each for each in there.values() if each.namespace == pod.namespace and not each.leaving)
            # The scheduler counts no pod for a selector that selects all.
            counts[other.labels[key]] += (
                sum(selects(selector, each.labels) for each in alike) if _narrows(selector) else 0
            )
        least = min(counts.values(), default=0)
        return counts[value] + selects(selector, pod.labels) - least > int(one["maxSkew"])


def _is_meant(term: Raw, namespace: str, pod: Pod) -> bool:
    """Whether a term of a pod in this namespace is about another pod."""
    if pod.namespace not in (term.get("namespaces") or [namespace]):
        return False
    return selects(term.get("labelSelector"), pod.labels)


def _narrows(selector: Raw | None) -> bool:
    return bool(selector and (selector.get("matchLabels") or selector.get("matchExpressions")))


def _may_be_meant(term: Raw, namespace: str, pod: Pod) -> bool:
    """Whether a term could be about another pod: of namespaces that it selects by their labels it is about all."""
    beyond = not_modelled({_ANTI: {REQUIRED: [term]}}, ())
    if not beyond:
        return _is_meant(term, namespace, pod)
    operators = any("operator" in one for one in beyond)
    return operators or selects(term.get("labelSelector"), pod.labels)


def _clash(one: str, other: str) -> bool:
    """Host ports as ``protocol/port/address``: an unspecified address is every address."""
    (protocol, port, address), (its_protocol, its_port, its_address) = one.split("/"), other.split("/")
    anywhere = address == its_address or ANYWHERE in (address, its_address)
    return (protocol, port) == (its_protocol, its_port) and anywhere


def pending(pods: Iterable[Pod]) -> list[Pod]:
    """Pods that are on no node, in the order in which the scheduler takes them."""
    waiting = [pod for pod in pods if not pod.node and not pod.leaving]
    return sorted(waiting, key=lambda pod: (-pod.priority, -pod.gpus, pod.key))
