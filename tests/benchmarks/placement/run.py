# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``make bench PARTS=placement``: how much a plan frees, beside what is possible, and what planning costs.

It needs the trace: ``DATA=folder make bench PARTS=placement``. What is possible is measured where highspy is installed.
"""

from __future__ import annotations

import random
import time
import tracemalloc
from collections import Counter

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.consolidation import Efficiency, plan_of
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.plan import Plan, rehearse
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.scene import Scene, from_dict, to_dict
from tests.benchmarks.measure import BenchmarkError
from tests.benchmarks.placement import exact
from tests.benchmarks.placement.birth import BIRTHS
from tests.benchmarks.placement.large import large, listed_anew
from tests.benchmarks.placement.scored import births, models_of, on_one_host
from tests.benchmarks.placement.trace import FILLED, blocks, filled, free, part, read, shapes_of, stranded, trace_folder

SIZES = (8, 4, 2)
ALLOWED = (100, 400)
PARTS, PART_NODES, PART_MOVES, PART_SECONDS = 36, (20, 30, 40, 60, 80, 100), (10, 20, 40), 120.0
SAME = 100
LEAST_SHARE = 0.99
ANOTHER_SEED, ANOTHER_SHARE = 77, 0.85
"""Another order of the pods, and another part of the GPUs that is used: nothing was fitted to these."""


def main(_runs: int) -> None:
    """All of it."""
    folder = trace_folder()
    nodes, asked = read(folder)
    born = {name: filled(nodes, asked, choice) for name, choice in {**BIRTHS, **births(asked)}.items()}
    before = born["spread (the scheduler)"]
    _freed(born, before)
    for name, (alone, of) in on_one_host(born["by priority"], models_of(asked)).items():
        print(f"  by priority, {alone} of {of} {name} models with several replicas have them on one host")
    shares = [_beside_exact(f"filled to {FILLED:.0%}", before)]
    nodes, asked = read(folder, ANOTHER_SEED)
    spread = BIRTHS["spread (the scheduler)"]
    another = filled(nodes, asked, spread, ANOTHER_SHARE)
    shares.append(_beside_exact(f"in another order to {ANOTHER_SHARE:.0%}", another))
    _cost()
    if min(shares) < LEAST_SHARE:
        raise BenchmarkError(f"plans free {min(shares):.1%} of what is possible, and are to free {LEAST_SHARE:.0%}")


def _planned(scene: Scene, moves: int) -> tuple[Plan, Scene]:
    made = plan_of(scene, Efficiency(max_moves=moves))
    after, found = rehearse(scene, made.moves)
    if found:
        raise BenchmarkError(f"the rehearsal of a plan ended: {found}")
    return made, after


def _freed(born: dict[str, Scene], before: Scene) -> None:
    print(f"\n{len(before.nodes)} nodes, {len(before.pods)} pods, {sum(free(before).values())} GPUs free")
    shapes = shapes_of(before.nodes)
    rows: list[tuple[str, Scene, Plan | None]] = [(name, scene, None) for name, scene in born.items()]
    for allowed in ALLOWED:
        made, after = _planned(before, allowed)
        rows.append((f"ours, {allowed} moves at most", after, made))
    heads = "".join(f"{f'stranded by {size}':>15}" for size in SIZES)
    print(f"  {'':34}{'in whole nodes':>15}{heads}{'moves':>8}{'gain/price':>12}")
    for name, scene, plan in rows:
        left = "".join(f"{stranded(scene, size):15}" for size in SIZES)
        cost = f"{len(plan.moves):8}{plan.gain / plan.price:12.1f}" if plan and plan.price else ""
        print(f"  {name:34}{blocks(scene, shapes):15}{left}{cost}")


def _beside_exact(how: str, before: Scene) -> float:
    """The share that our plans free of what is possible; all of it where that cannot be told, which is printed."""
    highspy = exact.solver()
    if highspy is None:
        print("\nwhat is possible: not measured, highspy is not installed")
        return 1.0
    shapes = shapes_of(before.nodes)
    print(f"\nGPUs freed in whole nodes' blocks on {PARTS} random parts of the cluster {how}, beside the exact optimum")
    ours, best, missed = Counter[tuple[int, int]](), Counter[tuple[int, int]](), Counter[tuple[int, int]]()
    unproven = 0
    for seed in range(PARTS):
        for allowed in PART_MOVES:
            size = PART_NODES[seed % len(PART_NODES)]
            scene = part(before, size, seed)
            had = blocks(scene, shapes)
            freed = blocks(_planned(scene, allowed)[1], shapes) - had
            optimum = exact.possible(highspy, scene, shapes, allowed, PART_SECONDS)
            possible = round(optimum.found) - had
            unproven += optimum.bound > optimum.found + 0.99
            ours[size, allowed] += freed
            best[size, allowed] += possible
            missed[size, allowed] += freed < possible
    for size, allowed in sorted(best):
        print(f"  {size:3} nodes, {allowed:3} moves: ours +{ours[size, allowed]}, exact +{best[size, allowed]},"
              f" less in {missed[size, allowed]} of {PARTS // len(PART_NODES)}")  # fmt: skip
    print(f"  together +{ours.total()} of +{best.total()}: {ours.total() / best.total():.1%} of what is possible")
    print(f"  {unproven} optima of {PARTS * len(PART_MOVES)} were not proven in {PART_SECONDS:.0f} s", flush=True)
    for allowed in ALLOWED:
        had, bound = blocks(before, shapes), exact.linear_bound(highspy, before, shapes, allowed)
        freed = blocks(_planned(before, allowed)[1], shapes) - had
        print(f"  the whole cluster, {allowed} moves: ours +{freed}, LP bound +{bound - had:.0f}")
    return ours.total() / best.total()


def _cost() -> None:
    kept = to_dict(large())
    started = time.process_time()
    scene = from_dict(kept)
    made = plan_of(scene, Efficiency())
    seconds = time.process_time() - started
    print(f"\n{len(scene.nodes)} nodes, {len(scene.pods)} pods: a plan of {len(made.moves)} moves")
    print(f"  {seconds:.2f} s of processor time, the snapshot's reading included")
    tracemalloc.start()
    plan_of(from_dict(kept), Efficiency())
    print(f"  {tracemalloc.get_traced_memory()[1] / 2**20:.0f} MiB at most")
    tracemalloc.stop()
    draw = random.Random(1)  # noqa: S311 (an order, and no secret)
    same = sum(plan_of(listed_anew(scene, draw), Efficiency()) == made for _time in range(SAME))
    print(f"  the same plan {same} of {SAME} times, each time listed in another order")
