# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nobody is paged for a week in which nothing is broken: our rules over generated noise, as promtool evaluates them.

The rules of GPUs, nodes and the stack are evaluated every 15 seconds, day by day, each with the hour before it: three
times less often than telemetry does. Those of objectives, whose windows are days, every minute over the whole week.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.alerting.configuration import ECHOES
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.objectives import objective_rules
from tests.integration.ansible_runs import ROOT
from tests.integration.autoscaled import RELEASE
from tests.integration.healthy_week import DAY, HOUR, MINUTE, WEEK, Series, Week
from tests.tools import monitoring
from tests.unit.domain.agreed import contract, model

LATE = {
    "time_to_first_token": {"within": "1s", "share": 0.95},
    "inter_token_latency": {"within": "100ms", "share": 0.99},
}
AGREED = contract(
    models=[
        model("chat", objectives={"availability": 0.999, **LATE}),
        model("small", objectives={"availability": 0.99, **LATE}),
        model(
            "sleepy", objectives={"availability": 0.99}, replicas={"min": 0, "max": 1}, scaling={"idle_to_zero": "15m"}
        ),
    ]
)
PAGES = "critical"
"""The severity that somebody is woken by (docs/alerts.md)."""
STEP = 15
"""Seconds between scrapes, and between evaluations, of what needs no days."""
TOLD = ("alertname", "severity", "model", "objective", "node")
FOUND = ROOT / "build" / "healthy_week.md"
Alert = Mapping[str, str]
Firing = dict[int, list[Alert]]
"""By minute of the week, what fires."""


