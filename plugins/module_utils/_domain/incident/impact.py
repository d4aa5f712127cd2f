# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an incident cost, as far as it is measured: requests that failed, and how much of the objectives' budgets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Data = Mapping[str, Any]

NOT_MEASURED = "not measured"
_DAYS_30 = 30 * 86400
_STEP = 30
_OF = 'objective="availability"'


def impact_queries(span: tuple[float, float]) -> dict[str, str]:
    """In PromQL, of each model: how many requests failed in this time, how many there were, and the share that may."""
    # Less by one, so that of both ends only one counts, whichever of them a version of Prometheus leaves out.
    seconds = max(_STEP, int(span[1] - span[0])) - 1
    counted = f"sum by (model) (sum_over_time({{}}[{seconds}s:{_STEP}s] @ {span[1]:.0f})) * {_STEP}"
    return {
        "failed": counted.format(f"byoc:objective:bad:rate5m{{{_OF}}}"),
        "requests": counted.format(f"byoc:objective:total:rate5m{{{_OF}}}"),
        "budget": f"max by (model) (byoc:objective:budget{{{_OF}}})",
    }


def impact(answers: Mapping[str, Data], span: tuple[float, float], models: Iterable[str] = ()) -> list[dict[str, Any]]:
    """A row for each model that it touched, or for all that are measured where none is named.

    What nobody measured is told as that: no requests that failed is not the same as none that were counted.
    """
    values = {name: _by_model(answer) for name, answer in answers.items()}
    meant = sorted(set(models)) or sorted(values.get("requests", {}))
    return [_row(model, {name: values.get(name, {}).get(model) for name in _NAMES}, span) for model in meant]


_NAMES = ("failed", "requests", "budget")


def _by_model(answer: Data) -> dict[str, float]:
    series = (answer.get("data") or {}).get("result") or ()
    return {str(one["metric"].get("model")): float(one["value"][1]) for one in series}


def _row(model: str, found: Mapping[str, float | None], span: tuple[float, float]) -> dict[str, Any]:
    failed, requests, budget = (found[name] for name in _NAMES)
    if failed is None or requests is None:
        return {"model": model, "requests": NOT_MEASURED, "failed": NOT_MEASURED, "budget": NOT_MEASURED}
    spent = NOT_MEASURED
    if budget:
        share = failed / requests / budget * (span[1] - span[0]) / _DAYS_30 if requests else 0.0
        spent = f"{share:.1%} of 30 days"
    return {"model": model, "requests": round(requests), "failed": round(failed), "budget": spent}
