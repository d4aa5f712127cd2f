# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What names an object, and what of it somebody wants."""

from __future__ import annotations

from ansible_collections.fireworks.byoc.plugins.module_utils._kube.objects import Ref, as_stored


def test_an_object_is_named_by_its_kind_its_group_its_namespace_and_its_name() -> None:
    manifest = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"namespace": "a", "name": "b"}}
    ref = Ref.of(manifest)
    assert ref == Ref("Deployment", "apps", "a", "b")
    assert (ref.group_kind, str(ref)) == ("Deployment.apps", "Deployment a/b")


def test_what_has_no_namespace_and_is_of_no_group_is_named_without() -> None:
    ref = Ref.of({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}})
    assert ref == Ref("Node", "", "", "n1")
    assert (ref.group_kind, str(ref)) == ("Node", "Node n1")


def test_a_manifest_that_says_nothing_names_nothing() -> None:
    assert Ref.of({"metadata": None}) == Ref("", "", "", "")


_STORED = [
    ({"stringData": {"a": "b"}}, {"data": {"a": "Yg=="}}),
    ({"stringData": {"a": "ö"}, "data": {"a": "Yw==", "d": "ZA=="}}, {"data": {"a": "w7Y=", "d": "ZA=="}}),
    ({"stringData": {}}, {"data": {}}),
    ({"stringData": {"a": 1}}, {"stringData": {"a": 1}}),
    ({"stringData": {"a": None}}, {"stringData": {"a": None}}),
    ({"stringData": "a"}, {"stringData": "a"}),
    ({"data": {"a": "Yg=="}}, {"data": {"a": "Yg=="}}),
]


def test_string_data_is_where_the_server_keeps_it() -> None:
    secret = {"apiVersion": "v1", "kind": "Secret"}
    assert [as_stored({**secret, **given}) for given, _stored in _STORED] == [
        {**secret, **it} for _given, it in _STORED
    ]
    foreign = {"apiVersion": "other.example/v1", "kind": "Secret", "stringData": {"a": "b"}}
    assert as_stored(foreign) == foreign
