# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manifests as they are written, and what is read in them. Beside kubectl: test_manifests_beside_kubectl.py."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._kube.manifests import ManifestError, parse_definition
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.writes import encoded
from tests.manifest_forms import REFUSED, SCALARS, STRICTER, TEXTS


def read(text: Any) -> Any:
    try:
        return parse_definition(text)
    except ManifestError:
        return REFUSED


def test_a_value_is_what_kubectl_takes_it_for() -> None:
    found = {written: read(f"spec:\n  a: {written}\n") for written in SCALARS}
    wanted = {said: value if value is REFUSED else [{"spec": {"a": value}}] for said, value in SCALARS.items()}
    assert {said: (it, wanted[said]) for said, it in found.items() if it != wanted[said]} == {}
    types = {said: type(it[0]["spec"]["a"]) for said, it in found.items() if it is not REFUSED}
    assert types["1e3"] is types["-0.0"] is types["!!float 5"] is int
    assert all(types[said] is type(value) for said, value in SCALARS.items() if isinstance(value, (bool, str)))


def test_a_text_holds_the_objects_that_kubectl_finds_in_it() -> None:
    found = {title: (read(text), wanted) for title, (text, wanted) in TEXTS.items()}
    assert {title: pair for title, pair in found.items() if pair[0] != pair[1]} == {}
    assert {title: read(text) for title, text in STRICTER.items() if read(text) is not REFUSED} == {}


def test_what_is_no_manifest_is_refused_with_its_line_and_file_but_not_its_content() -> None:
    with pytest.raises(ManifestError) as refused:
        parse_definition("a: b\n---\nc: hunter2: x\n", where="files/a.yml")
    assert "line 3: mapping values are not allowed" in str(refused.value)
    assert "files/a.yml" in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_a_kind_that_only_ends_in_list_stays() -> None:
    assert read("apiVersion: x.example/v1\nkind: AllowList\nspec: {}\n")[0]["kind"] == "AllowList"


@pytest.mark.parametrize(
    ("given", "read_as"),
    [
        (None, []),
        ("", []),
        ({"a": date(2027, 3, 25)}, [{"a": "2027-03-25"}]),
        ([{"a": 1}, None, {}], [{"a": 1}]),
        ({1: {True: 2**63}}, [{"1": {"true": 2.0**63}}]),
        ({"kind": "RoleList", "apiVersion": "r/v1", "items": [{}]}, [{"apiVersion": "r/v1", "kind": "Role"}]),
        ({"a": {"b": datetime(2027, 3, 25, tzinfo=UTC)}}, "manifest 1: a: b: is a datetime"),
        ({"a": [{1, 2}]}, "manifest 1: a: 1: is a set"),
        ({"a": float("nan")}, "manifest 1: a: is no number"),
        ({"a": "\ud83d"}, "manifest 1: a: holds half a letter"),
        ({None: 1}, "manifest 1: a key is no text"),
    ],
)  # fmt: skip
def test_what_ansible_has_read_already_is_made_json_or_refused(given: Any, read_as: Any) -> None:
    if not isinstance(read_as, str):
        assert parse_definition(given) == read_as
        return
    with pytest.raises(ManifestError, match=read_as):
        parse_definition(given)


def test_what_is_sent_is_json_and_yaml_alike() -> None:
    text = "".join(map(chr, [*range(1, 0xD800), *range(0xE000, 0x11000), 0x1F6A8, 0x20BB7]))
    sent = encoded({"a": text}).decode()
    assert json.loads(sent) == {"a": text}
    assert parse_definition("# read as YAML\n" + sent) == [{"a": text}]
    assert encoded({"a": "<&>ö🚨"}).decode() == r'{"a":"\u003c\u0026\u003eö🚨"}'
