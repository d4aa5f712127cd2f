# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pods on a node that cannot answer: which count as gone, which are held, and how many others have to serve."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._kube.evicted import replacements, wanted_ready
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.pods import Pod, pod_of
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.unended import (
    ANSWERING,
    OFF,
    SILENT,
    fate,
    silence_of,
    volume_lock,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._vocabulary.annotations import REPLACED_ANNOTATION

# When a pod that was asked to leave at 1000, and has 30 s for it, is to be gone.
ENDS, ENDS_AT = 1030.0, "1970-01-01T00:17:10Z"
UNREACHABLE = "node.kubernetes.io/unreachable"
OUT = "node.kubernetes.io/out-of-service"


def pod(uid: str = "1", kind: str = "ReplicaSet", *, leaving: bool = True, ready: bool = False, **more: Any) -> Pod:
    owner = [{"kind": kind, "name": "web", "uid": "o", "controller": True}] if kind else []
    metadata: dict[str, Any] = {"name": f"web-{uid}", "namespace": "n", "uid": uid, "ownerReferences": owner}
    if leaving:
        metadata |= {"deletionTimestamp": ENDS_AT, "deletionGracePeriodSeconds": 30}
    metadata |= {key: more[key] for key in ("labels", "annotations") if key in more}
    status = {"phase": more.get("phase", "Running"), "conditions": [{"type": "Ready", "status": str(ready)}]}
    return pod_of({"metadata": metadata, "spec": {"volumes": more.get("volumes", [])}, "status": status})


@pytest.mark.parametrize(
    ("ready", "taints", "expected"),
    [
        ("Unknown", [], SILENT),
        ("Unknown", [UNREACHABLE], SILENT),
        ("Unknown", [UNREACHABLE, OUT], OFF),
        ("True", [], ANSWERING),
        ("True", [UNREACHABLE], ANSWERING),  # the taint goes a moment later
        ("True", [OUT], ANSWERING),
        ("False", ["node.kubernetes.io/not-ready"], ANSWERING),  # its kubelet says so itself
        (None, [UNREACHABLE], SILENT),
        (None, [], ANSWERING),
    ],
)
def test_a_node_is_silent_when_nobody_knows_whether_it_is_ready(
    ready: str | None, taints: list[str], expected: str
) -> None:
    conditions = [
        {"type": "DiskPressure", "status": "Unknown"},
        *([{"type": "Ready", "status": ready}] if ready else []),
    ]
    node = {"spec": {"taints": [{"key": key} for key in taints]}, "status": {"conditions": conditions}}
    assert silence_of(node) == expected


def test_a_node_that_was_not_read_is_not_silent() -> None:
    assert silence_of(None) == ANSWERING
    assert silence_of({"metadata": {"name": "a"}}) == ANSWERING


@pytest.mark.parametrize(
    ("given", "silence", "now", "asked", "waiting", "state", "why"),
    [
        (pod(), SILENT, 1030, 1000, "", "gone", "its replacement is Ready"),
        (pod(), SILENT, 1030, 0, "", "gone", "its replacement is Ready"),
        (pod(kind=""), SILENT, 1030, 1000, "", "gone", "nothing replaces it"),
        (pod(kind="ReplicationController"), SILENT, 1030, 0, "", "gone", "counts as gone"),
        (pod(kind="Job"), SILENT, 1030, 0, "", "gone", "counts as gone"),
        (pod(), SILENT, 1029, 0, "", "leaving", "grace period is over at 1970-01-01 00:17:10 UTC"),
        (pod(), SILENT, 1030, 0, "1 of 2 pods are Ready", "leaving", "is not Ready: 1 of 2 pods are Ready"),
        # Our clock is five minutes ahead: a pod that was evicted just now keeps its time.
        (pod(), SILENT, 1305, 1300, "", "leaving", "grace period is over at 1970-01-01 00:22:10 UTC"),
        (pod(leaving=False), SILENT, 9999, 0, "", "leaving", ""),
        (pod(), ANSWERING, 9999, 0, "", "leaving", ""),
        (pod(kind="StatefulSet"), ANSWERING, 9999, 0, "", "leaving", ""),
        (pod(), OFF, 9999, 0, "", "leaving", "Kubernetes is to remove it"),
        (pod(kind="StatefulSet"), OFF, 9999, 0, "", "leaving", "Kubernetes is to remove it"),
    ],
)
def test_a_pod_that_nobody_ends_counts_as_gone_after_its_grace_period_once_another_serves(
    given: Pod, silence: str, now: float, asked: float, waiting: str, state: str, why: str
) -> None:
    found = fate(given, silence, now, asked, "", waiting, "")
    assert found[0] == state
    assert why in found[1]
    assert bool(why) is bool(found[1])


def test_a_pod_of_which_no_end_can_be_read_does_not_count_as_gone() -> None:
    live = {"metadata": {"name": "a", "uid": "u", "deletionTimestamp": "soon"}}
    assert fate(pod_of(live), SILENT, 9e9, 0, "", "", "")[0] == "leaving"


@pytest.mark.parametrize(
    ("now", "waiting", "silence", "state"),
    [
        (1030, "", SILENT, "held"),
        (1029, "", SILENT, "leaving"),  # its grace period is not over
        (1030, "1 of 3 pods are Ready", SILENT, "leaving"),  # another is on its way
        (1030, "", ANSWERING, "leaving"),
        (1030, "", OFF, "leaving"),
    ],
)
def test_a_pod_whose_replacement_fits_no_node_waits_for_a_person(
    now: float, waiting: str, silence: str, state: str
) -> None:
    found, why = fate(pod(), silence, now, 0, "", waiting, "0/2 nodes are available")
    assert found == state
    assert ("fits no node (0/2 nodes are available)" in why) is (state == "held")


@pytest.mark.parametrize(
    ("states", "waiting", "lost", "nowhere"),
    [
        (["ready", "ready"], "", 0, ""),
        (["ready", "starting"], "1 of 2 pods are Ready", 0, ""),
        (["ready", "lost"], "", 1, "no room"),
        (["ready", "ready", "lost"], "", 1, ""),  # a rollout's, say: enough are Ready
        (["lost"], "1 of 2 pods are Ready", 1, "no room"),
        ([], "0 of 2 pods are Ready", 0, ""),
    ],
)
def test_replacements_that_fit_no_node_are_told_from_those_that_are_ready(
    states: list[str], waiting: str, lost: int, nowhere: str
) -> None:
    others = [
        replace(pod(str(number), leaving=False, ready=state == "ready"), unschedulable="no room" * (state == "lost"))
        for number, state in enumerate(states)
    ]
    found = replacements("ReplicaSet web (o)", 2, [*others, pod("old", leaving=True, ready=True)])
    assert (found.waiting, len(found.lost), found.nowhere) == (waiting, lost, nowhere)


@pytest.mark.parametrize(
    ("given", "locked", "why"),
    [
        (pod(kind="StatefulSet"), "", "it belongs to a StatefulSet"),
        (pod(kind="LeaderWorkerSet"), "", "it belongs to a LeaderWorkerSet"),
        (pod(kind="StrimziPodSet"), "", "it belongs to a StrimziPodSet"),
        (pod(kind="VirtualMachineInstance"), "", "it belongs to a VirtualMachineInstance"),
        (pod(kind="", labels={"statefulset.kubernetes.io/pod-name": "web-1"}), "", "a place of its own"),
        (pod(labels={"leaderworkerset.sigs.k8s.io/name": "web"}), "", "a place of its own"),
        (pod(kind="Job", annotations={"batch.kubernetes.io/job-completion-index": "0"}), "", "a place of its own"),
        (pod(), "its volume claim data is ReadWriteOnce", "its volume claim data is ReadWriteOnce"),
    ],
)
def test_a_pod_that_must_not_run_twice_is_held_whatever_else_serves(given: Pod, locked: str, why: str) -> None:
    state, said = fate(given, SILENT, 9999, 0, locked, "", "")
    assert state == "held"
    assert said == f"{said.split(',')[0]}, and its node cannot answer: it may still run there"
    assert why in said


@pytest.mark.parametrize(
    ("asked", "given", "expected"),
    [
        (["ReadWriteOnce"], None, "its volume claim data is ReadWriteOnce"),
        (["ReadWriteOncePod"], ["ReadWriteOncePod"], "its volume claim data is ReadWriteOncePod"),
        (["ReadWriteOnce", "ReadOnlyMany"], None, "its volume claim data is ReadWriteOnce"),
        (["ReadWriteMany"], ["ReadWriteMany"], ""),
        (["ReadOnlyMany"], ["ReadOnlyMany"], ""),
        (["ReadWriteOnce"], ["ReadWriteOnce", "ReadWriteMany"], ""),  # the volume can do more than was asked for
        ([], None, "its volume claim data has no access mode"),
    ],
)
def test_a_claim_says_whether_its_volume_may_be_used_on_several_nodes(
    asked: list[str], given: list[str] | None, expected: str
) -> None:
    claim = {"metadata": {"name": "data"}, "spec": {"accessModes": asked}, "status": {"accessModes": given}}
    assert volume_lock(claim) == expected


@pytest.mark.parametrize(
    ("volume", "locked"),
    [
        ({"emptyDir": {}}, ""),
        ({"nfs": {"server": "a", "path": "/"}}, ""),
        ({"csi": {"driver": "secrets-store.csi.k8s.io"}}, ""),
        ({"ephemeral": {"volumeClaimTemplate": {"spec": {"accessModes": ["ReadWriteOnce"]}}}}, ""),
        ({"persistentVolumeClaim": {"claimName": "data"}}, ""),
        (
            {"awsElasticBlockStore": {"volumeID": "v"}},
            "its volume data (awsElasticBlockStore) is on one node at a time",
        ),
        ({"iscsi": {"lun": 0}}, "its volume data (iscsi) is on one node at a time"),
        ({"rbd": {"image": "i"}}, "its volume data (rbd) is on one node at a time"),
    ],
)
def test_a_volume_without_a_claim_is_known_by_its_kind(volume: dict[str, Any], locked: str) -> None:
    found = pod(volumes=[{"name": "data", **volume}])
    assert found.locked == locked
    assert found.claims == (("data",) if "persistentVolumeClaim" in volume else ())


OLD, NEW = {"leaving": True}, {"leaving": False}


@pytest.mark.parametrize(
    ("kind", "on_the_node", "elsewhere", "expected"),
    [
        ("ReplicaSet", [{**OLD}, {**OLD}], [{**NEW, "ready": True}] * 2, 2),
        ("ReplicaSet", [{**OLD, "ready": True}] * 2, [{**NEW, "ready": True}] * 2, 2),
        ("ReplicaSet", [{**NEW, "ready": True}] * 2, [], 2),
        ("ReplicaSet", [{**OLD}, {**NEW}], [{**NEW, "ready": True}], 2),
        # Replacements of those that left are awaited; a pod that fails elsewhere for reasons of its own is not.
        ("ReplicaSet", [OLD, OLD], [{**NEW, "ready": True}, NEW], 2),
        ("ReplicaSet", [OLD], [{**NEW, "ready": True}, NEW, NEW], 2),
        ("ReplicaSet", [{**NEW, "ready": True}], [NEW], 1),
        ("ReplicaSet", [OLD], [], 0),
        # Leaving elsewhere, by a rollout or another drain.
        ("ReplicaSet", [{**NEW, "ready": True}], [{**OLD, "ready": True}, {**NEW, "ready": True}], 2),
        ("ReplicaSet", [{**OLD, "phase": "Succeeded"}], [{**NEW, "ready": True}], 1),
        # The next pod of this name comes once this one is gone.
        ("StatefulSet", [OLD], [{**NEW, "ready": True}], 2),
        ("StatefulSet", [OLD, {**NEW, "ready": True}], [], 2),
    ],
)
def test_pods_that_were_leaving_already_are_not_asked_for_once_more(
    kind: str, on_the_node: list[dict[str, Any]], elsewhere: list[dict[str, Any]], expected: int
) -> None:
    here = [pod(f"a{number}", kind, **one) for number, one in enumerate(on_the_node)]
    others = [pod(f"b{number}", kind, **one) for number, one in enumerate(elsewhere)]
    assert wanted_ready(f"{kind} web (o)", [*here, *others], {one.uid for one in here}) == expected


def test_an_orphaned_pod_that_was_leaving_already_says_how_many_served() -> None:
    orphan = pod("a", "", annotations={REPLACED_ANNOTATION: "ReplicaSet web (o) 2"})
    served = [pod("b", leaving=False, ready=True), pod("c", leaving=False, ready=True)]
    assert wanted_ready("ReplicaSet web (o)", [orphan, *served], {"a"}) == 2
