# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signs that are about the same fault of the same thing, together."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from .policy import Row
from .signs import Gpu, Sign
from .world import World

_TOGETHER = 600.0
"""Seconds: codes that one fault writes come within minutes of each other."""
_REMOVED, _DOUBLE_BIT, _WHERE = 45, 48, (171, 172)
_OF_ALL = ("unknown_condition", "source_incomplete")
_MANY, _MOST = 10, 0.5


@dataclass(frozen=True)
class Group:
    """The signs of one fault: of a GPU, of a pod, of a node, or (without a node) of the whole cluster."""

    row: Row
    node: str
    gpu: Gpu
    pod: str
    signs: tuple[Sign, ...]


def grouped(world: World, signs: Iterable[Sign]) -> list[Group]:
    """Each sign in one group, by its class in the policy; what only follows from another code is left out."""
    by_node: dict[str, list[Sign]] = defaultdict(list)
    for sign in signs:
        by_node[sign.node].append(replace(sign, gpu=world.gpu(sign.node, sign.gpu)) if sign.gpu else sign)
    found: dict[tuple[str, str, str, str], list[tuple[Row, Sign]]] = defaultdict(list)
    everywhere = _everywhere(world, by_node.values())
    for node, here in by_node.items():
        codes = [sign for sign in here if sign.xid and sign.xid != _REMOVED]
        for row, sign in _classified(world, here, codes):
            of_all = row.fault in _OF_ALL or (sign.signal, sign.text) in everywhere
            place = ("", sign.text if of_all else "", "") if of_all else (node, *_part(row, sign))
            found[(row.fault, *place)].append((row, sign))
    return [_group(rows) for rows in _adopted(found).values()]


def _classified(world: World, signs: Iterable[Sign], codes: list[Sign]) -> Iterator[tuple[Row, Sign]]:
    doubles = [sign for sign in signs if sign.xid == _DOUBLE_BIT or sign.signal == "double_bit_errors"]
    for sign in signs:
        if sign.xid == _REMOVED:
            if any(abs(other.seen - sign.seen) <= _TOGETHER for other in codes):
                continue
            if sign.follows:
                # The line of the code that it follows from is lost.
                sign = replace(sign, signal=f"xid {sign.follows}")
        about = sign
        if sign.xid in _WHERE:
            about = next((one for one in doubles if not one.gpu or not sign.gpu or one.gpu == sign.gpu), sign)
        yield _row(world, about), sign


def _row(world: World, sign: Sign) -> Row:
    if sign.xid:
        return world.policy.row_of_xid(sign.xid, sign.says)
    row = world.policy.row_of(sign.signal) or world.policy.row_of(sign.instead)
    return row or world.policy.rows[world.policy.index["unknown_condition"]]


def _part(row: Row, sign: Sign) -> tuple[str, str]:
    if row.scope == "gpu":
        return sign.gpu.name, ""
    return "", sign.pod


def _everywhere(world: World, by_node: Iterable[list[Sign]]) -> set[tuple[str, str]]:
    """What is said of the sources of most GPU nodes alike: one finding tells it better than a thousand."""
    gpu_nodes = sum(1 for node in world.nodes.values() if node["gpu"])
    if gpu_nodes < _MANY:
        return set()
    counts = Counter(
        (sign.signal, sign.text) for signs in by_node for sign in signs if sign.signal.startswith("source_")
    )
    return {what for what, times in counts.items() if times > _MOST * gpu_nodes}


def _adopted(
    found: dict[tuple[str, str, str, str], list[tuple[Row, Sign]]],
) -> dict[tuple[str, str, str, str], list[tuple[Row, Sign]]]:
    """What a source says of no GPU in particular is of the one that another source names, where there is one only."""
    named: dict[tuple[str, str], list[tuple[str, str, str, str]]] = defaultdict(list)
    for key in found:
        if key[1] and key[2] and found[key][0][0].scope == "gpu":
            named[key[:2]].append(key)
    for key in [key for key in found if key[1] and not key[2]]:
        if len(others := named.get(key[:2], [])) == 1:
            found[others[0]].extend(found.pop(key))
    return found


def _group(rows: list[tuple[Row, Sign]]) -> Group:
    row = rows[0][0]
    signs = tuple(sorted((sign for _row, sign in rows), key=lambda sign: sign.seen, reverse=True))
    if len({sign.node for sign in signs}) > 1 or row.fault in _OF_ALL:
        return Group(row, "", Gpu(), "", signs)
    gpu = max((sign.gpu for sign in signs), key=lambda one: (bool(one.uuid), bool(one.pci), bool(one.index)))
    return Group(row, signs[0].node, gpu if row.scope == "gpu" else Gpu(), signs[0].pod, signs)
