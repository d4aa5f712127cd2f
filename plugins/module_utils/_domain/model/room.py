# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where there is room for replicas now: free GPUs node by node, those that a model holds itself, and the quota."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..names import GPU, GROUP_LABEL, MODEL_LABEL, MODELS_NAMESPACE
from ..quantity import count
from ..views import View, closed_to_models, gpu_product

_QUOTA = f"requests.{GPU}"
_COUNTING = ("NotBestEffort", "NotTerminating")
"""The scopes of a quota, beside priority classes, that pods of models are in: they ask for CPU, and do not end."""


@dataclass(frozen=True)
class Room:
    """The room for one model's replicas.

    :param free: free GPUs of the model's product, by node; only nodes that take pods.
    :param held: GPUs that the model's own replicas hold on these nodes.
    :param quota: GPUs that the namespace's quota leaves; ``None`` where there is no quota.
    :param whole: whether the pods of others were seen too. If not, less may be free than it seems.
    :param own: GPUs that the quotas leave which count only some pods, its own among them; ``None`` without any.
    """

    product: str
    free: Mapping[str, int]
    held: Mapping[str, int]
    quota: int | None
    whole: bool = True
    own: int | None = None

    @property
    def left(self) -> int | None:
        """GPUs that all quotas leave; ``None`` where there are none."""
        return min((each for each in (self.quota, self.own) if each is not None), default=None)

    def replicas(self, gpus: int, most: int, nodes: int = 1) -> int:
        """How many whole replicas fit now, ``most`` at most.

        :param gpus: of each pod, which needs them on one node. :param nodes: the pods of one replica.
        """
        if not gpus:
            return most
        fitting = self._pods(gpus)
        if self.left is not None:
            fitting = min(fitting, max(0, self.left) // gpus)
        return min(most, fitting // nodes)

    def replicas_when_empty(self, gpus: int, most: int, nodes: int = 1) -> int:
        """As :meth:`replicas`, if the model's own replicas were gone."""
        free = {node: self.free.get(node, 0) + self.held.get(node, 0) for node in {*self.free, *self.held}}
        given_up = sum(self.held.values())
        without = replace(self, free=free, held={}, quota=_more(self.quota, given_up), own=_more(self.own, given_up))
        return without.replicas(gpus, most, nodes)

    def fits_instead(self, old: int, new: int, nodes: int = 1) -> bool:
        """Whether a replica with ``new`` GPUs in each pod fits where one with ``old`` is taken away.

        :param nodes: the pods of both. Where they are several, which nodes they leave is not known, so each is counted
            as leaving no more than its own GPUs.
        """
        if self.left is not None and self.left + old * nodes < new * nodes:
            return False
        if nodes > 1:
            return not new or self._pods(new) + nodes * (old // new) >= nodes
        return any(self.free.get(node, 0) + old >= new for node, gpus in self.held.items() if gpus >= old)

    def _pods(self, gpus: int) -> int:
        return sum(free // gpus for free in self.free.values())

    def without(self, gpus: int, pods: int, *, same_product: bool = True) -> Room:
        """The room that is left after so many more pods, each on the fullest node that it fits.

        :param same_product: false where they are on nodes of another product, and only the quota of all is shared.
        """
        free = dict(self.free)
        for _pod in range(pods if gpus and same_product else 0):
            fitting = [(left, node) for node, left in free.items() if left >= gpus]
            if fitting:
                free[min(fitting)[1]] -= gpus
        own = _more(self.own, -gpus * pods) if same_product else self.own
        return replace(self, free=free, quota=_more(self.quota, -gpus * pods), own=own)


def room_of(
    model: str,
    product: str,
    nodes: Iterable[View],
    pods: Iterable[View],
    quotas: Iterable[Mapping[str, Any]],
    *,
    whole: bool = True,
    priority: str = "",
) -> Room:
    """The room for a model on the nodes of a product that take pods.

    :param nodes: all nodes, as views. :param pods: all pods that can be seen, as views.
    :param quotas: the ResourceQuotas of the models' namespace, raw.
    :param whole: whether ``pods`` are those of everybody.
    :param priority: the priority class of the model's pods, by which some quotas count.
    """
    used: Counter[str] = Counter()
    held: Counter[str] = Counter()
    for pod in pods:
        if pod["gpus"] and pod["node"] and pod["phase"] not in ("Succeeded", "Failed"):
            used[pod["node"]] += pod["gpus"]
            marked = pod["labels"].get(MODEL_LABEL) or pod["labels"].get(GROUP_LABEL)
            if pod["namespace"] == MODELS_NAMESPACE and marked == model:
                held[pod["node"]] += pod["gpus"]
    usable = [node for node in nodes if gpu_product(node) == product and not closed_to_models(node)]
    free = {node["name"]: max(0, count(node["allocatable"].get(GPU, 0)) - used[node["name"]]) for node in usable}
    counting = [quota for quota in quotas if all(_holds(scope, priority) for scope in _scopes(quota))]
    return Room(
        product,
        free,
        {name: held[name] for name in free if held[name]},
        _quota_left(quota for quota in counting if not _scopes(quota)),
        whole,
        _quota_left(quota for quota in counting if _scopes(quota)),
    )


def _scopes(quota: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What limits the pods that a quota counts, as ``matchExpressions``; nothing where it counts all."""
    spec = quota.get("spec") or {}
    named = [{"scopeName": name, "operator": "Exists"} for name in spec.get("scopes") or ()]
    return [*named, *((spec.get("scopeSelector") or {}).get("matchExpressions") or ())]


def _holds(scope: Mapping[str, Any], priority: str) -> bool:
    """Whether a scope has the pods of a model with this priority class."""
    if scope["scopeName"] != "PriorityClass":
        return scope["scopeName"] in _COUNTING
    listed, operator = priority in (scope.get("values") or ()), scope["operator"]
    return {"In": listed, "NotIn": not listed, "Exists": bool(priority), "DoesNotExist": not priority}[operator]


def _quota_left(quotas: Iterable[Mapping[str, Any]]) -> int | None:
    left = []
    for quota in quotas:
        hard = (quota.get("spec") or {}).get("hard") or {}
        if _QUOTA in hard:
            left.append(count(hard[_QUOTA]) - count(((quota.get("status") or {}).get("used") or {}).get(_QUOTA, 0)))
    return min(left, default=None)


def _more(left: int | None, gpus: int) -> int | None:
    return None if left is None else left + gpus
