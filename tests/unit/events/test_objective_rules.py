# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objectives as rules: what they are made of, and where they fire, as promtool evaluates them."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract.schema_model_objectives import (
    FIRST_TOKEN_BOUNDS,
    TOKEN_BOUNDS,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.objectives import objective_rules
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.objectives.windows import (
    FAST,
    SLOW,
    fitting,
    seconds,
    spans,
)
from tests.tools import monitoring
from tests.unit.domain.agreed import contract, model
from tests.unit.domain.contract.contracts import complaints_about

CASES = yaml.safe_load(Path(__file__).with_name("objectives.yml").read_text())
PROMISED = {
    "availability": 0.999,
    "time_to_first_token": {"within": "1s", "share": 0.95},
    "inter_token_latency": {"within": "100ms", "share": 0.99},
}
AGREED = contract(
    models=[
        model(objectives=PROMISED),
        model(
            "sleepy",
            objectives={"availability": 0.99},
            replicas={"min": 0, "max": 1},
            scaling={"idle_to_zero": "15m"},
        ),
        model("silent"),
    ]
)
ALERTS = ("ObjectiveBurnsFast", "ObjectiveBurnsSlowly", "ObjectiveNotMeasured")
# vLLM's own, vllm/v1/metrics/loggers.py.
FIRST = (
    0.001,
    0.005,
    0.01,
    0.02,
    0.04,
    0.06,
    0.08,
    0.1,
    0.25,
    0.5,
    0.75,
    1,
    2.5,
    5,
    7.5,
    10,
    20,
    40,
    80,
    160,
    640,
    2560,
)
NEXT = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80)


