# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objectives as rules of Prometheus: what is recorded of each, and the alerts over all of them.

Each series has the labels ``model`` and ``objective``, and no others, so that series of two rules match by themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..contract.schema_model_objectives import AVAILABILITY
from ..contract.typed import Contract
from .indicators import Indicator, Promise, indicators, promises
from .windows import FAST, SLOW, Pair, fitting, seconds, spans

Rule = dict[str, Any]

MINIMUM = 5
"""Bad events in the long window below which nothing is told, however few events there were: one error of three requests
at night is no outage."""
_NOW = "5m"
"""By which it is seen whether anything is measured at all."""
_SHORT = "1h"
"""Up to here windows are calculated each half minute; longer ones change slowly, and are many samples to read."""
_RUNBOOKS = "https://github.com/fw-ai/fireworks-byoc-ansible/blob/main/docs/runbooks"
_WORDS = "{{ $labels.model }}: {{ $labels.objective }}"


def objective_rules(
    contract: Contract, retention: str, fast: Sequence[Pair] = FAST, slow: Sequence[Pair] = SLOW
) -> dict[str, Any]:
    """A file of rules; nothing where no model has an objective.

    :param retention: how long metrics are kept. What needs longer is neither calculated nor told.
    """
    promised = list(promises(contract))
    if not promised:
        return {}
    measured = indicators(promised)
    fast, slow = fitting(fast, retention), fitting(slow, retention)
    windows = spans([*fast, *slow, Pair(_NOW, _NOW, 1)])
    short = [window for window in windows if seconds(window) <= seconds(_SHORT)]
    long = [window for window in windows if window not in short]
    groups = [
        _group("byoc-objectives", "30s", [*map(_budget, promised), *_recorded(measured, short)]),
        _group("byoc-objectives-long", "2m", _recorded(measured, long)),
        _group("byoc-objective-alerts", "30s", _alerts(fast, slow)),
    ]
    return {"groups": [group for group in groups if group["rules"]]}


def _group(name: str, interval: str, rules: Iterable[Rule]) -> dict[str, Any]:
    return {"name": name, "interval": interval, "rules": list(rules)}


def _budget(promise: Promise) -> Rule:
    labels = {"model": promise.model, "objective": promise.objective}
    return {"record": "byoc:objective:budget", "expr": f"vector({promise.budget:g})", "labels": labels}


def _recorded(measured: Sequence[Indicator], windows: Sequence[str]) -> list[Rule]:
    made: list[Rule] = []
    for window in windows:
        for each in measured:
            made += [_record(f"bad:rate{window}", each, each.bad), _record(f"total:rate{window}", each, each.total)]
        ratio = f"byoc:objective:bad:rate{window} / byoc:objective:total:rate{window}"
        made.append({"record": f"byoc:objective:ratio:rate{window}", "expr": ratio})
    return made


def _record(name: str, indicator: Indicator, expression: str) -> Rule:
    window = name.rpartition("rate")[2]
    labels = {"objective": indicator.objective}
    return {"record": f"byoc:objective:{name}", "expr": expression.replace("WINDOW", window), "labels": labels}


def _alerts(fast: Sequence[Pair], slow: Sequence[Pair]) -> list[Rule]:
    failing = f"{_WORDS} was missed by {{{{ $value | humanizePercentage }}}} of its events"
    made = [_not_measured()]
    if fast:
        made.append(_alert(
            "ObjectiveBurnsFast", _burning(fast), "critical", f"{failing}, and its error budget is gone within days",
            "Look at what changed last: a rollout, a node, the traffic. Roll back first, and find out why afterwards.",
        ))  # fmt: skip
    if slow:
        made.append(_alert(
            "ObjectiveBurnsSlowly", _burning(slow), "warning", f"{failing} over days, more than promised",
            "Look on the next working day: capacity, one bad replica, requests that are larger than before.",
        ))  # fmt: skip
    return made


def _burning(pairs: Sequence[Pair]) -> str:
    return "\nor\n".join(
        f"(byoc:objective:ratio:rate{pair.long} > {pair.factor:g} * byoc:objective:budget"
        f" and byoc:objective:ratio:rate{pair.short} > {pair.factor:g} * byoc:objective:budget"
        f" and byoc:objective:bad:rate{pair.long} * {seconds(pair.long)} >= {MINIMUM})"
        for pair in pairs
    )


def _not_measured() -> Rule:
    """Silence is not success. How fast answers come is told by replicas, where there are any."""
    lacking = "byoc:objective:budget{{objective{match}}} unless byoc:objective:bad:rate{now}"
    router, engines = (lacking.format(match=f'{sign}"{AVAILABILITY}"', now=_NOW) for sign in ("=", "!="))
    return {
        **_alert(
            "ObjectiveNotMeasured",
            f'({router})\nor\n(({engines}) and on (model) count by (model) (up{{job="models"}} == 1))',
            "warning",
            f"{_WORDS} is not measured: nothing that it is calculated from is there",
            "Look whether routers and replicas are scraped, and whether the engine still has the metric.",
        ),
        "for": "15m",
    }


def _alert(name: str, expression: str, severity: str, summary: str, following: str) -> Rule:
    return {
        "alert": name,
        "expr": expression,
        "keep_firing_for": "5m",
        "labels": {"severity": severity, "owner": "fireworks"},
        "annotations": {
            "summary": summary,
            "next": following,
            "owner": "Fireworks",
            "runbook_url": f"{_RUNBOOKS}/{name}.md",
        },
    }
