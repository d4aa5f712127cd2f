# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What scalers ask of each model, by the rules of the stack release, as promtool evaluates them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.engine import ENGINES
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.scaling.signals import (
    signals,
    usage_query,
    wake_query,
)
from tests.tools import monitoring
from tests.unit.domain.agreed import model

ROOT = Path(__file__).resolve().parents[3]
FILES = sorted((ROOT / "roles" / "stack" / "files" / "releases").glob("*/recording-rules.yml"))
RULES = {rule["record"]: rule["expr"] for rule in yaml.safe_load(FILES[-1].read_text())["groups"][0]["rules"]}
CASES = yaml.safe_load(Path(__file__).with_name("recorded.yml").read_text())


def test_the_rules_say_what_they_should(tmp_path: Path) -> None:
    promtool = monitoring.command("promtool")
    if promtool is None:
        pytest.skip(monitoring.lacking("promtool"))
    tests = [
        {
            "name": case["name"],
            "interval": "5s",
            "input_series": [{"series": key, "values": value} for key, value in case["series"].items()],
            "promql_expr_test": [
                {"expr": expr, "eval_time": case["at"], "exp_samples": [_sample(each) for each in samples]}
                for expr, samples in case["says"].items()
            ],
        }
        for case in CASES
    ]
    file = {"rule_files": [str(FILES[-1])], "evaluation_interval": "5s", "tests": tests}
    (tmp_path / "test.yml").write_text(json.dumps(file))
    done = subprocess.run(
        [*promtool, "test", "rules", "test.yml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _sample(text: str) -> dict[str, Any]:
    labels, _space, value = text.rpartition(" ")
    return {"labels": labels, "value": float(value)}


def test_every_release_has_them() -> None:
    releases = [path.parent for path in FILES[0].parents[1].glob("*/release.yml")]
    assert sorted(path.parent for path in FILES) == sorted(releases)
    assert {path.read_text() for path in FILES} == {FILES[-1].read_text()}


@pytest.mark.parametrize("engine", ENGINES)
def test_what_scalers_ask_for_is_recorded_of_each_engine(engine: str) -> None:
    served = model(engine={"name": engine, "version": "1"})
    for signal in signals(served):
        query = usage_query(served, signal)
        assert query == f'byoc:model:{signal.name}{{model="{served["name"]}"}}'
        assert signal.metric in RULES[query.partition("{")[0]]
    asked = wake_query(served)
    assert {name for name in RULES if name in asked} == {
        "byoc:model:requests:increase2m",
        "byoc:model:requests:unasked",
    }
