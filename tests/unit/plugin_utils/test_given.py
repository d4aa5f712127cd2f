# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that are data and may be given as text: read in one place by their declared kind, or refused in words."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.playbook_variables.declared import VARIABLES
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.playbook_variables.variable import Kind
from ansible_collections.fireworks.byoc.plugins.plugin_utils.given import (
    given_approvals,
    given_data,
    given_emergency,
)

BOSS = {"by": "boss@acme.example"}


def of_kind(kind: Kind) -> list[str]:
    return sorted({each.name for each in VARIABLES if each.kind is kind})


@pytest.mark.parametrize("name", of_kind(Kind.MAPPINGS))
@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, []), ("", []), ([], []), ({}, []), ([BOSS], [BOSS]), (BOSS, [BOSS]), ((BOSS,), [BOSS]),
     ('[{"by": "boss@acme.example"}]', [BOSS]), ("by: boss@acme.example", [BOSS]), ("- by: boss@acme.example", [BOSS])],
)  # fmt: skip
def test_mappings_are_read_however_they_are_given(name: str, value: Any, expected: Any) -> None:
    assert given_data(value, name) == expected


@pytest.mark.parametrize("name", of_kind(Kind.MAPPINGS))
@pytest.mark.parametrize(
    "value", ["boss@acme.example", "[boss]", "{by: [", 7, [["by"]], True, "2026-13-45", "[" * 5000]
)
def test_what_is_no_list_of_mappings_is_refused_in_words(name: str, value: Any) -> None:
    with pytest.raises(AnsibleFilterError, match=rf"^{name} is .{{1,70}}, and has to be a list of mappings.*: -e "):
        given_data(value, name)


@pytest.mark.parametrize("name", of_kind(Kind.MAPPING))
def test_a_mapping_is_read_however_it_is_given(name: str) -> None:
    assert given_data("canaries: 2", name) == given_data('{"canaries": 2}', name) == given_data({"canaries": 2}, name)
    assert given_data("", name) == given_data(None, name) == given_data({}, name) == given_data("{}", name) == {}
    for value in ("two", "{canaries: [", [1], 3, False, 0, "[{a: 1}]", "2026-13-45", "!!python/name:os.system"):
        with pytest.raises(AnsibleFilterError, match=rf"^{name} is .*, and has to be a mapping.*: -e "):
            given_data(value, name)


@pytest.mark.parametrize("name", [*of_kind(Kind.LIST), "model_names", "remediate_nodes", "remediate_required"])
@pytest.mark.parametrize(
    ("value", "texts"),
    [("llama", ["llama"]), (["llama", 7], ["llama", "7"]), ('["a", "b"]', ["a", "b"]), ("[a, b]", ["a", "b"]),
     ("- a\n- b", ["a", "b"]), ("7", ["7"]), (7, ["7"]), ("a,b", ["a", "b"]), ("a, b", ["a", "b"]), ("a: b", ["a: b"]),
     ("{[", ["{["]), ([], []), ("", []), (None, []), ("[]", []), ("on", ["on"]), ("0x10", ["0x10"])],
)  # fmt: skip
def test_a_text_where_a_list_is_meant_is_its_parts_and_never_its_letters(
    name: str, value: Any, texts: list[str]
) -> None:
    assert given_data(value, name) == texts


@pytest.mark.parametrize("value", [{"a": 1}, [{"a": 1}], [["a"]], [True], "[yes]", [None], "[a", "- {a: 1}"])
def test_what_is_no_list_of_texts_is_refused_in_words(value: Any) -> None:
    with pytest.raises(AnsibleFilterError, match=r"^nodes is .*, and has to be a list"):
        given_data(value, "nodes")


@pytest.mark.parametrize(("job", "source"), [("", "file"), ("4711", "awx")])
def test_where_it_was_found_is_said_by_the_run_and_not_by_the_data(
    monkeypatch: pytest.MonkeyPatch, job: str, source: str
) -> None:
    monkeypatch.setenv("JOB_ID", job)
    assert given_approvals([{**BOSS, "source": "annotation"}]) == [{**BOSS, "source": source}]
    assert given_emergency({"approver": "a", "source": "cluster"}) == {"approver": "a", "source": source}
    assert given_emergency("") == {}


def test_of_a_long_value_only_its_beginning_is_shown() -> None:
    with pytest.raises(AnsibleFilterError) as refused:
        given_data("x" * 10_000, "policy")
    assert len(str(refused.value)) < 200
