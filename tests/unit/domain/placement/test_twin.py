# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The twin places pods as the scheduler's filters do, and says what it cannot decide."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.names import GPU
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.demands import REQUIRED
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.scene import (
    Budget,
    Node,
    Pod,
    Quota,
    UnreadableSceneError,
    from_dict,
    to_dict,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.twin import Twin, pending
from tests.unit.domain.placement.scenes import model, node, other, replica, scene

ZONE, HOST = "topology.kubernetes.io/zone", "kubernetes.io/hostname"
TAINT = {"key": "team", "value": "a", "effect": "NoSchedule"}


def _term(key: str, **labels: str) -> dict[str, Any]:
    return {"topologyKey": key, "labelSelector": {"matchLabels": labels}}


def _node_affinity(*expressions: dict[str, Any], field: str = "matchExpressions") -> dict[str, Any]:
    return {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [{field: list(expressions)}]}}}


def _away_from(*terms: dict[str, Any]) -> dict[str, Any]:
    return {"podAntiAffinity": {REQUIRED: list(terms)}}


def _with(*terms: dict[str, Any]) -> dict[str, Any]:
    return {"podAffinity": {REQUIRED: list(terms)}}


def _is(operator: str, *values: str, key: str = "size") -> dict[str, Any]:
    return {"key": key, "operator": operator, "values": list(values)}


def _spread(skew: int, key: str = ZONE, **labels: str) -> dict[str, Any]:
    return {"maxSkew": skew, **_term(key, **labels)}


