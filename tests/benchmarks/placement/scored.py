# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where kube-scheduler's scores put replicas at birth, by what their pods prefer.

``LeastAllocated`` of CPU and memory counts once; soft topology spread, and preferred affinity between pods, count twice
each, normalized as the scheduler does (k8s.io/kubernetes, ``podtopologyspread`` and ``interpodaffinity``).

The trace names no models and no zones: pods of one size are replicas of models of one to six, whose priorities are
drawn. A model is of the product that its first replica is on.
"""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.birthplace import (
    HOST,
    PREFERRED,
    preferences,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.scene import Scene
from tests.benchmarks.placement.birth import free_share
from tests.benchmarks.placement.trace import Asked, Choice, Host

_PRIORITIES = {"critical": 0.2, "standard": 0.5, "batch": 0.3}
_MOST, _SEED = 6, 21
_Model = tuple[str, str]
"""Its name and its priority."""
_Says = Callable[[str, str], dict[str, Any]]


def models_of(asked: Iterable[Asked]) -> dict[str, _Model]:
    """The model of each pod that is a replica, by the pod's name."""
    draw, found = random.Random(_SEED), dict[str, _Model]()  # noqa: S311 (models, and no secret)
    begun: dict[int, list[_Model]] = defaultdict(list)
    for one in asked:
        if one.gpus:
            if not begun[one.gpus]:
                [priority] = draw.choices(list(_PRIORITIES), list(_PRIORITIES.values()))
                begun[one.gpus] = [(f"{one.gpus}-{one.name}", priority)] * draw.randint(1, _MOST)
            found[one.name] = begun[one.gpus].pop()
    return found


def spread_over_hosts(name: str, _priority: str) -> dict[str, Any]:
    """What pods said before they said something else by priority."""
    return {"topologySpreadConstraints": [{"topologyKey": HOST, "labelSelector": {"matchLabels": {"model": name}}}]}


class Scored:
    """Places each pod where the scores are best. It remembers where replicas are, and so is for one cluster."""

    def __init__(self, models: dict[str, _Model], says: _Says) -> None:
        self._models, self._says = models, says
        self._own: dict[str, Counter[str]] = defaultdict(Counter)
        self._any, self._product = Counter[str](), dict[str, str]()

    def __call__(self, hosts: Sequence[Host], one: Asked) -> Host:
        if one.name not in self._models:
            return max(hosts, key=lambda host: (free_share(host), host.node.name))
        model, priority = self._models[one.name]
        hosts = [host for host in hosts if host.node.product == self._product.get(model)] or hosts
        said = self._says(model, priority)
        scores = zip(
            (50 * free_share(host) for host in hosts),
            self._spread(said, hosts, model),
            self._near(said, hosts, model),
            strict=True,
        )
        best = max(zip(map(sum, scores), hosts, strict=True), key=lambda each: (each[0], each[1].node.name))[1]
        name = best.node.name
        self._own[model][name] += 1
        self._any[name] += 1
        self._product[model] = best.node.product
        return best

    def _spread(self, said: dict[str, Any], hosts: Sequence[Host], model: str) -> list[int]:
        if not any(one["topologyKey"] == HOST for one in said["topologySpreadConstraints"]):
            return [0] * len(hosts)
        weight = math.log(len(hosts) + 2)
        counts = [round(self._own[model][host.node.name] * weight) for host in hosts]
        most, least = max(counts), min(counts)
        return [2 * (100 * (most + least - count) // most if most else 100) for count in counts]

    def _near(self, said: dict[str, Any], hosts: Sequence[Host], model: str) -> list[int]:
        wishes = []
        for kind, sign in (("podAffinity", 1), ("podAntiAffinity", -1)):
            for one in said.get("affinity", {}).get(kind, {}).get(PREFERRED, ()):
                if one["podAffinityTerm"]["topologyKey"] == HOST:
                    own = "matchLabels" in one["podAffinityTerm"]["labelSelector"]
                    wishes.append((sign * one["weight"], self._own[model] if own else self._any))
        sums = [sum(weight * there[host.node.name] for weight, there in wishes) for host in hosts]
        most, least = max(sums), min(sums)
        return [2 * (100 * (one - least) // (most - least) if most > least else 0) for one in sums]


def births(asked: Iterable[Asked]) -> dict[str, Choice]:
    """By replicas' preferences: those of before, and those by priority."""
    models = models_of(asked)
    return {"spread over hosts": Scored(models, spread_over_hosts), "by priority": Scored(models, preferences)}


def on_one_host(scene: Scene, models: dict[str, _Model]) -> dict[str, tuple[int, int]]:
    """By priority: how many models with several replicas have them all on one host, and how many there are."""
    hosts: dict[_Model, list[str]] = defaultdict(list)
    for pod in scene.pods:
        if model := models.get(pod.key.rpartition("/")[2]):
            hosts[model].append(pod.node)
    several = [(model[1], len(set(nodes))) for model, nodes in hosts.items() if len(nodes) > 1]
    return {
        priority: (several.count((priority, 1)), sum(one == priority for one, _hosts in several))
        for priority in _PRIORITIES
    }
