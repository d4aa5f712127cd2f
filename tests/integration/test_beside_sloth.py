# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our burn-rate alerts beside those that sloth generates for the same objective and windows, on 50 models."""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.objectives import objective_rules
from byoc_testbed import parts
from byoc_testbed.errors import TestbedError
from tests.tools import monitoring
from tests.unit.domain.agreed import contract, model

MODELS = [f"m{number}" for number in range(50)]
MINUTES, STEP = 16 * 60, 2
OBJECTIVE = 0.999
REQUESTS = 1201
"""In each step: no share of it is exactly a threshold, where sloth's 1 - 0.999 is a hair less than 0.001."""
_OF = 'sum by (envoy_cluster_name) (rate(envoy_cluster_upstream_rq_xx{job="router"%s}[{{.window}}]))'
SPECIFICATION = {
    "version": "prometheus/v1",
    "service": "byoc",
    "slos": [
        {
            "name": "availability",
            "objective": OBJECTIVE * 100,
            "sli": {
                "events": {
                    "error_query": _OF % ',envoy_response_code_class="5"',
                    "total_query": _OF % "",
                }
            },
            "alerting": {
                "page_alert": {"labels": {"alertname": "SlothPage"}},
                "ticket_alert": {"labels": {"alertname": "SlothTicket"}},
                "name": "Sloth",
            },
        }
    ],
}
PAIRS = {"ObjectiveBurnsFast": "page", "ObjectiveBurnsSlowly": "ticket"}


def failures(draw: random.Random) -> list[int]:
    """Of all requests in each step, how many fail: a level, with bursts, ramps and quiet times."""
    level = draw.choice([0, 0, 0.0002, 0.0008, 0.0012, 0.002, 0.004, 0.007, 0.01, 0.02])
    made: list[int] = []
    while len(made) < MINUTES // STEP:
        length = draw.choice([3, 10, 30, 120, 300])
        burst = draw.choice([0, 1, 1, 1, 2, 8, 16, 40, 500])
        rising = draw.random() < 0.2
        made += [
            min(REQUESTS, round(REQUESTS * level * burst * ((step / length) if rising else 1) + draw.random()))
            for step in range(length)
        ]
    return made[: MINUTES // STEP]


def series() -> list[dict[str, str]]:
    made = []
    for number, name in enumerate(MODELS):
        failed = failures(random.Random(number))  # noqa: S311
        of = f'job="router",instance="r",envoy_cluster_name="{name}"'
        for code, counts in (("5", failed), ("2", [REQUESTS - each for each in failed])):
            total, values = 0, []
            for each in counts:
                total += each
                values.append(str(total))
            made.append({"series": f'envoy_cluster_upstream_rq_xx{{{of},envoy_response_code_class="{code}"}}',
                         "values": " ".join(values)})  # fmt: skip
        made.append({"series": f"envoy_cluster_upstream_rq_total{{{of}}}", "values": f"0+{REQUESTS}x{MINUTES // STEP}"})
    return made


def ours() -> dict[str, Any]:
    """Without what sloth has not: an alert that stays for five minutes."""
    agreed = contract(models=[model(name, objectives={"availability": OBJECTIVE}) for name in MODELS])
    rules = objective_rules(agreed, "3d")
    for group in rules["groups"]:
        for rule in group["rules"]:
            rule.pop("keep_firing_for", None)
    return rules


def theirs(folder: Path) -> Path:
    (folder / "sloth.yml").write_text(yaml.safe_dump(SPECIFICATION))
    command = [str(parts.program(parts.SLOTH, "sloth")), "generate", "-i", "sloth.yml", "-o", "theirs.yml"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    made = yaml.safe_load((folder / "theirs.yml").read_text())
    for group in made["groups"]:
        # A budget of 30 days is no window of an alert.
        group["rules"] = [rule for rule in group["rules"] if not str(rule.get("record", "")).endswith("30d")]
    (folder / "theirs.yml").write_text(yaml.safe_dump(made))
    return folder / "theirs.yml"


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_on_fifty_models_ours_fire_where_sloths_fire_and_nowhere_else(tmp_path: Path) -> None:
    promtool = monitoring.command("promtool")
    if promtool is None:
        pytest.skip(monitoring.lacking("promtool"))
    try:
        theirs(tmp_path)
    except TestbedError as error:
        pytest.skip(f"sloth cannot be built here: {error}")
    (tmp_path / "ours.yml").write_text(json.dumps(ours()))
    asked = []
    for minute in range(20, MINUTES, 20):
        for name, severity in PAIRS.items():
            mine = f'count by (model) (ALERTS{{alertname="{name}",alertstate="firing"}})'
            firing = f'ALERTS{{sloth_severity="{severity}",alertstate="firing"}}'
            other = f'count by (model) (label_replace({firing}, "model", "$1", "envoy_cluster_name", "(.+)"))'
            both = f"({mine} unless {other}) or ({other} unless {mine})"
            asked.append({"expr": both, "eval_time": f"{minute}m", "exp_samples": []})
    ever = [
        {"expr": f'count(count by (model) (last_over_time(ALERTS{{alertname="{name}"}}[2d]))) > bool 9',
         "eval_time": f"{MINUTES - STEP}m", "exp_samples": [{"labels": "{}", "value": 1}]}
        for name in PAIRS
    ]  # fmt: skip
    quiet = {"expr": 'count(count by (model) (last_over_time(ALERTS{alertstate="firing"}[2d]))) < bool 50',
             "eval_time": f"{MINUTES - STEP}m", "exp_samples": [{"labels": "{}", "value": 1}]}  # fmt: skip
    test = {"interval": f"{STEP}m", "input_series": series(), "promql_expr_test": [*asked, *ever, quiet]}
    rules = [yaml.safe_load((tmp_path / name).read_text())["groups"] for name in ("ours.yml", "theirs.yml")]
    # What is recorded comes first, of both, so that neither alerts by what was recorded a step ago.
    groups = sorted((group for each in rules for group in each), key=lambda group: "alert" in group["rules"][-1])
    file = {
        "rule_files": ["ours.yml", "theirs.yml"],
        "evaluation_interval": f"{STEP}m",
        "group_eval_order": [group["name"] for group in groups],
        "tests": [test],
    }
    (tmp_path / "test.yml").write_text(json.dumps(file))
    done = subprocess.run(
        [*promtool, "test", "rules", "test.yml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
