# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of a recommendation: what the contract must allow for each, and where a state begins."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.actions import allowed
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.assess import _node
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.finding import Finding
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.grouping import _everywhere
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.pods import REFUSED, failing_signs

EVERYTHING = dict.fromkeys(("cordon", "drain", "restart_plugin", "gpu_reset", "reboot", "replace"), "auto")
STEPS = {
    "restart_pod": "drain",
    "restart_plugin": "restart_plugin",
    "quarantine": "cordon",
    "drain": "cordon drain",
    "diagnose": "cordon drain",
    "gpu_reset": "cordon drain gpu_reset",
    "reboot": "cordon drain reboot",
    "inspect": "cordon drain",
    "replace": "cordon drain replace",
}


@pytest.mark.parametrize(("action", "step"), [(action, step) for action in STEPS for step in STEPS[action].split()])
def test_an_action_is_as_little_allowed_as_the_least_of_its_steps(action: str, step: str) -> None:
    assert allowed({"actions": EVERYTHING}, action) == "auto"
    assert allowed({"actions": {**EVERYTHING, step: "approve"}}, action) == "approve"
    assert allowed({"actions": {key: word for key, word in EVERYTHING.items() if key != step}}, action) == "never"


@pytest.mark.parametrize("action", STEPS)
def test_what_an_action_does_not_do_need_not_be_allowed(action: str) -> None:
    assert allowed({"actions": dict.fromkeys(STEPS[action].split(), "auto")}, action) == "auto"


@pytest.mark.parametrize(("nodes", "silent", "told_once"), [(9, 9, False), (10, 5, False), (10, 6, True)])
def test_a_source_that_is_silent_on_most_of_many_nodes_is_told_once(nodes: int, silent: int, told_once: bool) -> None:
    world = SimpleNamespace(nodes={f"n{number}": {"gpu": True} for number in range(nodes)})
    sign = SimpleNamespace(signal="source_missing", text="no exporter")
    found = _everywhere(world, [[sign]] * silent)
    assert found == ({("source_missing", "no exporter")} if told_once else set())


@pytest.mark.parametrize(("pods", "named"), [(1, "p0:"), (3, "p0, p1, p2:"), (5, "p0, p1, p2 and 2 more:")])
def test_the_first_pods_that_fail_are_named_and_the_others_counted(pods: int, named: str) -> None:
    refused = [{"node": "n1", "name": f"p{n}", "failing": REFUSED, "ready": False, "model": "m"} for n in range(pods)]
    (sign,) = failing_signs(refused, 0.0, 9)
    assert f"refused {named}" in sign.text


@pytest.mark.parametrize(
    ("action", "quarantine", "state"),
    [
        ("record", False, "healthy"),
        ("report", False, "watch"),
        ("report", True, "sick"),
        ("quarantine", False, "sick"),
        ("drain", False, "sick"),
    ],
)
def test_a_node_is_sick_from_the_first_action_that_takes_it_out_of_service(
    action: str, quarantine: bool, state: str
) -> None:
    finding = Finding(node="n1", fault="gpu_fallen_off", action=action, quarantine=quarantine)
    assert _node([finding], False, {"cordoned": False})["state"] == state
