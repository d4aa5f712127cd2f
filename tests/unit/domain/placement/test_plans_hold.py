# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Properties of plans: no moment of one violates a constraint, price and gain add up, the same scene has the same plan.

What is checked here is counted anew, by code that shares nothing with the search.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.names import GPU, MODEL_LABEL
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.consolidation import Efficiency, plan_of
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.plan import BLOCK, rehearse
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.scene import Budget, Pod, Quota, Scene
from tests.unit.domain.placement.scenes import DAY, model, node, other, replica, scene

ALL = Efficiency(max_moves=50)


def generated(seed: int) -> Scene:
    """A cluster, partly full, with everything that a plan has to respect somewhere in it."""
    draw = random.Random(seed)  # noqa: S311 (a scene, and no secret)
    nodes = [
        node(
            f"n{number}",
            draw.choice((4, 8, 8)),
            product=draw.choice("HHHL"),
            labels={"topology.kubernetes.io/zone": draw.choice("xy")},
            cordoned=draw.random() < 0.05,
            **draw.choice([{}] * 6 + [{"leave": True, "closed": "gpu_ecc"}, {"closed": "it is not ready"}]),
        )
        for number in range(draw.randint(2, 8))
    ]
    models = [
        model(
            f"m{number}",
            draw.choice((1, 1, 1, 2, 4, 8)),
            product=draw.choice("HHHL"),
            critical=draw.random() < 0.3,
            busy="it is rolling" if draw.random() < 0.15 else "",
            loads=(draw.choice((60.0, 600.0, 30_000.0)),) * draw.choice((0, 9)),
            wanted=draw.choice((None, 0.1, 0.9, 0.9)),
            most=draw.randint(3, 30),
        )
        for number in range(draw.randint(1, 5))
    ]
    free = {each.name: each.gpus for each in nodes}
    pods: list[Pod] = []
    for number in range(draw.randint(2, 16)):
        one, host = draw.choice(models), draw.choice(nodes)
        waits = draw.random() < 0.07
        if not waits and (host.product != one.product or free[host.name] < one.gpus):
            continue
        if draw.random() < 0.2:
            pods.append(other(f"o{number}", "" if waits else host.name, one.gpus))
        else:
            needs = {"cpu": draw.choice((2_000, 8_000, 24_000)), "memory": 2**33, GPU: one.gpus, "pods": 1}
            kept = ("not modelled: its volume v (hostPath)",) if draw.random() < 0.1 else ()
            at, more = "" if waits else host.name, {"stays": kept, "requests": needs}
            pods.append(replica(f"p{number}", at, one.gpus, model=one.name, product=one.product, **more))
        free[host.name] -= 0 if waits else one.gpus
    budgets = [
        Budget(f"fireworks-models/{one.name}", {"matchLabels": {MODEL_LABEL: one.name}}, draw.choice((0, *[1] * 7)))
        for one in models
        if draw.random() < 0.5
    ]
    quota = Quota("fireworks-models/q", {f"requests.{GPU}": draw.choice((1, 8, *[99] * 8))})
    return scene(nodes, pods, *models, budgets=tuple(budgets), quotas=(quota,))


SCENES = st.integers(0, 2**32).map(generated)


def _held(pods: Iterable[tuple[str, int]]) -> Counter[str]:
    held: Counter[str] = Counter()
    for where, gpus in pods:
        held[where] += gpus
    return held


@given(SCENES)
def test_no_moment_of_a_plan_violates_a_constraint(there: Scene) -> None:
    made = plan_of(there, ALL)
    event("moves" if made.moves else "no moves")
    nodes, models = {one.name: one for one in there.nodes}, {one.name: one for one in there.models}
    pods, budgets = {one.key: one for one in there.pods}, {one.key.split("/")[1]: one for one in there.budgets}
    where = {pod.key: pod.node for pod in there.pods if pod.node}
    assert len(made.moves) <= ALL.max_moves
    assert len({move.pod for move in made.moves}) == len(made.moves), "one moved twice"
    for package in made.packages:
        assert package.target not in {move.destination for move in package.moves}, "it comes back"
    for move in made.moves:
        pod, to = pods[move.pod], nodes[move.destination]
        one = models[pod.model]
        # What may move at all.
        assert pod.ready
        assert not pod.stays
        assert not one.busy
        assert one.name not in budgets or budgets[one.name].allowed >= 1
        assert there.quotas[0].left[f"requests.{GPU}"] >= pod.gpus
        # Where it goes.
        assert where[move.pod] == move.source
        assert (to.product, to.closed, to.leave, to.cordoned) == (one.product, "", False, False)
        # While both are there.
        held = _held((node_name, pods[key].gpus) for key, node_name in where.items())
        held[move.destination] += pod.gpus
        assert held[move.destination] <= to.gpus, "more GPUs than the node has"
        cpu = sum(pods[key].requests["cpu"] for key, name in where.items() if name == move.destination)
        assert cpu + pod.requests["cpu"] <= to.allocatable["cpu"], "more CPU than the node has"
        before = _places(there, where, pod.model)
        where[move.pod] = move.destination
        if one.critical:
            for old, new in zip(before, _places(there, where, pod.model), strict=True):
                assert len(new) >= min(2, len(old)), "a critical model on one host or in one zone"


