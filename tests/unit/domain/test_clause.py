# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every operation of a playbook names the clause that lets it be done."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.clause import clause
from ansible_collections.fireworks.byoc.plugins.module_utils._vocabulary.operations import OPERATION_NAMES
from tests.unit.domain.agreed import contract, model

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
        ("rotate_credentials", {}, "access.credential by ca_file, token_env"),
        ("offboard", {}, "none: done by the customer's own administrator"),
        ("upgrade", {}, "access.mode: standard"),
    ],
)  # fmt: skip
def test_a_clause(operation: str, change: dict[str, Any], said: str) -> None:
    assert clause({**AGREED, **change}, operation) == said


def test_what_is_no_operation_has_no_clause() -> None:
    with pytest.raises(ValueError, match="deploy models"):
        clause(AGREED, "deploy models")


@pytest.mark.parametrize("operation", [name for name in OPERATION_NAMES if name not in ("presetup", "upgrade")])
def test_every_operation_has_a_clause_of_its_own(operation: str) -> None:
    """But the presetup, whose clause is the mode of access, and the upgrade, whose playbook names the decision's."""
    assert clause(AGREED, operation) != "access.mode: standard"
