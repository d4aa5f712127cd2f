# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each connection of a task has the run's id, which the playbook drew once."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.plugin_utils.run_number import run_id_of, with_run

LINK = {"server": "https://a.example"}


@pytest.mark.parametrize(
    ("given", "run", "then"),
    [
        ({"connection": LINK, "name": "x"}, "0a", {"connection": {**LINK, "run_id": "0a"}, "name": "x"}),
        ({"connection": {**LINK, "run_id": "mine"}}, "0a", {"connection": {**LINK, "run_id": "mine"}}),
        ({"connection": LINK}, "", {"connection": LINK}),
        ({"connection": "no mapping"}, "0a", {"connection": "no mapping"}),
        ({}, "0a", {}),
    ],
)
def test_a_connection_has_the_runs_id_unless_it_has_one(given: Any, run: str, then: Any) -> None:
    assert with_run(given, run) == then


@pytest.mark.parametrize(
    ("hostvars", "run"),
    [({"localhost": {"byoc_run_id": "0a"}}, "0a"), ({"localhost": {"byoc_run_id": 4711}}, "4711"), ({}, ""), (None, ""),
     ({"localhost": {}}, "")],
)  # fmt: skip
def test_the_runs_id_is_the_controllers(hostvars: Any, run: str) -> None:
    assert run_id_of(hostvars) == run
