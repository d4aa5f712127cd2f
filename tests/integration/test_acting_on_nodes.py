# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the node medic cannot do with its own token, call by call: each was let in before."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._vocabulary.annotations import REPLACED_ANNOTATION
from byoc_testbed.api import APPLY, MERGE, STRATEGIC
from tests.integration.acting import (
    DEPLOYMENTS,
    NODES,
    OURS,
    PODS,
    Manifest,
    answer,
    cleaned,
    deployment,
    governed_place,
    pods_of,
    running,
)
from tests.integration.guarded import Governed, until


@pytest.fixture(scope="module")
def place() -> Iterator[Governed]:
    yield from governed_place()


@pytest.fixture(autouse=True)
def clean(place: Governed) -> Iterator[None]:
    yield from cleaned(place)


def test_the_medic_cannot_make_the_customers_own_appliers_remove_what_they_never_set(place: Governed) -> None:
    """managedFields are not looked at: what another manager is said to own, it removes with its next apply."""
    admin, medic, node = place.cluster.api, place.acting_as("node-medic"), f"{NODES}/{place.cluster.nodes[0]}"
    name = place.cluster.nodes[0]
    applied = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {"acme.example/a": "1"}}}
    admin.request("PATCH", f"{node}?fieldManager=gitops", applied, APPLY)
    admin.request("PATCH", node, {"metadata": {"labels": {"acme.example/pool": "gold"}}}, MERGE)
    admin.request("PATCH", node, {"spec": {"unschedulable": True}}, MERGE)
    entries = medic.request("GET", node)["metadata"]["managedFields"]
    [theirs] = [one for one in entries if one["manager"] == "gitops"]
    theirs["fieldsV1"]["f:metadata"]["f:labels"] |= {"f:acme.example/pool": {}, "f:nvidia.com/gpu.product": {}}
    theirs["fieldsV1"]["f:spec"] = {"f:unschedulable": {}}
    for other in (one for one in entries if one is not theirs):
        for key in ("f:acme.example/pool", "f:nvidia.com/gpu.product"):
            other["fieldsV1"].get("f:metadata", {}).get("f:labels", {}).pop(key, None)
        other["fieldsV1"].get("f:spec", {}).pop("f:unschedulable", None)
    said = answer(medic, "PATCH", node, {"metadata": {"managedFields": entries, "annotations": {OURS + "z": "1"}}})
    admin.request("PATCH", f"{node}?fieldManager=gitops", applied, APPLY)
    live = admin.request("GET", node)
    assert (live["metadata"]["labels"].get("acme.example/pool"), live["spec"].get("unschedulable")) == ("gold", True)
    assert said


def test_the_medic_cannot_fill_a_node_until_its_kubelet_cannot_write_it(place: Governed) -> None:
    admin, medic, node = place.cluster.api, place.acting_as("node-medic"), f"{NODES}/{place.cluster.nodes[1]}"
    answer(medic, "PATCH", node, {"metadata": {"annotations": {OURS + "x": "x" * 261_000}}})
    count = 0
    for size in (2600, 1300, 600, 300, 100, 50, 20, 10, 5, 2, 1, 1):
        for _ in range(12):
            count += 1
            more = {f"{OURS}{'q' * 40}-{count}-{number:05d}": "v" * 63 for number in range(size)}
            if answer(medic, "PATCH", node, {"metadata": {"labels": more}}):
                break
    condition = {"type": "Sick", "status": "True", "reason": "r" * 300, "message": "m" * 500}
    assert answer(admin, "PATCH", f"{node}/status", {"status": {"conditions": [condition]}}, STRATEGIC) == ""
    taint = {"key": "acme.example/x", "value": "z" * 60, "effect": "NoSchedule"}
    assert answer(admin, "PATCH", node, {"spec": {"taints": [taint]}}, MERGE) == ""


def test_the_medic_cannot_keep_the_customers_annotations_off_a_node(place: Governed) -> None:
    admin, medic, node = place.cluster.api, place.acting_as("node-medic"), f"{NODES}/{place.cluster.nodes[1]}"
    answer(medic, "PATCH", node, {"metadata": {"annotations": {OURS + "x": "x" * 261_000}}})
    assert answer(admin, "PATCH", node, {"metadata": {"annotations": {"acme.example/note": "y" * 1200}}}) == ""


def test_the_medic_neither_gives_nor_takes_an_empty_maintenance_label(place: Governed) -> None:
    admin, medic, node = place.cluster.api, place.acting_as("node-medic"), f"{NODES}/{place.cluster.nodes[2]}"
    given = answer(medic, "PATCH", node, {"metadata": {"labels": {OURS + "maintenance": ""}}})
    admin.request("PATCH", node, {"metadata": {"labels": {OURS + "maintenance": ""}}}, MERGE)
    taken = answer(medic, "PATCH", node, {"metadata": {"labels": {OURS + "maintenance": None}}})
    assert given
    assert taken


def test_the_medic_does_not_uncordon_what_the_customer_cordoned(place: Governed) -> None:
    admin, medic, node = place.cluster.api, place.acting_as("node-medic"), f"{NODES}/{place.cluster.nodes[2]}"
    admin.request("PATCH", node, {"spec": {"unschedulable": True}}, MERGE)
    assert answer(medic, "PATCH", node, {"spec": {"unschedulable": None}})


def test_where_drains_need_an_approval_the_medic_empties_no_node_without_one(place: Governed) -> None:
    """It takes a pod from its ReplicaSet, waits for another on an empty node, and returns it: the ReplicaSet then has
    one too many, and deletes one of those that are together on a node."""
    medic, (first, second, third) = place.acting_as("node-medic"), place.cluster.nodes[:3]

    def cordon(node: str, is_cordoned: bool) -> None:
        patch = {"spec": {"unschedulable": is_cordoned or None}}
        place.cluster.request("PATCH", f"{NODES}/{node}", patch, MERGE)

    def there() -> list[Manifest]:
        return [one for one in pods_of(place, "llama") if one["spec"].get("nodeName") == first]

    cordon(second, True)
    cordon(third, True)
    place.acting_as("deployer").request("POST", DEPLOYMENTS, deployment("llama", replicas=4))
    until(lambda: running(place, "llama") == 4, "they do not run")
    assert len(there()) == 4
    before = {one["metadata"]["uid"] for one in there()}
    for node, is_cordoned in ((first, True), (second, False), (third, False)):
        cordon(node, is_cordoned)
    time.sleep(1)
    for _ in range(2):
        taken = there()[0]["metadata"]
        [owner], own = taken["ownerReferences"], taken["labels"]["pod-template-hash"]
        notes = {REPLACED_ANNOTATION: f"{owner['kind']} {owner['name']} x"}
        path = f"{PODS}/{taken['name']}"
        if answer(medic, "PATCH", path, {"metadata": {"labels": {"pod-template-hash": None}, "annotations": notes}}):
            break
        until(lambda: running(place, "llama") == 5, "no replacement")
        time.sleep(5)  # until it is ready: one that is not is the first to be deleted
        answer(medic, "PATCH", path, {"metadata": {"labels": {"pod-template-hash": own}}})
        time.sleep(3)
    assert {one["metadata"]["uid"] for one in there()} == before, "healthy pods left the node, and nobody granted it"
