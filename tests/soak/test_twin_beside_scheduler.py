# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The twin beside the testbed's real scheduler, on 500 generated scenes: the same nodes for each pod that asks.

The table is build/twin.md. What the twin does not model it says, and no node is proven there; where a pod that runs
demands such a thing of others, the twin keeps all of them off. Any other difference fails.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.reading import scene_of
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.scene import Pod, Scene
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.twin import Twin
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.table import table
from tests.integration.asked_scheduler import AskedScheduler, asked_scheduler
from tests.integration.raw_scenes import Drawn

SCENES, TOGETHER = 500, 25
SAME = 0.995
TABLE = Path(__file__).parents[2] / "build/twin.md"
_CAUTIOUS = "a pod that runs selects namespaces by their labels: the twin keeps off all that it could mean"


@dataclass
class Row:
    """What the scenes of one case came to."""

    scenes: int = 0
    asked: int = 0
    same: int = 0
    cautious: int = 0
    not_modelled: int = 0
    decisions: int = 0
    feasible: int = 0


ROWS: dict[int, Row] = {}


@pytest.fixture(scope="module")
def asked() -> Iterator[AskedScheduler]:
    with asked_scheduler() as found:
        yield found
    rows = [{"from scene": number * TOGETHER, **vars(row)} for number, row in sorted(ROWS.items())]
    rows.append({"from scene": "all", **{key: sum(row[key] for row in rows) for key in vars(Row())}})
    TABLE.parent.mkdir(exist_ok=True)
    TABLE.write_text(table(rows, tuple(rows[0])) + "\n", encoding="utf-8")


def _told(scene: Scene, twin: Twin, pod: Pod, real: list[str]) -> tuple[str, str]:
    """The kind of a difference, and the difference in words."""
    vague = any(
        not other.leaving and "podAntiAffinity" in " ".join(other.unknown) for other in scene.pods if other.node
    )
    mine = twin.feasible(pod)
    lines = [f"{pod.key}: the scheduler says {real}, the twin {mine}"]
    lines += [f"  {name}: {twin.why_not(pod, name)}" for name in sorted(set(real) - set(mine))]
    reasons = {why for name in set(real) - set(mine) for why in twin.why_not(pod, name)}
    only = all(why.startswith("the podAntiAffinity of a pod that runs") for why in reasons)
    kind = _CAUTIOUS if vague and only and not set(mine) - set(real) else ""
    return kind, "\n".join(lines)


@pytest.mark.soak(sample=1)
@pytest.mark.parametrize("number", range(SCENES // TOGETHER))
def test_the_twin_has_the_same_nodes_as_the_scheduler(asked: AskedScheduler, number: int) -> None:
    row = ROWS.setdefault(number, Row())
    wrong: list[str] = []
    for index in range(number * TOGETHER, (number + 1) * TOGETHER):
        drawn = Drawn(f"twin {index}", f"s{index}")
        try:
            nodes, pods = asked.lay_out(drawn)
            real = asked.answers(drawn)
        finally:
            asked.clear()
        scene = scene_of(taken=0.0, nodes=nodes, pods=pods, contract={"identity": {"name": "x"}, "models": []})
        _compare(scene, real, row, wrong)
    assert not wrong, "\n".join(wrong)
    assert row.same + row.cautious == row.asked
    assert row.feasible > row.scenes, "the scenes are too full to say anything"


def _compare(scene: Scene, real: dict[str, list[str]], row: Row, wrong: list[str]) -> None:
    twin, pods = Twin(scene), {pod.key: pod for pod in scene.pods}
    row.scenes += 1
    for key, names in real.items():
        pod: Any = pods[key]
        if pod.unknown:
            row.not_modelled += 1
            continue
        row.asked += 1
        row.decisions += len(scene.nodes)
        row.feasible += len(names)
        if twin.feasible(pod) == names:
            row.same += 1
            continue
        kind, said = _told(scene, twin, pod, names)
        row.cautious += bool(kind)
        if not kind:
            wrong.append(said)
