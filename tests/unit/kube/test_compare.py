# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is a difference between a manifest and the live object, and what is not."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._kube.compare import differences, same_quantity

OURS = "ours"


def compared(wanted: dict[str, Any], live: dict[str, Any], theirs: Any = None) -> list[tuple[str, Any, Any]]:
    if theirs is not None:
        live = {**live, "metadata": {"managedFields": [{"manager": "kubectl-edit", "fieldsV1": theirs}]}}
    return [(d["field"], d["expected"], d["found"]) for d in differences(wanted, live, manager=OURS)]


SAME = {
    "the server's defaults": ({"spec": {"a": 1}}, {"spec": {"a": 1, "b": 2}, "status": {}}),
    "labels of others": ({"metadata": {"labels": {"a": "1"}}}, {"metadata": {"labels": {"a": "1", "b": "2"}}}),
    "a number for a quantity": ({"spec": {"hard": {"pods": 8}}}, {"spec": {"hard": {"pods": "8"}}}),
    "a quantity as the server writes it": (
        {"requests": {"memory": "1024Mi", "cpu": "0.5"}},
        {"requests": {"memory": "1Gi", "cpu": "500m"}},
    ),
    "an empty list": ({"spec": {"ingress": []}}, {"spec": {}}),
    "a false that the server drops": ({"globalDefault": False}, {}),
    "a zero that the server drops": ({"initialDelaySeconds": 0}, {}),
    "an empty text": ({"env": [{"name": "A", "value": ""}]}, {"env": [{"name": "A"}]}),
    "an empty mapping of names": ({"metadata": {"labels": {}}}, {"metadata": {}}),
    "the volume that a claim was given": (
        {"spec": {"volumeMode": "Filesystem"}},
        {"spec": {"volumeMode": "Filesystem", "volumeName": "pvc-1"}},
        {"f:spec": {"f:volumeName": {}}},
    ),
    "null": ({"spec": {"a": None}}, {"spec": {"a": 1}}),
    "defaults inside items": ({"ports": [{"port": 53}]}, {"ports": [{"port": 53, "protocol": "TCP"}]}),
}


@pytest.mark.parametrize("case", SAME)
def test_no_difference(case: str) -> None:
    wanted, live, *theirs = SAME[case]
    assert compared(wanted, live, *theirs) == []


DIFFERENT = {
    "another value": (
        {"spec": {"hard": {"requests.nvidia.com/gpu": "16"}}},
        {"spec": {"hard": {"requests.nvidia.com/gpu": "64"}}},
        [("spec.hard[requests.nvidia.com/gpu]", "16", "64")],
    ),
    "a field that is gone": ({"spec": {"a": 1}}, {}, [("spec", {"a": 1}, None)]),
    "an empty label": ({"metadata": {"labels": {"a": ""}}}, {"metadata": {}}, [("metadata.labels", {"a": ""}, None)]),
    "an empty label among others": (
        {"labels": {"a": "", "b": "1"}},
        {"labels": {"b": "1"}},
        [("labels.a", "", None)],
    ),
    "an empty label to match among others": (
        {"matchLabels": {"a": "", "b": "1"}},
        {"matchLabels": {"b": "1"}},
        [("matchLabels.a", "", None)],
    ),
    "a false whose absence means true": (
        {"automountServiceAccountToken": False},
        {},
        [("automountServiceAccountToken", False, None)],
    ),
    "an empty selector": ({"from": {"podSelector": {}}}, {"from": {}}, [("from.podSelector", {}, None)]),
    "a zero that means something": ({"runAsUser": 0}, {}, [("runAsUser", 0, None)]),
    "true is not 1": ({"a": True}, {"a": 1}, [("a", True, 1)]),
    "a quantity is one only where quantities are": (
        {"data": {"a": "1"}},
        {"data": {"a": "1000m"}},
        [("data.a", "1", "1000m")],
    ),
    "words in a list": ({"verbs": ["get"]}, {"verbs": ["get", "list"]}, [("verbs", ["get"], ["get", "list"])]),
    "the order of a list": (
        {"verbs": ["get", "list"]},
        {"verbs": ["list", "get"]},
        [("verbs", ["get", "list"], ["list", "get"])],
    ),
    "an item's field": (
        {"rules": [{"verbs": ["get"]}]},
        {"rules": [{"verbs": ["*"]}]},
        [("rules[0].verbs", ["get"], ["*"])],
    ),
    "an item too many": (
        {"rules": [{"verbs": ["get"]}]},
        {"rules": [{"verbs": ["*"]}, {"verbs": ["get"]}]},
        [("rules[0]", None, {"verbs": ["*"]})],
    ),
    "an item that is missing": (
        {"rules": [{"verbs": ["get"]}, {"verbs": ["list"]}]},
        {"rules": [{"verbs": ["list"]}]},
        [("rules[0]", {"verbs": ["get"]}, None)],
    ),
    "another type": ({"spec": {"a": {}}}, {"spec": {"a": "x"}}, [("spec.a", {}, "x")]),
}