A = node("a", labels={"size": "8", ZONE: "z1"})
B = node("b", labels={ZONE: "z2"})
WEB = {"app": "web"}
FREE: list[tuple[str, list[Node], list[Pod], Pod, list[str]]] = [
    ("a pod that asks for nothing", [A, B], [], other("new"), ["a", "b"]),
    ("all GPUs are taken", [A, B], [other("x", "a", 8)], replica("new"), ["b"]),
    ("one GPU is left of eight", [A, B], [other("x", "a", 7)], replica("new"), ["a", "b"]),
    ("two do not fit where one is left", [A, B], [other("x", "a", 7)], replica("new", gpus=2), ["b"]),
    ("a pod that is leaving holds its room", [A, B], [other("x", "a", 8, leaving=True)], replica("new"), ["b"]),
    ("no CPU is left", [A, B], [other("x", "a", requests={"cpu": 63_000})], replica("new"), ["b"]),
    ("as many pods as a node takes", [node("a", allocatable={"pods": 1}), B], [other("x", "a")], other("new"), ["b"]),
    ("a resource that a node does not have", [A, B], [], other("new", requests={"amd.com/gpu": 1}), []),
    ("another product", [A, node("b", product="L40S")], [], replica("new"), ["a"]),
    ("a taint that nobody tolerates", [replace(A, taints=(TAINT,)), B], [], replica("new"), ["b"]),
    (
        "a taint that the pod tolerates",
        [replace(A, taints=(TAINT,)), B],
        [],
        other("new", tolerations=(dict(TAINT, operator="Equal"),)),
        ["a", "b"],
    ),
    ("a preference is no taint", [replace(A, taints=(dict(TAINT, effect="PreferNoSchedule"),))], [], other("n"), ["a"]),
    ("a cordoned node", [replace(A, cordoned=True), B], [], replica("new"), ["b"]),
    ("an affinity for a label", [A, B], [], other("n", affinity=_node_affinity(_is("In", "8"))), ["a"]),
    ("an affinity against a label", [A, B], [], other("n", affinity=_node_affinity(_is("NotIn", "8"))), ["b"]),
    ("a label that has to be there", [A, B], [], other("n", affinity=_node_affinity(_is("Exists"))), ["a"]),
    ("a label that must not be there", [A, B], [], other("n", affinity=_node_affinity(_is("DoesNotExist"))), ["b"]),
    ("more than seven", [A, B], [], other("n", affinity=_node_affinity(_is("Gt", "7"))), ["a"]),
    ("less than eight", [A, B], [], other("n", affinity=_node_affinity(_is("Lt", "8"))), []),
    (
        "a node by its name",
        [A, B],
        [],
        other("n", affinity=_node_affinity(_is("In", "b", key="metadata.name"), field="matchFields")),
        ["b"],
    ),
    ("no term is for no node", [A], [], other("n", affinity={"nodeAffinity": {REQUIRED: {}}}), []),
    ("an empty term is for no node", [A], [], other("n", affinity=_node_affinity()), []),
    ("a host port that is taken", [A, B], [other("x", "a", ports=("TCP/80/0.0.0.0",))],
     other("n", ports=("TCP/80/10.0.0.1",)), ["b"]),
    ("the same port of another protocol", [A], [other("x", "a", ports=("TCP/80/0.0.0.0",))],
     other("n", ports=("UDP/80/0.0.0.0",)), ["a"]),
    ("the same port of another address", [A], [other("x", "a", ports=("TCP/80/10.0.0.1",))],
     other("n", ports=("TCP/80/10.0.0.2",)), ["a"]),
    ("away from what is there", [A, B], [other("x", "a", labels=WEB)],
     other("n", affinity=_away_from(_term(HOST, **WEB))), ["b"]),
    ("what is there keeps others off", [A, B], [other("x", "a", affinity=_away_from(_term(HOST, **WEB)))],
     other("n", labels=WEB), ["b"]),
    ("it keeps off only those that it means", [A], [other("x", "a", affinity=_away_from(_term(HOST, **WEB)))],
     other("n", labels={"app": "db"}), ["a"]),
    ("it means its own namespace alone", [A], [other("x", "a", affinity=_away_from(_term(HOST, **WEB)))],
     replica("n", labels=WEB), ["a"]),
    ("it is about the whole zone", [A, B, node("c", labels={ZONE: "z1"})],
     [other("x", "a", affinity=_away_from(_term(ZONE, **WEB)))], other("n", labels=WEB), ["b"]),
    ("what cannot be decided keeps everybody off", [A, B],
     [other("x", "a", affinity=_away_from({**_term(HOST, **WEB), "namespaceSelector": {"matchLabels": {"t": "1"}}}))],
     replica("n", labels=WEB), ["b"]),
    ("what cannot be decided keeps off those alone that it could mean", [A, B],
     [other("x", "a", affinity=_away_from({**_term(HOST, **WEB), "namespaceSelector": {"matchLabels": {"t": "1"}}}))],
     replica("n"), ["a", "b"]),
    ("beside what is there", [A, B], [other("x", "a", labels=WEB)],
     other("n", affinity=_with(_term(HOST, **WEB))), ["a"]),
    ("the first of its kind", [A, B], [], other("n", labels=WEB, affinity=_with(_term(HOST, **WEB))), ["a", "b"]),
    ("beside what is nowhere", [A, B], [], other("n", affinity=_with(_term(HOST, **WEB))), []),
    ("a zone that has one already", [A, B], [other("x", "a", labels=WEB)],
     other("n", labels=WEB, spread=(_spread(1, **WEB),)), ["b"]),
    ("a skew that allows two", [A, B], [other("x", "a", labels=WEB)],
     other("n", labels=WEB, spread=(_spread(2, **WEB),)), ["a", "b"]),
    ("for a selector of all pods none is counted", [A, B], [other("x", "a", labels=WEB)],
     other("n", labels=WEB, spread=({"maxSkew": 1, "topologyKey": ZONE, "labelSelector": {}},)), ["a", "b"]),
    ("a pod that leaves is not counted", [A, B], [other("x", "a", labels=WEB, leaving=True)],
     other("n", labels=WEB, spread=(_spread(1, **WEB),)), ["a", "b"]),
    ("a node without the label of the topology", [A, node("c")], [],
     other("n", labels=WEB, spread=(_spread(1, **WEB),)), ["a"]),
    ("a zone that its selector leaves out", [A, B], [other("x", "a", labels=WEB)],
     other("n", labels=WEB, selector={"size": "8"}, spread=(_spread(1, **WEB),)), ["a"]),
    ("room that is being cleared for another", [A, B], [other("x", gpus=8, nominated="a")], replica("n"), ["b"]),
]  # fmt: skip


