# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each alert fires where it should and nowhere else, as promtool says, and knows the codes of the fault policy."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.alerting.configuration import ECHOES
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract.alerts_rules import CELLS
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.incident.symptom import FAULTS_OF_ALERTS
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.objectives import objective_rules
from tests.tools import monitoring
from tests.unit.domain.agreed import contract, model

ROOT = Path(__file__).resolve().parents[3]
RULES = ROOT / "roles" / "stack" / "files" / "releases" / "2026.12.0" / "alert-rules.yml"
GROUPS = yaml.safe_load(RULES.read_text())["groups"]
IN_FILE = {rule["alert"]: rule for group in GROUPS for rule in group["rules"]}
PROMISED = contract(models=[model(objectives={"availability": 0.99})])
OF_OBJECTIVES = {
    rule["alert"]: rule
    for group in objective_rules(PROMISED, "3d")["groups"]
    for rule in group["rules"]
    if "alert" in rule
}
#: What fires is in test_objective_rules.
ALERTS = {**IN_FILE, **OF_OBJECTIVES}
TABLE = yaml.safe_load((ROOT / "roles/stack/files/faults.yml").read_text())
CASES = yaml.safe_load(Path(__file__).with_name("alerts.yml").read_text())
RESTART = "restart_pod"
ALWAYS = "Watchdog"
# What leaves the node in service.
WEAKER = {"ignore", "record", "report", RESTART, "restart_plugin", "restart_fabric_manager"}


@pytest.fixture(scope="module")
def promtool() -> list[str]:
    found = monitoring.command("promtool")
    if found is None:
        pytest.skip(monitoring.lacking("promtool"))
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_an_alert_fires_as_it_should(case: dict[str, Any], promtool: list[str], tmp_path: Path) -> None:
    """In the case's table, which series there are, and which alerts they fire: their labels, and when."""
    fires = case.get("fires") or {}
    assert set(fires) <= set(IN_FILE), "the case names an alert that there is not"
    expected = [
        {
            "eval_time": case["at"],
            "alertname": name,
            "exp_alerts": [
                {"exp_labels": {**_given(name), **labels}, "exp_annotations": annotations}
                for labels in fires.get(name, [])
                for annotations in [_annotations(name, case)]
            ],
        }
        for name in IN_FILE
        if name != ALWAYS or ALWAYS in fires
    ]
    series = [{"series": key, "values": value} for key, value in case["series"].items()]
    test = {"interval": "5s", "input_series": series, "alert_rule_test": expected}
    file = {"rule_files": [str(RULES)], "evaluation_interval": "5s", "tests": [test]}
    (tmp_path / "test.yml").write_text(json.dumps(file))
    done = subprocess.run(
        [*promtool, "test", "rules", "test.yml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_case_where_it_fires_and_one_where_its_series_are_there_and_it_does_not() -> None:
    fired = {name for case in CASES for name in case.get("fires") or {}}
    assert fired == set(IN_FILE)
    quiet = {name for case in CASES for name in case.get("quiet") or ()}
    assert quiet == set(IN_FILE) - {ALWAYS}
    assert not [case["name"] for case in CASES if set(case.get("quiet") or ()) & set(case.get("fires") or {})]


def test_every_alert_has_a_severity_a_next_step_an_owner_and_a_runbook() -> None:
    assert ALERTS[ALWAYS]["labels"] == {"severity": "none", "owner": "fireworks"}
    for name, rule in ALERTS.items():
        labels = rule["labels"]
        assert (labels["owner"], labels.get("contact", ""), labels["severity"]) in CELLS or name == ALWAYS, name
        assert set(rule["annotations"]) == {"summary", "next", "owner", "runbook_url"}, name


def test_what_comes_and_goes_is_told_once() -> None:
    assert {name for name, rule in ALERTS.items() if rule.get("keep_firing_for") != "5m"} == {ALWAYS}


def test_the_owner_of_a_fault_is_that_of_the_fault_policy() -> None:
    rows = {row["class"]: row for row in TABLE["faults"]}
    for alert, fault in FAULTS_OF_ALERTS.items():
        labels, row = ALERTS[alert]["labels"], rows[fault]
        assert labels["owner"] == row["owner"], alert
        assert labels.get("contact", row["contact"]) == row["contact"], alert
    assert set(FAULTS_OF_ALERTS) == {name for name in ALERTS if name.startswith("Gpu")} | {"EngineHung"}


def test_what_is_silenced_by_something_else_is_there_and_nothing_that_the_event_path_waits_for() -> None:
    for source, targets, _same in ECHOES:
        assert {source, *targets} <= set(ALERTS)
        assert not [name for name in targets if ALERTS[name]["labels"].get("remediate")]


def test_every_alert_has_its_page_and_every_page_its_alert() -> None:
    """As docs/runbooks names them: those of codes are in small letters."""
    pages = {path.stem: path.read_text() for path in (ROOT / "docs" / "runbooks").glob("[A-Z]*.md")}
    readme = pages.pop("README")
    assert set(pages) == set(ALERTS)
    repository = yaml.safe_load((ROOT / "galaxy.yml").read_text())["repository"]
    for name, text in pages.items():
        labels, annotations = ALERTS[name]["labels"], ALERTS[name]["annotations"]
        assert annotations["runbook_url"] == f"{repository}/blob/main/docs/runbooks/{name}.md"
        [(severity, who)] = re.findall(rf"^Alert: `{name}`, severity `(\w+)`\. Who acts: (.+)\.$", text, re.MULTILINE)
        assert severity == labels["severity"]
        assert "Fireworks" in who if labels["owner"] == "fireworks" else f"`{labels['contact']}`" in who, name
        for part in ("What it means.", "How to look.", "What to do."):
            assert f"**{part}**" in text, (name, part)
        assert len(text.splitlines()) <= 40
        assert f"]({name}.md)" in readme


def test_the_codes_are_those_of_the_fault_policy() -> None:
    for code in range(1, 1000):
        rows = [row for row in TABLE["faults"] if code in row.get("xids", ())]
        stays = bool(rows) and all(row["action"] in WEAKER and not row.get("quarantine") for row in rows)
        restarts = any(row["action"] == RESTART for row in rows)
        found = [name for name in ("GpuXid", "GpuProgramXid") if _matches(name, code)]
        assert found == (["GpuXid"] if not stays else ["GpuProgramXid"] if restarts else []), code


def test_the_limits_are_those_of_the_fault_policy() -> None:
    assert TABLE["limits"]["slowdowns_per_minute"] * 5 == 3
    assert TABLE["limits"]["heartbeat_grace"] == "120s"
    assert TABLE["limits"]["not_ready_grace"] == ALERTS["GpuNodeNotReady"]["for"]


def _matches(alert: str, code: int) -> bool:
    """Whether the rule's matchers take a code; Prometheus anchors them at both ends."""
    matchers = re.findall(r'xid(=~|!~)"([^"]*)"', ALERTS[alert]["expr"])
    assert matchers
    return all((re.fullmatch(shape, str(code)) is not None) == (kind == "=~") for kind, shape in matchers)


def _given(name: str) -> dict[str, str]:
    return {key: value for key, value in ALERTS[name]["labels"].items() if "{{" not in value}


def _annotations(name: str, case: dict[str, Any]) -> dict[str, str]:
    return {**ALERTS[name]["annotations"], "summary": case["says"][name]}
