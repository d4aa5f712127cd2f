# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a contract permits on nodes: its actions, and an approval that it asks for besides."""

from __future__ import annotations

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract.actions import permission
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.actions import allowed
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.remediation.limits import permission as of_step

AUTO = {"cordon": "auto", "drain": "auto", "reboot": "auto", "replace": "approve"}


@pytest.mark.parametrize(
    ("approvals", "action", "expected"),
    [
        ({}, "reboot", "auto"),
        ({"node_action": "none"}, "reboot", "auto"),
        ({"node_action": "required"}, "reboot", "approve"),
        ({"node_action": "required"}, "drain", "approve"),
        ({"node_action": "required"}, "replace", "approve"),
        ({"node_action": "required"}, "gpu_reset", "never"),
        ({"node_action": "required"}, "cordon", "auto"),
        ({"stack_upgrade": "required"}, "drain", "auto"),
    ],
)
def test_an_explicit_approval_wins_over_auto_except_for_a_quarantine(
    approvals: dict[str, str], action: str, expected: str
) -> None:
    contract = {"actions": AUTO, "change": {"approvals": approvals}}
    assert permission(contract, action) == of_step(contract, action) == expected


def test_without_a_word_nothing_is_permitted() -> None:
    assert permission({}, "cordon") == "never"


def test_health_and_remediation_say_the_same() -> None:
    contract = {"actions": AUTO, "change": {"approvals": {"node_action": "required"}}}
    assert allowed(contract, "quarantine") == "auto"
    assert allowed(contract, "reboot") == allowed(contract, "restart_pod") == "approve"
    assert of_step(contract, "restart_pod") == "approve"