@pytest.mark.parametrize("case", DIFFERENT)
def test_a_difference_is_named_exactly(case: str) -> None:
    wanted, live, found = DIFFERENT[case]
    assert compared(wanted, live) == found


PORTS = {"ports": [{"port": 80, "name": "web"}]}
OPEN = {"spec": {"podSelector": {}, "ingress": [{}]}}
# What is wanted, what is there, what somebody else has set of it, and what is said.
ADDED = {
    "a whole field": (
        {"spec": {"podSelector": {}}},
        OPEN,
        {"f:spec": {"f:ingress": {}}},
        [("spec.ingress", None, [{}])],
    ),
    "within a value that is theirs whole": (
        {"spec": {"podSelector": {}}},
        {"spec": {"podSelector": {"matchLabels": {"a": "b"}}}},
        {"f:spec": {"f:podSelector": {}}},
        [("spec.podSelector.matchLabels", None, {"a": "b"})],
    ),
    "in an item told by its key": (
        PORTS,
        {"ports": [{"port": 80, "name": "web", "nodePort": 30000}]},
        {"f:ports": {".": {}, 'k:{"port":80}': {".": {}, "f:nodePort": {}}}},
        [("ports[0].nodePort", None, 30000)],
    ),
    "in another item": (
        PORTS,
        {"ports": [{"port": 80, "name": "web", "nodePort": 30000}]},
        {"f:ports": {'k:{"port":443}': {"f:nodePort": {}}}},
        [],
    ),
    "a default, which they did not choose": (
        {"spec": {"a": 1}},
        {"spec": {"a": 1, "failurePolicy": "Fail"}},
        {"f:spec": {"f:failurePolicy": {}}},
        [],
    ),
    "another value than the default": (
        {"spec": {"a": 1}},
        {"spec": {"a": 1, "failurePolicy": "Ignore"}},
        {"f:spec": {"f:failurePolicy": {}}},
        [("spec.failurePolicy", None, "Ignore")],
    ),
    "labels, which are free": ({"spec": {}}, {"spec": {}}, {"f:metadata": {"f:labels": {"f:a": {}}}}, []),
}


@pytest.mark.parametrize("case", ADDED)
def test_what_somebody_else_has_added_is_a_difference(case: str) -> None:
    wanted, live, theirs, found = ADDED[case]
    assert compared(wanted, live, theirs) == found


def test_what_we_or_the_status_own_is_no_addition() -> None:
    fields = {"f:spec": {"f:ingress": {}}}
    entries = [
        {"manager": OURS, "fieldsV1": fields},
        {"manager": "controller", "subresource": "status", "fieldsV1": fields},
    ]
    assert differences({"spec": {}}, {**OPEN, "metadata": {"managedFields": entries}}, manager=OURS) == []


def test_two_others_may_own_the_same() -> None:
    entries = [
        {"manager": "a", "fieldsV1": {"f:spec": {"f:b": {"f:c": {}}}}},
        {"manager": "b", "fieldsV1": {"f:spec": {"f:b": {}}}},
        {"manager": "c", "fieldsV1": {"f:spec": {"f:b": {"f:d": {}}}}},
    ]
    live = {"spec": {"b": {"x": 1}}, "metadata": {"managedFields": entries}}
    [found] = differences({"spec": {"b": {}}}, live, manager=OURS)
    assert found["field"] == "spec.b.x"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("8", 8, True), ("1Gi", "1024Mi", True), ("1e3", "1k", True), ("2E", "2000P", True), ("100n", "1m", True),
     ("250u", "1m", True), ("1Ei", "1024Pi", True), ("1.5m", "1m", False), ("-0", "0", True), ("1e30", "1e30", True),
     ("1", "1Gi", False),
     ("abc", "abc", False), ("", "", False)],
)  # fmt: skip
def test_quantities(one: object, other: object, same: bool) -> None:
    assert same_quantity(one, other) is same


@pytest.mark.parametrize("key", ["command", "args", "lifecycle", "env", "livenessProbe"])
def test_what_a_server_never_fills_in_counts_whoever_seems_to_have_set_it(key: str) -> None:
    """Whoever may write an object may also write its ``managedFields``."""
    live = {"containers": [{"name": "a", key: ["x"], "imagePullPolicy": "Always"}]}
    assert compared({"containers": [{"name": "a"}]}, live) == [(f"containers[0].{key}", None, ["x"])]


def test_keys_beside_ours_count_where_each_key_was_chosen() -> None:
    assert compared({"data": {"a": "1"}}, {"data": {"a": "1", "b": "2"}}) == [("data.b", None, "2")]
    hooks = {"preStop": {}, "postStart": {"exec": {}}}
    assert compared({"lifecycle": {"preStop": {}}}, {"lifecycle": hooks}) == [
        ("lifecycle.postStart", None, {"exec": {}})
    ]
    spec = {"selector": {"app": "a"}, "clusterIP": "None"}
    assert compared({"spec": {"selector": {}}}, {"spec": spec}) == [("spec.selector.app", None, "a")]