@pytest.mark.parametrize(("nodes", "pods", "new", "expected"), [row[1:] for row in FREE], ids=[row[0] for row in FREE])
def test_a_pod_fits_where_the_scheduler_may_put_it(
    nodes: list[Node], pods: list[Pod], new: Pod, expected: list[str]
) -> None:
    twin = Twin(scene(nodes, [*pods, new]))
    assert twin.feasible(new) == expected
    assert [one.name for one in nodes if not twin.why_not(new, one.name)] == expected, "the words say otherwise"


def test_what_is_removed_makes_room_and_keeps_nobody_off() -> None:
    there = other("x", "a", 8, affinity=_away_from(_term(HOST, **WEB)))
    twin = Twin(scene([A], [there]))
    new = other("n", labels=WEB)
    assert twin.feasible(new) == []
    assert twin.remove(there.key) is there
    assert twin.feasible(new) == ["a"]
    assert twin.free_gpus("a") == 8


def test_a_pod_whose_room_was_kept_takes_it_once() -> None:
    cleared = replica("n", gpus=8, nominated="a")
    twin = Twin(scene([A], [cleared]))
    twin.place(cleared, "a")
    assert twin.free_gpus("a") == 0
    twin.remove(cleared.key)
    assert twin.free_gpus("a") == 8


def test_pods_wait_in_the_order_of_the_scheduler() -> None:
    waiting = [
        replica("c"),
        replica("b", gpus=4),
        replica("a", priority=9),
        replica("d", leaving=True),
        replica("e", "x"),
    ]
    assert [pod.key.split("/")[1] for pod in pending(waiting)] == ["a", "b", "c"]


def test_a_snapshot_is_read_again_as_it_was() -> None:
    full = scene(
        [replace(A, taints=(TAINT,), leave=True, closed="it is not ready"), B],
        [replica("x", "a", moved=5.0), other("y", affinity=_away_from(_term(HOST, **WEB)), spread=(_spread(1),))],
        model(wanted=0.5),
        budgets=(Budget("ns/b", {"matchLabels": WEB}, 1),),
        quotas=(Quota("ns/q", {f"requests.{GPU}": 4}, ({"scopeName": "Terminating", "operator": "Exists"},)),),
        unread=("pods of others",),
    )
    assert from_dict(json.loads(json.dumps(to_dict(full)))) == full


DAMAGED = [
    None,
    [],
    {},
    {"version": 2},
    {"version": 1},
    {"version": 1, "nodes": [], "pods": [{}]},
    {"version": 1, "nodes": 3},
    {"version": 1, "taken": 1, "nodes": [], "pods": [{"key": "a/b", "requests": {"cpu": "1"}}]},
    {"version": 1, "taken": 1, "nodes": [{"name": "a", "allocatable": {}, "gpu": 1}], "pods": []},
    {"version": 1, "taken": 1, "nodes": [], "pods": [], "model": []},
]


@pytest.mark.parametrize("data", DAMAGED)
def test_what_is_no_snapshot_is_refused_in_words(data: Any) -> None:
    with pytest.raises(UnreadableSceneError, match=r"a snapshot of version 1 is needed|the snapshot is not as it was"):
        from_dict(data)


_SIZES = st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 8)), max_size=12)


@given(_SIZES)
def test_room_is_what_is_left_whatever_comes_and_leaves(sizes: list[tuple[str, int]]) -> None:
    twin = Twin(scene([A, B], []))
    before = {name: dict(room) for name, room in twin.free.items()}
    pods = [other(str(number), gpus=size) for number, (_where, size) in enumerate(sizes)]
    for pod, (where, _size) in zip(pods, sizes, strict=True):
        if fits := twin.fits(pod, where):
            twin.place(pod, where)
        assert fits == (pod.key in twin.where)
        assert twin.free[where][GPU] >= 0
    for pod in pods:
        if pod.key in twin.where:
            twin.remove(pod.key)
    assert twin.free == before
