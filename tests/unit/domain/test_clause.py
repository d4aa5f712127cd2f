# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every operation of a playbook names the clause that lets it be done."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.clause import clause
from tests.unit.domain.agreed import contract, model

PLAYBOOKS = Path(__file__).parents[3] / "playbooks"
AGREED = contract(models=[model(), model("phi")], access={"credential": {"token_env": "A", "ca_file": "b"}})


@pytest.mark.parametrize(
    ("operation", "change", "said"),
    [
        ("onboard", {}, "access.mode: standard; stack.release: 2026.11.0; models: llama, phi"),
        (
            "onboard", {"stack": {"channel": "stable"}, "models": []},
            "access.mode: standard; stack.channel: stable; models: none",
        ),
        ("presetup", {"access": {"mode": "hardened"}}, "access.mode: hardened"),
        ("deploy_models", {}, "models: llama, phi"),
        ("remediate", {}, "actions: cordon auto, drain approve"),
        ("remediate", {"actions": {"cordon": "never"}}, "actions: none"),
        ("rotate_credentials", {}, "access.credential: ca_file, token_env"),
        ("rotate_credentials", {"access": {"mode": "standard"}}, "access.credential: none"),
        ("offboard", {}, "none: done by the customer's own administrator"),
        ("upgrade", {}, "access.mode: standard"),
    ],
)  # fmt: skip
def test_a_clause(operation: str, change: dict[str, Any], said: str) -> None:
    assert clause({**AGREED, **change}, operation) == said


def test_what_is_no_operation_has_no_clause() -> None:
    with pytest.raises(ValueError, match="deploy models"):
        clause(AGREED, "deploy models")


def test_every_playbooks_operation_is_known_or_says_its_clause_itself() -> None:
    texts = [path.read_text() for path in (*PLAYBOOKS.glob("*.yml"), *PLAYBOOKS.glob("tasks/*.yml"))]
    own = {name for text in texts if "byoc_clause:" in text for name in re.findall(r"byoc_purpose: (.+)", text)}
    named = {name for text in texts for name in re.findall(r"byoc_purpose: (.+)", text)}
    assert named
    unlike = {name for name in named - own if name != "presetup" and clause(AGREED, name) == "access.mode: standard"}
    assert unlike == set()