def firing(folder: Path, rules: Sequence[Path], series: list[dict[str, str]], step: int, span: range) -> Firing:
    """What the rules fire over these series, looked at every minute.

    :param span: seconds of the week that the series are of; its step is that of the looks.
    """
    promtool = monitoring.command("promtool")
    if promtool is None:
        pytest.skip(monitoring.lacking("promtool"))
    query = f'count by ({", ".join(TOLD)}) (ALERTS{{alertstate="firing", alertname!="Watchdog"}})'
    looks = [
        {"expr": query, "eval_time": f"{second - span.start}s", "exp_samples": []}
        for second in range(span.start + MINUTE, span.stop, span.step)
    ]
    test = {"interval": f"{step}s", "input_series": series, "promql_expr_test": looks}
    file = {"rule_files": [str(path) for path in rules], "evaluation_interval": f"{step}s", "tests": [test]}
    (folder / "test.yml").write_text(json.dumps(file))
    command = [*promtool, "test", "rules", "test.yml"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    output = done.stdout + done.stderr
    assert done.returncode == 0 or "got:" in output, output[-4000:]
    return {span.start + at: alerts for at, alerts in found_in(output)}


def found_in(output: str) -> Iterable[tuple[int, list[Alert]]]:
    """The looks at which something fired, as promtool tells of expectations that were not met."""
    for part in output.split("expr: ")[1:]:
        time = re.search(r"time: (?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?,", part)
        assert time, part
        days, hours, minutes, seconds = (int(each or 0) for each in time.groups())
        labels = re.findall(r"\{[^{}]*\}", part.partition("got:")[2])
        alerts = [dict(re.findall(r'(\w+)="([^"]*)"', each)) for each in labels]
        assert alerts, part
        yield days * DAY + hours * HOUR + minutes * MINUTE + seconds, alerts


def notified(found: Firing, begin: int, looks: int = MINUTE) -> Counter[tuple[str, str]]:
    """How often each alert was told, by name and severity: once for each group as Alertmanager makes them, less what is
    only the echo of something that fires too."""
    told: Counter[tuple[str, str]] = Counter()
    for second, alerts in found.items():
        before = {_group(each) for each in _heard(found.get(second - looks, ()))}
        for group in {_group(each): each for each in _heard(alerts)}.values():
            if second >= begin and _group(group) not in before:
                told[group["alertname"], group["severity"]] += 1
    return told


def _group(alert: Alert) -> tuple[str, ...]:
    return tuple(alert.get(key, "") for key in ("alertname", "model", "objective"))


def _heard(alerts: Iterable[Alert]) -> list[Alert]:
    alerts = list(alerts)
    return [
        each
        for each in alerts
        if not any(
            each["alertname"] in targets and other["alertname"] == source
            and all(other.get(key) == each.get(key) for key in same)
            for source, targets, same in ECHOES
            for other in alerts
        )
    ]  # fmt: skip


def of_a_day(folder: Path, week: Week, day: int, begin: int = 0, end: int = DAY) -> Counter[tuple[str, str]]:
    """What is told in a part of a day, by the rules that need no days. The hour before it is seen too."""
    first = day * DAY + begin
    span = range(max(0, first - HOUR), day * DAY + end, MINUTE)
    series = Series(week, span.start, span.stop, STEP).all()
    rules = [RELEASE / "recording-rules.yml", RELEASE / "alert-rules.yml"]
    return notified(firing(folder, rules, series, STEP, span), first)


def of_objectives(folder: Path, week: Week, begin: int, end: int) -> Counter[tuple[str, str]]:
    """What is told of objectives by a telemetry that begins to measure at ``begin``."""
    (folder / "objectives.yml").write_text(json.dumps(objective_rules(AGREED, "30d")))
    span = range(begin, end, MINUTE)
    series = Series(week, begin, end, MINUTE).serving()
    found = firing(folder, [folder / "objectives.yml", RELEASE / "alert-rules.yml"], series, MINUTE, span)
    kept = {
        second: [each for each in alerts if each["alertname"].startswith("Objective")]
        for second, alerts in found.items()
    }
    return notified(kept, begin)


def pages(told: Counter[tuple[str, str]]) -> int:
    return sum(count for (_alert, severity), count in told.items() if severity == PAGES)


def test_the_noise_of_a_day_with_a_reboot_pages_nobody(tmp_path: Path) -> None:
    """A sample: some hours around a planned reboot."""
    week = Week(int(os.environ.get("BYOC_SOAK_SEED", "0"), 36))
    reboot = week.reboots[0].down[0] % DAY
    told = of_a_day(tmp_path, week, 1, reboot - HOUR // 2, reboot + HOUR)
    assert pages(told) == 0, told


def test_what_is_broken_among_the_noise_pages_somebody(tmp_path: Path) -> None:
    """Else a week without a page would prove nothing."""
    week = Week(1)
    reboot = week.reboots[0]
    broken = {"DCGM_FI_DEV_FABRIC_MANAGER_STATUS": 4, "DCGM_FI_DEV_GPU_RECOVERY_ACTION": 1}
    span = range(reboot.down[0] - HOUR, reboot.down[0], MINUTE)
    series = Series(week, span.start, span.stop, STEP).all()
    for name, value in broken.items():
        one = next(each for each in series if each["series"].startswith(name) and '"n2"' in each["series"])
        one["values"] = f"0x100 {value}x100"
    rules = [RELEASE / "recording-rules.yml", RELEASE / "alert-rules.yml"]
    told = notified(firing(tmp_path, rules, series, STEP, span), span.start)
    assert (told["GpuFabricDown", PAGES], told["GpuAsksForRecovery", PAGES]) == (1, 1), told


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_week_of_healthy_noise_pages_at_most_once(tmp_path: Path) -> None:
    week = Week(int(os.environ.get("BYOC_SOAK_SEED", "0"), 36))
    told: Counter[tuple[str, str]] = Counter()
    for day in range(7):
        told += of_a_day(tmp_path, week, day)
    write(week, told)
    assert pages(told) <= 1, told


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_a_week_of_healthy_noise_pages_nobody_for_an_objective(tmp_path: Path) -> None:
    """Windows of days, each minute of a week: so one page at most is that of the whole week, too."""
    told = of_objectives(tmp_path, Week(int(os.environ.get("BYOC_SOAK_SEED", "0"), 36)), 0, WEEK)
    print(told)
    assert pages(told) == 0, told


def write(week: Week, told: Counter[tuple[str, str]]) -> None:
    """The table."""
    happened = {
        "planned reboots": len(week.reboots),
        "kubelets late for up to 200 s": sum(len(list(each)) for each in week.unready.values()),
        "exporters away": sum(len(list(each)) for each in week.exporters.values()),
        "scrapes that ran out of time": sum(len(list(each)) for each in week.gaps.values()),
        "telemetry away": len(list(week.paused)),
        "rollouts of routers and engines": len(week.rollouts),
        "moves of Alertmanager": len(list(week.moved)),
        "restarts of KEDA": len(list(week.scaler)),
        "slow moments of models": sum(len(each.slow) for each in week.models),
        "bursts of 1 to 4 errors": sum(len(each.bursts) for each in week.models),
        "sleeps of a model": len(list(week.models[2].asleep)),
    }
    rows = "".join(f"| {what} | {count} |\n" for what, count in happened.items())
    alerts = "".join(f"| {name} | {severity} | {count} |\n" for (name, severity), count in sorted(told.items()))
    FOUND.parent.mkdir(exist_ok=True)
    FOUND.write_text(
        f"# A week in which nothing is broken\n\n| what happened | times |\n|---|---|\n{rows}\n"
        f"| alert | severity | told |\n|---|---|---|\n{alerts}\nPages: {pages(told)}\n",
        encoding="utf-8",
    )
    print(f"\n{FOUND.read_text()}")
