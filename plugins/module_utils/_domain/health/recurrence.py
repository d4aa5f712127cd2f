# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How often a fault came back, and what that changes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from .actions import empties_the_node
from .gathering import is_last_value
from .grouping import Group
from .policy import Recurrence
from .world import World

Spread = dict[tuple[str, str], set[str]]

_ONE_INCIDENT = 600.0
"""Seconds: a fault writes many lines, and several sources tell of it. Within this they are one incident."""


def incidents(moments: Iterable[float]) -> list[float]:
    """The moments at which something happened, each burst counted once."""
    found: list[float] = []
    last = None
    for at in sorted(moments):
        if last is None or at - last > _ONE_INCIDENT:
            found.append(at)
        last = at
    return found


def moments_of(world: World, group: Group, unit: str | None = None) -> Iterator[float]:
    """When the fault was seen, by its signs and by what the node remembers; of one unit of the GPU, if it is given."""
    for sign in group.signs:
        if not is_last_value(sign) and (unit is None or sign.unit == unit):
            yield sign.at if sign.at is not None else sign.seen
    if unit is None and group.node:
        names = {group.gpu.uuid, group.gpu.pci, group.gpu.index, ""} if group.gpu else None
        for entry in world.nodes[group.node]["history"]:
            same = entry.get("fault") == group.row.fault and (names is None or entry.get("gpu") in names)
            if same and entry.get("at"):
                yield entry["at"]


def recurred(world: World, group: Group, gpus: Spread) -> tuple[int, Recurrence | None]:
    """How many incidents of the fault are known, and the last rule of the policy that they meet.

    gpus: what ``spread`` found; what one model's replicas do on several GPUs is the program's fault, and no GPU's.
    """
    seen = incidents(moments_of(world, group))
    met = [rule for rule in _rules(world, group) if _meets(world, group, rule)]
    if any(len(gpus.get((group.row.fault, model), ())) > 1 for model in _models(world, group)):
        met = []
    return len(seen), met[-1] if met else None


def spread(world: World, groups: Iterable[Group]) -> Spread:
    """By fault of a program and model, the GPUs on which it was seen; under no model where nobody knows which ran."""
    found: Spread = defaultdict(set)
    for group in groups:
        if group.row.action == "restart_pod" and group.gpu:
            for model in _models(world, group):
                found[group.row.fault, model].add(f"{group.node}/{group.gpu.name}")
    return found


def _models(world: World, group: Group) -> list[str]:
    replicas, _exact = world.affected(group.node, group.gpu, group.pod)
    return sorted({pod["model"] for pod in replicas}) or [""]


def _rules(world: World, group: Group) -> Iterator[Recurrence]:
    yield from group.row.recurrence
    limits = world.policy.limits
    if group.row.scope == "gpu" and empties_the_node(group.row.action):
        yield Recurrence(
            "gpu",
            int(limits["fatal_repeats"]),
            limits["fatal_repeats_within"],
            "inspect",
            "repairs of this GPU do not last",
        )


def _meets(world: World, group: Group, rule: Recurrence) -> bool:
    units = {sign.unit for sign in group.signs if sign.unit} if rule.same == "unit" else [None]
    for unit in units:
        seen = [at for at in incidents(moments_of(world, group, unit)) if world.now - at <= rule.within]
        if len(seen) < rule.times:
            continue
        boot = world.boots.get(group.node)
        if not rule.across_boot or (boot is not None and seen[0] < boot <= seen[-1]):
            return True
    return False
