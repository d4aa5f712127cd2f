# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many replicas traffic needed: what is concluded of answers, and the questions as promtool evaluates them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.prometheus_text import NoResultError
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.traffic import MEASURED, PEAKS, needed
from tests.tools import monitoring
from tests.unit.domain.agreed import contract, model

DAY = 86_400
AGREED = contract(
    models=[model(replicas={"min": 1, "max": 8}, scaling={"signals": {"kv_cache_usage": 0.5, "waiting_requests": 4}})]
)


def _answer(values: dict[str, float]) -> dict[str, Any]:
    rows = [{"metric": {"model": name}, "value": [1.8e9, str(value)]} for name, value in values.items()]
    return {"status": "success", "data": {"resultType": "vector", "result": rows}}


NEEDED: list[tuple[str, dict[str, float], dict[str, float], dict[str, float], dict[str, int]]] = [
    ("its fullest caches", {"llama": 1.6}, {"llama": 0}, {"llama": DAY}, {"llama": 4}),
    ("its longest queue", {"llama": 0.4}, {"llama": 9}, {"llama": DAY}, {"llama": 3}),
    ("exactly what one replica does", {"llama": 0.5}, {"llama": 4}, {"llama": DAY}, {"llama": 1}),
    ("a quiet day, and its floor", {"llama": 0.0}, {"llama": 0}, {"llama": DAY}, {"llama": 1}),
    ("one signal is silent, which may be the one that asked for most", {}, {"llama": 5}, {"llama": DAY}, {}),
    ("both are, which is no zero", {}, {}, {"llama": DAY}, {}),
    ("no number", {"llama": float("nan")}, {"llama": float("inf")}, {"llama": DAY}, {}),
    ("measured for ten minutes less than a day", {"llama": 1.6}, {"llama": 0}, {"llama": DAY - 600}, {"llama": 4}),
    ("measured for an hour", {"llama": 1.6}, {"llama": 0}, {"llama": 3600}, {}),
    ("nobody knows for how long", {"llama": 1.6}, {"llama": 0}, {}, {}),
    ("another model", {"other": 1.6}, {"other": 0}, {"other": DAY}, {}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("usage", "waiting", "measured", "expected"), [row[1:] for row in NEEDED], ids=[row[0] for row in NEEDED]
)
def test_so_many_replicas_are_needed(
    usage: dict[str, float], waiting: dict[str, float], measured: dict[str, float], expected: dict[str, int]
) -> None:
    peaks = {"kv_cache_usage": _answer(usage), "waiting_requests": _answer(waiting)}
    assert needed(AGREED, peaks, _answer(measured)) == expected


def test_what_a_schedule_asks_for_is_needed() -> None:
    schedule = {"days": ["mon"], "from": "08:00", "to": "18:00", "timezone": "Europe/Berlin", "min": 3}
    agreed = contract(models=[model(scaling={"schedules": [schedule]})])
    assert needed(agreed, dict.fromkeys(PEAKS, _answer({"llama": 0})), _answer({"llama": DAY})) == {"llama": 3}


def test_an_error_is_no_silence() -> None:
    with pytest.raises(NoResultError):
        needed(AGREED, dict.fromkeys(PEAKS, _answer({})), {"status": "error", "error": "query timed out"})


def test_the_questions_are_of_the_past_day(tmp_path: Path) -> None:
    promtool = monitoring.command("promtool")
    if promtool is None:
        pytest.skip(monitoring.lacking("promtool"))
    series = {
        'byoc:model:kv_cache_usage{model="a"}': "9x2 0.5x280 1.5x8 0.5x300",
        'byoc:model:waiting_requests{model="a"}': "2x600",
        'byoc:model:requests:increase2m{model="a"}': "0x600",
        'byoc:model:requests:increase2m{model="b"}': "_x278 1x300",
        'byoc:model:requests:increase2m{model="away-for-hours"}': "0x100 _x100 0x400",
    }
    said = {
        PEAKS["kv_cache_usage"]: {'{model="a"}': 1.5},
        PEAKS["waiting_requests"]: {'{model="a"}': 2},
        MEASURED: {'{model="a"}': DAY, '{model="b"}': 4200, '{model="away-for-hours"}': 94 * 600},
    }
    test = {
        "interval": "5m",
        "input_series": [{"series": key, "values": values} for key, values in series.items()],
        "promql_expr_test": [
            {
                "expr": expr,
                "eval_time": "1455m",
                "exp_samples": [{"labels": labels, "value": value} for labels, value in samples.items()],
            }
            for expr, samples in said.items()
        ],
    }
    (tmp_path / "test.yml").write_text(json.dumps({"rule_files": [], "evaluation_interval": "5m", "tests": [test]}))
    done = subprocess.run(
        [*promtool, "test", "rules", "test.yml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
