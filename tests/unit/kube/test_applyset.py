# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ApplySet rules, held against the values that Kubernetes' own documentation and kubectl's tests print."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._kube import applyset
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.objects import Ref

PARENT = Ref("ConfigMap", "", "fireworks-system", "stack")


def test_the_id_is_the_one_kubectl_computes() -> None:
    # The documented example, which kubectl's own tests use for a Secret my-set in the namespace test.
    expected = "applyset-0eFHV8ySqp7XoShsGvyWFQD3s96yqwHmzc4e0HR1dsY-v1"
    assert applyset.applyset_id(Ref("Secret", "", "test", "my-set")) == expected


def test_the_parent_names_kinds_and_the_other_namespaces_sorted() -> None:
    refs = [
        Ref("Service", "", "b", "x"),
        Ref("Deployment", "apps", "a", "x"),
        Ref("Role", "r.io", PARENT.namespace, "x"),
    ]
    parent = applyset.parent_manifest(PARENT, applyset.membership_of(refs), {"byoc.fireworks.ai/release": "1"})
    assert parent["metadata"]["annotations"] == {
        "byoc.fireworks.ai/release": "1",
        "applyset.kubernetes.io/tooling": "fireworks-byoc/v1",
        "applyset.kubernetes.io/contains-group-kinds": "Deployment.apps,Role.r.io,Service",
        "applyset.kubernetes.io/additional-namespaces": "a,b",
    }


def test_what_the_parent_says_is_read_back() -> None:
    membership = applyset.membership_of([Ref("Service", "", "b", "x"), Ref("Namespace", "", "", "b")])
    parent = applyset.parent_manifest(PARENT, membership, {})
    assert applyset.read_membership(parent) == membership
    assert applyset.read_membership(None) == applyset.Membership(frozenset(), frozenset())


@pytest.mark.parametrize(
    ("tooling", "expected"),
    [("fireworks-byoc/v1", None), ("fireworks-byoc/v2", None), ("kubectl/v1.36.0", "kubectl/v1.36.0")],
)
def test_a_parent_of_another_tool_is_recognised(tooling: str, expected: str | None) -> None:
    parent = {"metadata": {"annotations": {applyset.TOOLING_ANNOTATION: tooling}}}
    assert applyset.foreign_tooling(parent) == expected


def test_a_config_map_that_is_no_parent_is_somebody_elses() -> None:
    assert "ConfigMap of that name" in (applyset.foreign_tooling({"metadata": {"name": "stack"}}) or "")
    assert applyset.foreign_tooling(None) is None


@pytest.mark.parametrize(
    ("owners", "found"),
    [
        ([], "the-id"),
        ([{"kind": "ConfigMap", "name": "theirs"}], "the-id"),
        ([{"kind": "LeaderWorkerSet", "name": "x", "controller": True}], ""),
        ([{"kind": "ConfigMap", "name": "theirs"}, {"kind": "ScaledObject", "name": "x", "controller": True}], ""),
    ],
)
def test_what_a_controller_made_is_no_member_whatever_labels_it_copied(owners: list[Any], found: str) -> None:
    labels = {"applyset.kubernetes.io/part-of": "the-id"}
    assert applyset.set_of({"metadata": {"name": "x", "labels": labels, "ownerReferences": owners}}) == found
    assert applyset.set_of({"metadata": {"name": "x", "ownerReferences": owners}}) == ""


def test_a_member_keeps_its_own_labels_and_its_manifest_is_not_touched() -> None:
    manifest = {"kind": "Service", "metadata": {"name": "x", "labels": {"app": "x"}}}
    member = applyset.as_member(manifest, "the-id")
    assert member["metadata"]["labels"] == {
        "app": "x",
        "app.kubernetes.io/managed-by": "fireworks-byoc",
        "applyset.kubernetes.io/part-of": "the-id",
    }
    assert manifest["metadata"] == {"name": "x", "labels": {"app": "x"}}