def rules_of(agreed: dict[str, Any] = AGREED, retention: str = "3d") -> dict[str, dict[str, Any]]:
    """The alerts by name."""
    groups = objective_rules(agreed, retention)["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}


def series(case: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, said in (case.get("router") or {}).items():
        of = f'job="router",instance="r",envoy_cluster_name="{name}"'
        known = said.get("known") or said["all"]
        yield f"envoy_cluster_upstream_rq_total{{{of}}}", known
        yield f"envoy_cluster_upstream_cx_none_healthy{{{of}}}", said.get("nobody", "0x2160")
        if "failed" in said:
            yield f'envoy_cluster_upstream_rq_xx{{{of},envoy_response_code_class="5"}}', said["failed"]
            yield f'envoy_cluster_upstream_rq_xx{{{of},envoy_response_code_class="2"}}', rest(said)
    if "sleepy" not in (case.get("router") or {"sleepy": 1}):
        yield 'envoy_cluster_upstream_rq_total{job="router",instance="r",envoy_cluster_name="sleepy"}', "0x2160"
    for name, said in (case.get("engine") or {}).items():
        of = f'job="models",pod="p",model="{name}",model_name="x"'
        yield f"up{{{of}}}", "1x2160"
        for key, metric, bound in (("first", "time_to_first_token", "1.0"), ("next", "inter_token_latency", "0.1")):
            counted = said.get(key) or ()
            for values, part in zip(counted, ("count{", f'bucket{{le="{bound}",'), strict=False):
                yield f"vllm:{metric}_seconds_{part}{of}}}", values
                if part == "count{":
                    yield f'vllm:{metric}_seconds_bucket{{le="40.0",{of}}}', values


def rest(said: dict[str, str]) -> str:
    """All that did not fail, where both grow evenly from the beginning; else all, which is more than enough."""
    every, failed = (str(said[key]) for key in ("all", "failed"))
    steps = [text.partition("+")[2].partition("x")[0] for text in (every, failed)]
    if all(steps) and " " not in every + failed:
        return f"0+{float(steps[0]) - float(steps[1]):g}x{every.partition('x')[2]}"
    return every


@pytest.mark.soak(sample=3)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_an_objective_is_told_as_it_should(case: dict[str, Any], tmp_path: Path) -> None:
    promtool = monitoring.command("promtool")
    if promtool is None:
        pytest.skip(monitoring.lacking("promtool"))
    rules = objective_rules(AGREED, "3d")
    (tmp_path / "rules.yml").write_text(json.dumps(rules))
    fires = {name: sorted((case.get("fires") or {}).get(name, ())) for name in ALERTS}
    asked = [
        {"expr": f'count by (model, objective) (ALERTS{{alertname="{name}",alertstate="firing"}})', "eval_time": at,
         "exp_samples": [_sample(each) for each in found]}
        for at in case["at"] for name, found in fires.items()
        if case["every"] == "1m" or name != "ObjectiveNotMeasured"
    ]  # fmt: skip
    given = [{"series": key, "values": values} for key, values in series(case)]
    test = {"interval": case["every"], "input_series": given, "promql_expr_test": asked}
    file = {"rule_files": ["rules.yml"], "evaluation_interval": case["every"], "tests": [test]}
    # Else promtool takes the groups in any order, and what alerts ask of was written an interval ago, or never.
    file["group_eval_order"] = [group["name"] for group in rules["groups"]]
    (tmp_path / "test.yml").write_text(json.dumps(file))
    done = subprocess.run(
        [*promtool, "test", "rules", "test.yml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _sample(text: str) -> dict[str, Any]:
    name, objective = text.split()
    return {"labels": f'{{model="{name}",objective="{objective}"}}', "value": 1}


def test_each_alert_fires_somewhere() -> None:
    assert {name for case in CASES for name in case.get("fires") or ()} == set(ALERTS) == set(rules_of())


def test_where_nothing_is_promised_there_are_no_rules() -> None:
    assert objective_rules(contract(models=[model()]), "3d") == {}
    assert objective_rules(contract(), "3d") == {}


@pytest.mark.parametrize(
    ("retention", "alerts", "windows"),
    [
        ("3d", set(ALERTS), ["5m", "30m", "1h", "2h", "6h", "1d", "3d"]),
        ("2d", set(ALERTS), ["5m", "30m", "1h", "2h", "6h", "1d"]),
        ("6h", {"ObjectiveBurnsFast", "ObjectiveNotMeasured"}, ["5m", "30m", "1h", "6h"]),
        ("1h", {"ObjectiveBurnsFast", "ObjectiveNotMeasured"}, ["5m", "1h"]),
        ("30m", {"ObjectiveNotMeasured"}, ["5m"]),
    ],
)
def test_only_windows_that_metrics_are_kept_for_are_watched(
    retention: str, alerts: set[str], windows: list[str]
) -> None:
    groups = objective_rules(AGREED, retention)["groups"]
    recorded = {rule["record"] for group in groups for rule in group["rules"] if "record" in rule}
    assert set(rules_of(retention=retention)) == alerts
    ratios = {name.partition("ratio:rate")[2] for name in recorded if "ratio:rate" in name}
    assert ratios == set(windows)
    for name, rule in rules_of(retention=retention).items():
        used = {word for word in re.sub("[()]", " ", rule["expr"]).split() if word.startswith("byoc:objective:")}
        assert {word.partition("{")[0] for word in used} <= recorded, name


def test_the_windows_are_those_of_the_workbook() -> None:
    """Table 5-8 of The Site Reliability Workbook: the part of a budget of 30 days that is gone when it is told."""
    gone = [(pair.long, round(pair.factor * seconds(pair.long) / seconds("30d"), 3)) for pair in (*FAST, *SLOW)]
    assert gone == [("1h", 0.02), ("6h", 0.05), ("1d", 0.1), ("3d", 0.1)]
    assert [pair.short for pair in (*FAST, *SLOW)] == ["5m", "30m", "2h", "6h"]
    assert spans(fitting([*FAST, *SLOW], "1d")) == ["5m", "30m", "1h", "2h", "6h", "1d"]


def test_a_contract_may_name_only_bounds_at_which_the_engine_counts() -> None:
    for bounds, counted in ((FIRST_TOKEN_BOUNDS, FIRST), (TOKEN_BOUNDS, NEXT)):
        said = [float(text[:-2]) / 1000 if text.endswith("ms") else float(text[:-1]) for text in bounds]
        assert set(said) <= set(counted) and said == sorted(said)
    wrong = {"models.0.objectives": {"time_to_first_token": {"within": "300ms", "share": 0.9}}}
    [message] = complaints_about(wrong).values()
    assert "'300ms' is not one of 100ms, 250ms" in message


def test_the_rules_of_a_large_contract_fit_a_config_map() -> None:
    many = contract(models=[model(f"a-model-with-a-long-name-{number}", objectives=PROMISED) for number in range(200)])
    assert len(json.dumps(objective_rules(many, "3d"), indent=2)) < 900_000
