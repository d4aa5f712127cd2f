# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``fireworks.byoc.requirement``: a playbook's refusal is data, and worded like every other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.integration.plays import run_tasks

SAID = {"what": "no model is named; nothing was changed", "next_step": "name it: -e model=a", "code": "no_model_named"}


def requirement(that: Any, **more: Any) -> dict[str, Any]:
    return {"fireworks.byoc.requirement": {"that": that, **SAID, **more}, "vars": {"one": 1}}


@pytest.mark.parametrize("flags", [(), ("--check",)], ids=["apply", "check"])
def test_a_requirement_that_is_met_is_silent_and_one_that_is_not_is_data(
    tmp_path: Path, flags: tuple[str, ...]
) -> None:
    tasks = [
        requirement("one == 1"),
        requirement(["one == 1", "one in [1, 2]"]),
        requirement("one == 2"),
        requirement(["one == 1", "one == 3"], owner="customer"),
        requirement("one == 1", owner="somebody"),
        {"fireworks.byoc.requirement": SAID},
        requirement("one == 2", details="acme is not ready.\nhost: \u001b[2J"),
    ]
    met, both, unmet, theirs, wrong, without, verdict = run_tasks(tmp_path, {}, *tasks, flags=flags).results
    assert not met.get("failed")
    assert not both.get("failed")
    assert unmet["msg"] == (
        "no model is named; nothing was changed. Next: name it: -e model=a. Action required by: you."
    )
    assert {key: unmet[key] for key in ("error", "code", "owner", "what", "where", "next_step")} == {
        "error": "RequirementError", "owner": "operator", "where": "", **SAID
    }  # fmt: skip
    assert theirs["owner"] == "customer"
    assert "value of owner must be one of" in wrong["msg"]
    assert "that" in without["msg"]
    assert verdict["msg"] == "acme is not ready.\nhost: \\u001b[2J"
    assert (verdict["what"], verdict["code"]) == (SAID["what"], SAID["code"])
