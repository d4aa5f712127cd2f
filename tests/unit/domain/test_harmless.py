# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What others wrote cannot speak to a terminal, wherever it is shown."""

from __future__ import annotations

import json
import sys
import unicodedata
from types import SimpleNamespace

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils import _operation as operations
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.readable import texts_are_readable
from ansible_collections.fireworks.byoc.plugins.module_utils._operation import Operation
from ansible_collections.fireworks.byoc.plugins.module_utils._vocabulary.failure import failed_result
from ansible_collections.fireworks.byoc.plugins.module_utils._vocabulary.harmless import (
    STEERING,
    harmless,
    harmless_data,
    one_line,
)

#: What colours, clears, renames the window, answers for the user, reorders, hides.
HOSTILE = (
    "\x1b[31mred",
    "\x1b[2J",
    "\x1b]0;title\x07",
    "\x9b5n",
    "a\rb",
    "\x08\x08",
    "\u202efdp.exe",
    "\u2066x",
    "a\u200bb",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_what_steers_is_shown_as_its_escape(text: str) -> None:
    shown = harmless(f"pod {text} failed")
    assert not STEERING.search(shown)
    assert json.loads(f'"{shown}"') == f"pod {text} failed", "in JSON it means the same"
    assert harmless(shown) == shown


def test_no_character_that_controls_or_hides_goes_through() -> None:
    every = [chr(code) for code in range(sys.maxunicode + 1)]
    assert not any(one.isprintable() for one in every if STEERING.search(one)), "one_line would leave it"
    left = [one for one in every if unicodedata.category(one) in ("Cc", "Cs", "Zl", "Zp") and not STEERING.search(one)]
    assert left == ["\t", "\n"]
    bidirectional = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
    assert all(STEERING.search(one) for one in every if unicodedata.bidirectional(one) in bidirectional)


@pytest.mark.parametrize("text", ["Ünïcode, 東京, עברית, العربية", "two\nlines\tand a tab", "✔ 100 % “quoted”"])
def test_what_people_write_stays(text: str) -> None:
    assert harmless(text) == text


def test_data_is_made_so_whole() -> None:
    told = {"\x1b[1m": [("\x1b", 1, None)], "fine": True}
    assert harmless_data(told) == {"\\u001b[1m": [["\\u001b", 1, None]], "fine": True}


def test_a_failure_cannot_steer() -> None:
    said = {"what": "it said \x1b[2J", "where": "c\x07", "next_step": "look\u202e"}
    told = failed_result(error="X", code="x", **said)
    assert not any(STEERING.search(str(value)) for value in told.values())


def test_nobody_writes_lines_of_their_own() -> None:
    forged = "it waits\r\n\nPLAY RECAP\nacme-eu-1  DONE"
    told = failed_result(error="X", code="x", what=forged, where="c\nd", next_step="look\n")
    assert not any("\n" in str(value) for value in told.values())
    assert one_line(forged) == "it waits\\u000d PLAY RECAP acme-eu-1  DONE"


def test_a_module_warns_as_an_action_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ansible shows what a module warns of as it is."""
    warned: list[str] = []
    module = SimpleNamespace(
        params={},
        no_log_values=set(),
        check_mode=False,
        _diff=False,
        warn=warned.append,
        exit_json=lambda **_result: None,
        _verbosity=0,
    )
    monkeypatch.setattr(operations, "AnsibleModule", lambda **_given: module)
    operations.run_as_module(Operation({}, lambda _parameters, context: context.warn("by \x1b[2J\nme") or {}, {}))
    assert warned == ["by \\u001b[2J me"]


def test_a_contract_names_each_place_that_holds_such_a_character() -> None:
    contract = {
        "identity": {"region": "eu\x1b[2J", "labels": {"tier\u202e": "x"}},
        "contacts": [{"name": "Ada\x07"}],
        "n": 1,
    }
    assert dict(texts_are_readable(contract)) == {
        ("identity", "region"): "it holds the character \\u001b, which terminals obey or hide: remove it",
        ("identity", "labels", "tier\u202e"): "it holds the character \\u202e, which terminals obey or hide: remove it",
        ("contacts", 0, "name"): "it holds the character \\u0007, which terminals obey or hide: remove it",
    }
