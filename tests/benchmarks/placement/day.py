# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""24 hours of alternating load: models scale up and down hour by hour, and each hour there may be a plan.

Each model follows a curve of a day: its low and high replicas, its hour of most, and a little noise, all drawn by a
seed. New replicas land where the scheduler scores best what they prefer by their priority; all but the critical models
are standard ones. Replicas go as a ReplicaSet takes them. How often a model wants another replica is what a day
before showed, without any plan. Loads take between 1 and 30 minutes: all are done when an hour ends and a plan is made.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.birthplace import (
    APART,
    HOST,
    TOGETHER,
    ZONE,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.names import GPU, GPU_PRODUCT_LABEL, MODEL_LABEL
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.consolidation import Efficiency, plan_of
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.plan import Plan, rehearse
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.scene import Model, Node, Pod, Scene
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.twin import Twin, pending

HOURS, SEED = 24, 21
NODES, MODELS, LARGE = 30, 24, 3
_HOUR = 3600.0
_PRODUCT = "NVIDIA-H100-80GB-HBM3"
_SIZES, _WEIGHTS = (1, 2, 4), (5, 3, 2)
_LEAST, _MOST = 60.0, 1800.0


@dataclass(frozen=True)
class Curve:
    """A model, and how many replicas it is told to have. peak: the hour of most."""

    name: str
    gpus: int
    low: int
    high: int
    peak: int
    load: float
    critical: bool = False

    def replicas(self, hour: int) -> int:
        wave = (1 + math.cos(2 * math.pi * (hour % HOURS - self.peak) / HOURS)) / 2
        noise = random.Random(f"{self.name} {hour}").uniform(-0.1, 0.1)  # noqa: S311 (load, and no secret)
        return self.low + max(0, min(self.high - self.low, round((wave + noise) * (self.high - self.low))))


def curves(seed: int) -> list[Curve]:
    """Small models, and some that need a node of their own."""
    draw = random.Random(seed)  # noqa: S311 (models, and no secret)
    found = []
    for number in range(MODELS + LARGE):
        large = number >= MODELS
        gpus = 8 if large else draw.choices(_SIZES, _WEIGHTS)[0]
        low, more = (1, 3) if large else (draw.randint(1, 2), draw.randint(3, 8) // gpus + 2)
        load = _LEAST * (_MOST / _LEAST) ** draw.random()
        critical = not large and draw.random() < 0.2
        found.append(
            Curve(
                f"m{number:02}-{gpus}", gpus, max(low, 2 * critical), low + more, draw.randrange(HOURS), load, critical
            )
        )
    return found


def cluster() -> list[Node]:
    room = {"cpu": 96_000, "memory": 2**40, "pods": 110, GPU: 8}
    return [
        Node(name, room, {GPU_PRODUCT_LABEL: _PRODUCT, HOST: name, ZONE: f"z{number % 2}"}, product=_PRODUCT)
        for number in range(NODES)
        for name in [f"node-{number:02}"]
    ]


def born(twin: Twin, pod: Pod, critical: bool) -> str:
    """The node where the scheduler's scores of what a replica prefers, and of free CPU and memory, are best."""
    fitting = [name for name in twin.nodes if twin.free_gpus(name) >= pod.gpus and twin.fits(pod, name)]
    hosts = Counter(twin.where[key] for key in twin.replicas[pod.model])
    zones: Counter[str] = Counter()
    for name, count in hosts.items():
        zones[twin.nodes[name].labels[ZONE]] += count

    def near(name: str) -> int:
        apart = hosts[name] + (zones[twin.nodes[name].labels[ZONE]] if critical else 0)
        return TOGETHER * sum(bool(one.model) for one in twin.on[name].values()) - APART * apart

    liked = {name: near(name) for name in fitting}
    most, least = max(liked.values(), default=0), min(liked.values(), default=0)

    def score(name: str) -> tuple[float, str]:
        free, room = twin.free[name], twin.nodes[name].allocatable
        left = 50 * (free["cpu"] / room["cpu"] + free["memory"] / room["memory"])
        return (left + (200 * (liked[name] - least) // (most - least) if most > least else 0), name)

    return max(fitting, key=score, default="")


@dataclass
class Day:
    """A cluster on its way through hours. wanted: by model, as in a scene. moved: when each replica was last."""

    nodes: list[Node]
    models: list[Curve]
    wanted: Mapping[str, float] = field(default_factory=dict)
    pods: dict[str, Pod] = field(default_factory=dict)
    consolidated: float | None = None
    made: int = 0

    def scale(self, hour: int) -> None:
        """To what each model is told to have; then what waits is placed."""
        for one in self.models:
            own = [pod for pod in self.pods.values() if pod.model == one.name]
            for pod in _first_to_go(own)[: max(0, len(own) - one.replicas(hour))]:
                del self.pods[pod.key]
            for _more in range(one.replicas(hour) - len(own)):
                self._add(one)
        twin, critical = Twin(self.scene(hour)), {one.name for one in self.models if one.critical}
        for pod in pending(self.pods.values()):
            if node := born(twin, pod, pod.model in critical):
                self.pods[pod.key] = replace(pod, node=node, ready=True)
                twin.place(self.pods[pod.key], node)

    def _add(self, one: Curve) -> None:
        self.made += 1
        requests = {"cpu": 2_000 * one.gpus, "memory": 2**33 * one.gpus, "pods": 1, GPU: one.gpus}
        key = f"fireworks-models/{one.name}-{self.made:05}"
        self.pods[key] = Pod(key, requests, "", {MODEL_LABEL: one.name}, {GPU_PRODUCT_LABEL: _PRODUCT}, model=one.name)

    def waiting(self) -> Counter[str]:
        """GPUs of replicas that wait, by model."""
        found: Counter[str] = Counter()
        for pod in self.pods.values():
            found[pod.model] += 0 if pod.node else pod.gpus
        return +found

    def used(self) -> int:
        return sum(pod.gpus for pod in self.pods.values() if pod.node)

    def scene(self, hour: int) -> Scene:
        there = Counter(pod.model for pod in self.pods.values() if pod.node)
        models = tuple(self._model(one, one.replicas(hour), there[one.name]) for one in self.models)
        return Scene(
            hour * _HOUR, tuple(self.nodes), tuple(self.pods.values()), models=models, consolidated=self.consolidated
        )

    def _model(self, one: Curve, desired: int, ready: int) -> Model:
        busy = f"it is loading: {ready} of {desired} replicas are ready" if ready < desired else ""
        return Model(
            one.name, _PRODUCT, one.gpus, critical=one.critical, desired=desired, needed=desired, most=one.high,
            busy=busy, loads=(one.load,) * 9, wanted=self.wanted.get(one.name, 0.0),
        )  # fmt: skip

    def carry_out(self, hour: int, made: Plan) -> None:
        """The plan, and what it lets in; all of it is Ready before the next hour."""
        scene = self.scene(hour)
        after, found = rehearse(scene, made.moves)
        if found:
            raise RuntimeError(f"the rehearsal of a plan ended: {found}")
        self.pods = {pod.key: replace(pod, ready=bool(pod.node)) for pod in after.pods}
        if made.moves:
            self.consolidated = scene.taken


def _first_to_go(pods: Iterable[Pod]) -> list[Pod]:
    """As a ReplicaSet takes them: who waits, then where most of them are on one node, then the newest."""
    pods = list(pods)
    together = Counter(pod.node for pod in pods)
    newest = sorted(pods, key=lambda pod: pod.key, reverse=True)
    return sorted(newest, key=lambda pod: (bool(pod.node), -together[pod.node]))


@dataclass(frozen=True)
class Hour:
    """What an hour brought. late: GPUs that wait after the plan. again: moves that a second run would make."""

    hour: int
    used: int
    waiting: int
    plan: Plan
    late: int
    again: int


def run(start: Day, first: int, agreed: Efficiency | None) -> list[Hour]:
    """A day from an hour on, on a copy of a cluster. agreed: None for no plans."""
    day, found = replace(start, pods=dict(start.pods)), []
    for hour in range(first, first + HOURS):
        day.scale(hour)
        used, waiting = day.used(), day.waiting().total()
        made = plan_of(day.scene(hour), agreed) if agreed else Plan()
        again = 0
        if agreed and made.moves:
            day.carry_out(hour, made)
            left = replace(agreed, max_moves=agreed.max_moves - len(made.moves))
            again = len(plan_of(replace(day.scene(hour), consolidated=None), left).moves)
        found.append(Hour(hour - first, used, waiting, made, day.waiting().total(), again))
    return found


def twice(hours: Iterable[Hour], rest: float = 86_400.0) -> int:
    """Moves of replicas that had moved less than so many seconds before."""
    last: dict[str, float] = {}
    found = 0
    for one in hours:
        for move in one.plan.moves:
            found += one.hour * _HOUR - last.get(move.pod, -math.inf) < rest
            last[move.pod] = one.hour * _HOUR
    return found


def main(_runs: int) -> None:
    """``make bench PARTS=day_of_load``: by the contract's defaults, and with a cooldown of an hour."""
    start = Day(cluster(), curves(SEED))
    before: Counter[str] = Counter()
    for hour in range(HOURS):
        start.scale(hour)
        before.update(start.waiting().keys())
    start.wanted = {name: count / HOURS for name, count in before.items()}
    none = run(start, HOURS, None)
    for name, agreed in (("the contract's defaults", Efficiency()), ("a cooldown of 1 h", Efficiency(cooldown=_HOUR))):
        _show(name, agreed, run(start, HOURS, agreed), none)


def _show(name: str, agreed: Efficiency, hours: list[Hour], none: list[Hour]) -> None:
    print(f"\n24 hours of alternating load, {NODES} nodes of 8 GPUs, {MODELS + LARGE} models, {name}")
    print("  hour  GPUs used  waiting  moves    price      gain  waiting then  without any plan  a second run")
    for one, other in zip(hours, none, strict=True):
        made = one.plan
        print(f"  {one.hour:4}{one.used:11}{one.waiting:9}{len(made.moves):7}{made.price:9.0f}{made.gain:10.0f}"
              f"{one.late:14}{other.late:18}{f'{one.again} moves' if made.moves else '':>14}")  # fmt: skip
    price, gain = sum(one.plan.price for one in hours), sum(one.plan.gain for one in hours)
    served = sum(other.late - one.late for one, other in zip(hours, none, strict=True)) * _HOUR
    whole = sum(one.again for one in hours if len(one.plan.moves) < agreed.max_moves)
    print(f"  {sum(len(one.plan.moves) for one in hours)} moves, {twice(hours)} of them twice within a day;"
          f" second runs with moves left: {whole} moves")  # fmt: skip
    if price:
        print(f"  gain over price of the day {gain / price:.1f} as planned; {served / price:.1f} as it came:"
              f" {served:.0f} GPU-seconds waited less, for {price:.0f}")  # fmt: skip
