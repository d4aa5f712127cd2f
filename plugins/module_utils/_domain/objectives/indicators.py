# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is counted for each objective, in PromQL: events a second in a window, all of them and the bad ones.

Availability is the router's word: what no replica answered counts too. How fast answers come is the engines'.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..capacity import may_sleep
from ..contract.schema_model_objectives import AVAILABILITY, INTER_TOKEN_LATENCY, TIME_TO_FIRST_TOKEN
from ..contract.typed import Contract, InterTokenLatency, TimeToFirstToken
from ..model.engine import ENGINES


@dataclass(frozen=True)
class Promise:
    """One objective of one model: the share of its events that is promised to be good."""

    model: str
    objective: str
    share: float
    within: str = ""
    histogram: str = ""
    sleeps: bool = False

    @property
    def budget(self) -> float:
        """The part that may be bad."""
        return round(1 - self.share, 6)


@dataclass(frozen=True)
class Indicator:
    """How an objective is measured of some models at once: expressions with WINDOW for the window.

    What they give has the label ``model``. One rule for many models keeps the rules of a large contract small.
    """

    objective: str
    bad: str
    total: str


def promises(contract: Contract) -> Iterator[Promise]:
    """All objectives of a contract's models."""
    for model in contract.get("models") or ():
        name, objectives = str(model["name"]), model.get("objectives") or {}
        if AVAILABILITY in objectives:
            yield Promise(name, AVAILABILITY, float(objectives[AVAILABILITY]), sleeps=may_sleep(contract, model))
        engine = ENGINES.get(str(model["engine"]["name"]))
        latencies = engine.metrics.latencies if engine else {}
        told: dict[str, TimeToFirstToken | InterTokenLatency | None] = {
            TIME_TO_FIRST_TOKEN: objectives.get(TIME_TO_FIRST_TOKEN),
            INTER_TOKEN_LATENCY: objectives.get(INTER_TOKEN_LATENCY),
        }
        for objective, promised in told.items():
            if promised and objective in latencies:
                yield Promise(name, objective, promised["share"], promised["within"], latencies[objective])


def indicators(made: Iterator[Promise] | list[Promise]) -> list[Indicator]:
    """Promises that are measured alike are measured together."""
    alike: dict[tuple[str, str, str, bool], list[str]] = {}
    for each in made:
        alike.setdefault((each.objective, each.histogram, each.within, each.sleeps), []).append(each.model)
    return [
        Indicator(objective, *(_in_time(models, histogram, within) if histogram else _answered(models, sleeps)))
        for (objective, histogram, within, sleeps), models in alike.items()
    ]


def _answered(models: list[str], sleeps: bool) -> tuple[str, str]:
    """Errors are answers of class 5, whoever gave them: the engine, or the router for want of one.

    Envoy counts a class from its first answer on; until then there is its count of all requests. That a model which may
    sleep is woken by a request that finds nobody is agreed, and no error.
    """

    def rate(metric: str, more: str = "") -> str:
        of = f'job="router", envoy_cluster_name=~"{"|".join(models)}"{more}'
        return f"sum by (envoy_cluster_name) (rate(envoy_cluster_upstream_{metric}{{{of}}}[WINDOW]))"

    known = f"0 * {rate('rq_total')}"
    total = f"({rate('rq_xx')} or {known})"
    failed = ', envoy_response_code_class="5"'
    bad = f"({rate('rq_xx', failed)} or {known})"
    if sleeps:
        waking = f"({rate('cx_none_healthy')} or {known})"
        bad, total = (f"clamp_min({counted} - {waking}, 0)" for counted in (bad, total))
    return _of_model(bad), _of_model(total)


def _of_model(counted: str) -> str:
    named = f'label_replace({counted}, "model", "$1", "envoy_cluster_name", "(.+)")'
    return f"sum by (model) ({named})"


def _in_time(models: list[str], histogram: str, within: str) -> tuple[str, str]:
    def rate(part: str, more: str = "") -> str:
        return f'sum by (model) (rate({histogram}_{part}{{job="models", model=~"{"|".join(models)}"{more}}}[WINDOW]))'

    total, bound = rate("count"), f', le=~"{_bound(within)}"'
    return f"{total} - {rate('bucket', bound)}", total


def _bound(within: str) -> str:
    """A bound as Prometheus writes it, whose versions differ in whether a whole number has a fraction."""
    number = float(within[:-2]) / 1000 if within.endswith("ms") else float(within[:-1])
    return f"{int(number)}([.]0)?" if number == int(number) else f"{number:g}".replace(".", "[.]")
