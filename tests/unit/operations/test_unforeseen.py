# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An error that nobody foresaw is told by its kind and its place, and quotes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._operation import Context, Operation, StopError
from ansible_collections.fireworks.byoc.plugins.module_utils._vocabulary.harmless import STEERING

SECRET = "Bearer eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJrIn0.c2ln"


def attempt(error: Exception, *, verbose: bool = False) -> dict[str, Any]:
    def run(_parameters: dict[str, Any], _context: Context) -> dict[str, Any]:
        raise error

    return Operation({}, run, {}).attempt({}, Context(False, False, print, verbose=verbose))


def test_its_own_words_are_not_shown() -> None:
    result = attempt(KeyError(f"acme\x1b[2J\n{SECRET}"))
    assert (result["failed"], result["error"], result["code"]) == (True, "KeyError", "task_failed")
    assert result["msg"].startswith("unexpectedly: KeyError in test_unforeseen.py, line ")
    assert result["msg"].endswith("with -vvv. Action required by: Fireworks.")
    assert "acme" not in str(result) and "eyJ" not in str(result)


def test_who_looks_for_it_sees_where_it_came_from_and_no_secret() -> None:
    told = attempt(ValueError(f"acme\x1b[2J\n{SECRET}\nthe end"), verbose=True)["traceback"]
    assert told[0].startswith("Traceback")
    assert told[-3:] == ["ValueError: acme\\u001b[2J", "(left out: it looks like a secret)", "the end"]
    assert not STEERING.search("\n".join(told))


def test_what_stops_all_work_is_no_such_error() -> None:
    with pytest.raises(StopError):
        attempt(StopError())
