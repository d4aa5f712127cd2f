# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which moves, if any, are worth what they cost: the plan of one scene, by what its contract agreed."""

from __future__ import annotations

from dataclasses import dataclass

from ..contract.defaults import said
from ..contract.durations import parse_duration
from ..contract.schema import SCHEMA
from ..contract.typed import Contract
from .plan import Plan, rehearse
from .scene import Scene, in_order
from .search import Bounds, Search

NEVER, RECOMMEND, EXECUTE = "never", "recommend", "execute"
_HOUR = 3600


@dataclass(frozen=True, slots=True)
class Efficiency:
    """The contract's ``efficiency``. cooldown: seconds between two plans, and so how long a freed block can matter."""

    mode: str = RECOMMEND
    max_moves: int = 20
    cooldown: float = 86_400.0
    ratio: float = 2.0


def efficiency_of(contract: Contract) -> Efficiency:
    """What a contract says of it."""
    agreed = {key: said(contract, SCHEMA, "efficiency", key) for key in ("mode", "max_moves", "cooldown", "ratio")}
    return Efficiency(
        mode=str(agreed["mode"]),
        max_moves=int(agreed["max_moves"]),
        cooldown=parse_duration(str(agreed["cooldown"])).total_seconds(),
        ratio=float(agreed["ratio"]),
    )


def plan_of(scene: Scene, agreed: Efficiency) -> Plan:
    """The plan: moves that are worth it together, or why there are none. The same scene always has the same plan."""
    if agreed.mode == NEVER:
        return Plan(why="the contract's efficiency.mode is never")
    if scene.consolidated is not None and scene.taken - scene.consolidated < agreed.cooldown:
        ago = (scene.taken - scene.consolidated) / _HOUR
        why = f"the last plan was carried out {ago:.1f} h ago, and efficiency.cooldown is {agreed.cooldown / _HOUR:g} h"
        return Plan(why=why)
    scene = in_order(scene)
    search = Search(scene, Bounds(agreed.max_moves, agreed.ratio, agreed.cooldown))
    made = Plan(tuple(search.run()), stays=tuple(search.stays().most_common()), unproven=_unproven(scene))
    return _worth_it(scene, made, agreed.ratio)


def _worth_it(scene: Scene, made: Plan, ratio: float) -> Plan:
    """A plan that its own rehearsal, and its price, bear out; else why there is none."""
    if not made.packages:
        return _none(made, "no move is worth its price")
    if made.gain < ratio * made.price:
        return _none(made, f"a gain of {made.gain:.0f} GPU-seconds for {made.price:.0f} is not {ratio:g} times as much")
    _after, found = rehearse(scene, made.moves)
    return _none(made, f"its rehearsal ended: {found}") if found else made


def _none(made: Plan, why: str) -> Plan:
    return Plan(why=why, stays=made.stays, unproven=made.unproven)


def _unproven(scene: Scene) -> tuple[str, ...]:
    """What nobody has measured, by model: its loads, how often it wants more, and what its traffic needs."""
    loads = [one.name for one in scene.models if not one.loads]
    wants = [one.name for one in scene.models if one.wanted is None]
    found = [f"load times of {', '.join(loads)}: the longest that a load may take is assumed"] if loads else []
    found += [f"wishes for another replica of {', '.join(wants)}: a block for one counts nothing"] if wants else []
    traffic = [one.name for one in scene.models if one.needed is None]
    found += [f"replicas that the traffic of {', '.join(traffic)} needs: all are kept"] if traffic else []
    return (*scene.unread, *found)
