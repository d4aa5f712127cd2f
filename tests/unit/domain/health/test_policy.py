# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fault policy that is shipped, and how it is changed."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.actions import (
    ACTIONS,
    allowed,
    empties_the_node,
    strongest,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.policy import (
    PolicyError,
    build_policy,
    check_layer,
    layered,
)
from tests.unit.domain.agreed import contract

ROOT = Path(__file__).resolve().parents[4]
TABLE: dict[str, Any] = yaml.safe_load((ROOT / "roles/stack/files/faults.yml").read_text(encoding="utf-8"))
POLICY = build_policy(TABLE)


def codes(*parts: int | tuple[int, int]) -> list[int]:
    return [code for part in parts for code in ([part] if isinstance(part, int) else range(part[0], part[1] + 1))]


# NVIDIA's catalogue, by what is done at once; a word after the code is what its line says too.
CATALOGUE: dict[str, list[int]] = {
    "restart_pod": codes(
        8, 11, 13, 25, 31, 32, (39, 41), 60, (68, 72), (75, 77), 80, (82, 86), 88, 89, 94, (96, 105), (126, 135), 139
    ),
    "record": codes(14, 37, 38, 43, 44, 63, 66, 67, 92, 93, (106, 108), 121, 137, 141, 152, 153, 157, 160, 161),
    "gpu_reset": codes(46, 48, 62, 64, 74, 95, 109, 110, 119, 120, 136, 140, 143, 149, 155, 156, 158),
    "reboot": [79, 151],
    "inspect": [54],
    "report": [78, 159],
    "restart_fabric_manager": [45],
    "quarantine": codes(142, (144, 148), 150, 154, (162, 172), 1, 2, 5, 15, 81, 87, 173, 999),
}


@pytest.mark.parametrize("action", CATALOGUE)
def test_each_code_has_the_action_of_the_catalogue(action: str) -> None:
    assert {code: POLICY.row_of_xid(code).action for code in CATALOGUE[action]} == dict.fromkeys(
        CATALOGUE[action], action
    )


def test_no_code_of_nvidia_is_left_out_of_the_test() -> None:
    known = {code for row in TABLE["faults"] for code in row.get("xids", ())}
    assert known <= {code for listed in CATALOGUE.values() for code in listed}


@pytest.mark.parametrize(
    ("code", "says", "fault"),
    [
        (145, "nonfatal", "nvlink5_event"),
        (145, "fatal", "nvlink5_error"),
        (145, "", "nvlink5_unread"),
        (149, "", "nvlink5_port"),
        (79, "fatal", "gpu_off_the_bus"),
        (4711, "", "unknown_xid"),
    ],
)
def test_what_a_line_says_too_decides_where_the_table_says_so(code: int, says: str, fault: str) -> None:
    assert POLICY.row_of_xid(code, says).fault == fault


def test_every_row_cites_its_sources_and_who_must_act_is_told_what() -> None:
    for row in TABLE["faults"]:
        assert row["sources"]
        # Whoever is to act outside of our pods is told exactly what.
        told = row["action"] in ("ignore", "record", "restart_pod") or row["class"] in ("pods_failing",)
        assert told or row.get("ask"), row["class"]


def test_the_drivers_words_are_those_of_nvml() -> None:
    assert POLICY.recovery == {
        0: ("NONE", "record"),
        1: ("GPU_RESET", "gpu_reset"),
        2: ("NODE_REBOOT", "reboot"),
        3: ("DRAIN_P2P", "drain"),
        4: ("DRAIN_AND_RESET", "gpu_reset"),
    }


def test_unknown_codes_are_for_a_human_and_empty_no_node() -> None:
    for signal in ("unknown_xid", "unknown_dcgm", "driver_asks", "condition XIDErrors"):
        row = POLICY.row_of(signal)
        assert row is not None and row.action == "quarantine" and not empties_the_node(row.action) and row.ask


def test_later_layers_change_earlier_ones_and_say_so() -> None:
    fleet = {"faults": [{"class": "row_remap_recorded", "action": "report", "contact": "support"}]}
    customer = {"xids": [{"code": 63, "class": "row_remap_pending"}, {"code": 145, "class": "nvlink5_event"}]}
    cluster = {"faults": [{"class": "row_remap_recorded", "action": "quarantine"}]}
    policy = build_policy(layered(TABLE, [("fleet", fleet), ("customer", customer), ("cluster", cluster)]))
    row = policy.rows["row_remap_recorded"]
    assert (row.action, row.contact, row.changed_by) == ("quarantine", "support", "cluster")
    assert policy.row_of_xid(63).fault == "row_remap_pending"
    # All lines of the code, whatever they say.
    assert {policy.row_of_xid(145, says).fault for says in ("", "fatal", "nonfatal")} == {"nvlink5_event"}
    assert policy.rows["nvlink5_event"].changed_by == "customer"
    assert policy.row_of_xid(146, "fatal").fault == "nvlink5_error"
    assert POLICY.row_of_xid(63).fault == "row_remap_recorded", "the table itself is left alone"