def _places(there: Scene, where: dict[str, str], name: str) -> tuple[set[str], set[str]]:
    nodes = {one.name: one for one in there.nodes}
    hosts = {where[pod.key] for pod in there.pods if pod.model == name and pod.key in where}
    return hosts, {nodes[host].labels["topology.kubernetes.io/zone"] for host in hosts}


@given(SCENES)
def test_price_and_gain_add_up(there: Scene) -> None:
    made = plan_of(there, ALL)
    loads = {one.name: max(one.loads) if one.loads else one.load_limit for one in there.models}
    gpus = {one.name: one.gpus for one in there.models}
    price = sum(loads[move.model] * gpus[move.model] for move in made.moves)
    assert round(made.price, 3) == round(price, 3)
    if not made.moves:
        assert (made.gain, made.packages) == (0, ())
        return
    serving = [move for one in made.packages if one.aim != BLOCK for move in one.moves]
    later, found = rehearse(there, made.moves)
    start, between = rehearse(there, ())[0], rehearse(there, serving)[0]
    assert not found
    gain = _serving(later) - _serving(start) + _blocks(later) - _blocks(between)
    assert round(made.gain, 3) == round(gain, 3)
    assert made.gain >= 2 * made.price


def _blocks(there: Scene) -> float:
    """GPU-seconds of blocks that may be wanted, the largest first, each on the fullest node."""
    held = _held((pod.node, pod.gpus) for pod in there.pods)
    free = {one.name: one.gpus - held[one.name] for one in there.nodes if not (one.closed or one.leave or one.cordoned)}
    product = {one.name: one.product for one in there.nodes}
    wanting = [one for one in there.models if one.wanted and one.most > one.desired]
    total = 0.0
    for one in sorted(wanting, key=lambda each: (-each.gpus, -(each.wanted or 0), each.product)):
        for _replica in range(one.most - one.desired):
            fitting = sorted(
                (left, name) for name, left in free.items() if left >= one.gpus and product[name] == one.product
            )
            if fitting:
                free[fitting[0][1]] -= one.gpus
                total += one.gpus * (one.wanted or 0) * DAY
    return total


def _serving(there: Scene) -> float:
    """GPU-seconds of replicas that waited, less those on nodes that are not trusted."""
    leave = {one.name for one in there.nodes if one.leave}
    waited = [pod for pod in there.pods if pod.model and not pod.ready and pod.node]
    doubtful = [pod for pod in there.pods if pod.model and pod.node in leave]
    return (sum(pod.gpus for pod in waited) - sum(pod.gpus for pod in doubtful)) * DAY


@given(SCENES, st.randoms(use_true_random=False))
def test_the_same_scene_has_the_same_plan_in_whatever_order_it_is_listed(there: Scene, draw: random.Random) -> None:
    parts = {key: list(getattr(there, key)) for key in ("nodes", "pods", "budgets", "models")}
    for part in parts.values():
        draw.shuffle(part)
    assert plan_of(there, ALL) == plan_of(there, ALL)
    assert (
        plan_of(replace(there, **{key: tuple(part) for key, part in parts.items()}), ALL).moves
        == plan_of(there, ALL).moves
    )


@pytest.mark.soak
def test_a_full_cluster_has_the_same_plan_a_hundred_times() -> None:
    """All of its free GPUs but one are in blocks afterwards, so that many places are tried for its replicas."""
    draw = random.Random(21)  # noqa: S311 (a scene, and no secret)
    nodes = [node(f"n{number}") for number in range(10)]
    holes = (3, 3, 2, 2, 1, 1, 1, 1, 1, 1)
    needs = [{"cpu": draw.choice((3_000, 9_000, 11_000)), "memory": 2**33, GPU: 1, "pods": 1} for _pod in range(64)]
    hosts = [one.name for one, free in zip(nodes, holes, strict=True) for _pod in range(8 - free)]
    pods = [replica(f"p{number}", host, requests=needs[number]) for number, host in enumerate(hosts)]
    there = scene(nodes, pods, model(), model("large", 8, wanted=0.9, most=4))
    made = plan_of(there, ALL)
    assert made.gain == 2 * 8 * 0.9 * DAY
    for _time in range(100):
        parts = {key: draw.sample(getattr(there, key), len(getattr(there, key))) for key in ("nodes", "pods", "models")}
        assert plan_of(replace(there, **{key: tuple(part) for key, part in parts.items()}), ALL) == made


@given(SCENES)
def test_what_was_planned_is_not_planned_again(there: Scene) -> None:
    later, _found = rehearse(there, plan_of(there, ALL).moves)
    assert plan_of(later, ALL).moves == ()
