# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What incidents ask of telemetry, answered by Prometheus' own PromQL."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.incident.impact import impact_queries
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.incident.symptom import FIRING
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.objectives.budget import RECORDED, SINCE
from tests.tools import monitoring

DOWN = 'alertname="RouterDown",severity="critical"'
WAITS = 'alertname="GpuXid",severity="critical",node="gpu-7"'
SLOW = 'alertname="ObjectiveBurnsSlowly",severity="warning"'
OF_LLAMA = '{model="llama",objective="availability"}'
SERIES = {
    f'ALERTS{{alertstate="firing",{DOWN}}}': "1x120",
    f"ALERTS_FOR_STATE{{{DOWN}}}": "1800x120",
    f'ALERTS{{alertstate="pending",{WAITS}}}': "1x120",
    f"ALERTS_FOR_STATE{{{WAITS}}}": "3500x120",
    f'ALERTS{{alertstate="firing",{SLOW}}}': "1x120",
    f"ALERTS_FOR_STATE{{{SLOW}}}": "60x120",
    f"byoc:objective:bad:rate5m{OF_LLAMA}": "0.5x120",
    f"byoc:objective:total:rate5m{OF_LLAMA}": "10x120",
    f"byoc:objective:budget{OF_LLAMA}": "0.001x120",
}


def test_what_pages_and_what_it_cost_is_found_and_nothing_else(tmp_path: Path) -> None:
    promtool = monitoring.command("promtool")
    if promtool is None:
        pytest.skip(monitoring.lacking("promtool"))
    asked = impact_queries((1800.0, 3600.0))
    of_llama = '{model="llama"}'
    expected = {
        FIRING: [{"labels": f"ALERTS_FOR_STATE{{{DOWN}}}", "value": 1800}],
        asked["failed"]: [{"labels": of_llama, "value": 900}],  # half an hour of 0.5 a second
        asked["requests"]: [{"labels": of_llama, "value": 18000}],
        asked["budget"]: [{"labels": of_llama, "value": 0.001}],
    }
    expressions = [{"expr": query, "eval_time": "1h", "exp_samples": told} for query, told in expected.items()]
    series = [{"series": name, "values": values} for name, values in SERIES.items()]
    test = {"interval": "30s", "input_series": series, "promql_expr_test": expressions}
    (tmp_path / "test.yml").write_text(json.dumps({"evaluation_interval": "30s", "tests": [test]}))
    done = subprocess.run(
        [*promtool, "test", "rules", "test.yml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_left_of_budgets_is_found_with_since_when_it_is_measured(tmp_path: Path) -> None:
    promtool = monitoring.command("promtool")
    if promtool is None:
        pytest.skip(monitoring.lacking("promtool"))
    names = {
        f"byoc:objective:bad:rate3d{OF_LLAMA}": 0.5,
        f"byoc:objective:ratio:rate3d{OF_LLAMA}": 0.05,
        f"byoc:objective:budget{OF_LLAMA}": 0.01,
    }
    late = {name: f"_x60 {value}x60" for name, value in names.items()}  # from half an hour on
    ignored = {f"byoc:objective:total:rate3d{OF_LLAMA}": "10x120", "up{job='models'}": "1x120"}
    expected = {
        RECORDED: [{"labels": name, "value": value} for name, value in names.items()],
        SINCE: [{"labels": OF_LLAMA, "value": 1800}],
    }
    expressions = [{"expr": query, "eval_time": "1h", "exp_samples": told} for query, told in expected.items()]
    series = [{"series": name, "values": values} for name, values in {**late, **ignored}.items()]
    test = {"interval": "30s", "input_series": series, "promql_expr_test": expressions}
    (tmp_path / "test.yml").write_text(json.dumps({"evaluation_interval": "30s", "tests": [test]}))
    done = subprocess.run(
        [*promtool, "test", "rules", "test.yml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