def test_an_override_of_a_class_that_is_not_there_says_where() -> None:
    layer = {"faults": [{"class": "row_remap", "action": "drain"}], "xids": [{"code": 63, "class": "off_the_bus"}]}
    with pytest.raises(PolicyError) as refused:
        layered(TABLE, [("cluster", layer)])
    there_is_no = "there is no class {} in the fault policy: did you mean '{}'?"
    assert refused.value.problems == [
        "cluster: health.faults[0].class: " + there_is_no.format("row_remap", "row_remap_pending"),
        "cluster: health.xids[0].class: " + there_is_no.format("off_the_bus", "gpu_off_the_bus"),
    ]
    assert "nothing was assessed" in str(refused.value)


def test_what_a_fleet_changes_has_the_form_of_the_contracts_section() -> None:
    check_layer("fleet", {"faults": [{"class": "information", "action": "report"}]})
    with pytest.raises(PolicyError, match=r"fleet: health.fault: unknown key 'fault': did you mean 'faults'"):
        check_layer("fleet", {"fault": []})


def broken(change: Any) -> dict[str, Any]:
    table = copy.deepcopy(TABLE)
    change(table)
    return table


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t["faults"][0].pop("owner"), "faults[0].owner: is missing"),
        (lambda t: t["faults"][0].update(action="restart"), "faults[0].action: 'restart' is not one of ignore, record"),
        (lambda t: t["limits"].update(flaps="often"), "limits.flaps: 'often' is not a whole number"),
        (lambda t: t["limits"].update(lease_max_age="soon"), "limits.lease_max_age: 'soon' is not a duration"),
        (lambda t: t["faults"].append(t["faults"][0]), "there is another row of class recovery_action: make them one"),
        (lambda t: t["faults"][0].update(xids=[79]), "xid 79 is a sign of recovery_action already"),
        (lambda t: t["faults"][0].update(sources=["nvm"]), "faults[0].sources: nvm is not in sources: did you mean"),
        (lambda t: t["faults"][0].pop("signals"), "no class has the sign driver_asks: add it to one"),
    ],
)
def test_a_table_that_contradicts_itself_is_refused_with_the_place(change: Any, words: str) -> None:
    with pytest.raises(PolicyError) as refused:
        build_policy(broken(change))
    assert any(words in problem for problem in refused.value.problems), refused.value.problems


ALL = dict.fromkeys(("cordon", "drain", "restart_plugin", "gpu_reset", "reboot", "replace"), "auto")


@pytest.mark.parametrize(
    ("action", "actions", "may"),
    [
        ("record", {}, "auto"),
        ("report", {}, "auto"),
        ("restart_pod", {"drain": "approve"}, "approve"),
        ("restart_plugin", ALL, "auto"),
        ("restart_fabric_manager", ALL, "never"),
        ("quarantine", {"cordon": "auto"}, "auto"),
        ("drain", {"cordon": "auto", "drain": "approve"}, "approve"),
        ("gpu_reset", {**ALL, "gpu_reset": "approve"}, "approve"),
        ("gpu_reset", {"gpu_reset": "auto"}, "never"),
        ("reboot", ALL, "auto"),
        ("replace", {**ALL, "replace": "never"}, "never"),
        ("inspect", {**ALL, "drain": "approve"}, "approve"),
    ],
)
def test_an_action_is_allowed_as_the_least_allowed_of_its_steps(action: str, actions: dict[str, str], may: str) -> None:
    agreed = {**contract(), "actions": actions}
    assert allowed(agreed, action) == may


def test_actions_are_ordered_and_those_that_empty_a_node_come_last() -> None:
    assert [action for action in ACTIONS if empties_the_node(action)] == [
        *("drain", "diagnose", "gpu_reset", "reboot", "inspect", "replace")
    ]
    assert strongest(["report", "reboot", "record"]) == "reboot"
    assert strongest([]) == "ignore"


def test_the_page_has_every_class_with_its_row_and_every_action() -> None:
    page = (ROOT / "docs" / "health.md").read_text(encoding="utf-8")
    for row in TABLE["faults"]:
        (line,) = [line for line in page.splitlines() if line.startswith(f"| `{row['class']}` |")]
        assert line.endswith(f"| {row['severity']} | `{row['action']}` | {row['owner']} |")
        assert all(f"`{signal}`" in line for signal in row.get("signals", ()))
    assert all(f"| `{action}` |" in page for action in ACTIONS)
