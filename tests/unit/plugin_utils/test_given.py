# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that are data and may be given as text: read, or refused in words."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.fireworks.byoc.plugins.plugin_utils.given import (
    given_approvals,
    given_emergency,
    given_mapping,
    given_mappings,
    given_names,
)

BOSS = {"by": "boss@acme.example"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, []), ("", []), ([], []), ([BOSS], [BOSS]), (BOSS, [BOSS]), ('[{"by": "boss@acme.example"}]', [BOSS]),
     ("by: boss@acme.example", [BOSS]), ("- by: boss@acme.example", [BOSS])],
)  # fmt: skip
def test_approvals_are_read_however_they_are_given(value: Any, expected: Any) -> None:
    assert given_mappings("approvals", value) == expected


@pytest.mark.parametrize("value", ["boss@acme.example", "[boss]", "{by: [", 7, [["by"]], True])
def test_what_is_no_list_of_approvals_is_refused_in_words(value: Any) -> None:
    with pytest.raises(AnsibleFilterError, match=r"^approvals: .* write it like -e"):
        given_mappings("approvals", value)


@pytest.mark.parametrize(("job", "source"), [("", "file"), ("4711", "awx")])
def test_where_it_was_found_is_said_by_the_run_and_not_by_the_data(
    monkeypatch: pytest.MonkeyPatch, job: str, source: str
) -> None:
    monkeypatch.setenv("JOB_ID", job)
    assert given_approvals([{**BOSS, "source": "annotation"}]) == [{**BOSS, "source": source}]
    assert given_emergency({"approver": "a", "source": "cluster"}) == {"approver": "a", "source": source}
    assert given_emergency("") == {}


def test_a_policy_is_a_mapping() -> None:
    assert given_mapping("policy", "canaries: 2") == given_mapping("policy", {"canaries": 2}) == {"canaries": 2}
    assert given_mapping("policy", "") == given_mapping("policy", None) == {}
    for value in ("two", "{canaries: [", [1], 3):
        with pytest.raises(AnsibleFilterError, match=r"^policy: .* write it like -e"):
            given_mapping("policy", value)


@pytest.mark.parametrize(
    ("value", "names"),
    [("llama", ["llama"]), (["llama", 7], ["llama", "7"]), ('["a", "b"]', ["a", "b"]), ("[a, b]", ["a", "b"]),
     ("- a\n- b", ["a", "b"]), ("7", ["7"]), ("a,b", ["a,b"]), ("a: b", ["a: b"]), ("{[", ["{["]), ([], [])],
)  # fmt: skip
def test_a_text_where_names_are_meant_is_one_of_them_and_never_its_letters(value: Any, names: list[str]) -> None:
    assert given_names(value) == names
