# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Engines: one that has requests and produces nothing is hung, though its health check answers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from typing import Any

from .prometheus_text import query_series, samples

Sample = Mapping[str, float]
KEPT = 10


def read_engine(text: str, *, running: str, waiting: str, heartbeat: str) -> dict[str, float] | None:
    """How many requests an engine has (running, waiting), and its heartbeat; None where a metric is no number.

    The arguments are the metrics' names, as the engine calls them; ``heartbeat`` is a counter that stands still only
    while no token is produced. Series of several engine cores in one process are added up.
    """
    # A series that is there twice is one.
    series: dict[str, dict[frozenset[tuple[str, str]], float]] = {running: {}, waiting: {}, heartbeat: {}}
    for name, labels, value in samples(text, series):
        series[name][frozenset(labels.items())] = value
    found = {name: sum(values.values()) for name, values in series.items()}
    if not all(series.values()) or not all(map(isfinite, found.values())):
        return None
    return {"running": found[running], "waiting": found[waiting], "heartbeat": found[heartbeat]}


def engine_query(names: Iterable[Mapping[str, str]], seconds: float) -> str:
    """The query of Prometheus for what ``engine_records`` reads, of a span of time that ends now."""
    wanted = "|".join(sorted({name for each in names for name in each.values()}))
    return f'{{__name__=~"{wanted}",pod!=""}}[{int(seconds)}s:30s]'


def engine_records(
    answer: Mapping[str, Any], names: Mapping[str, Mapping[str, str]], namespace: str
) -> list[dict[str, Any]]:
    """The engines in an answer of Prometheus, with the labels of our telemetry and their metrics of some minutes.

    names: by model, what its engine calls ``running``, ``waiting`` and ``heartbeat``.
    """
    found: dict[tuple[str, str, str], dict[str, dict[float, float]]] = defaultdict(lambda: defaultdict(dict))
    for name, labels, values in query_series(answer):
        kinds = [kind for kind, called in names.get(labels.get("model", ""), {}).items() if called == name]
        for kind in kinds:
            series = found[labels["model"], labels.get("node", ""), labels.get("pod", "")][kind]
            for at, value in values.items():
                series[at] = series.get(at, 0.0) + value
    records = []
    for (model, node, pod), kept in sorted(found.items()):
        moments = sorted(set.intersection(*(set(kept[kind]) for kind in ("running", "waiting", "heartbeat"))))
        sampled = [{"at": at, **{kind: series[at] for kind, series in kept.items()}} for at in moments]
        sampled = [sample for sample in sampled if all(map(isfinite, sample.values()))]
        records.append(engine_record(f"{namespace}/{pod}", node, model, sampled))
    return records


def merged(earlier: Sequence[Sample], sample: Sample | None) -> list[Sample]:
    """The samples of one engine, oldest first, with a new one; a few are kept."""
    return sorted([*earlier, *([sample] if sample else [])], key=lambda one: one["at"])[-KEPT:]


def stands_still_since(sampled: Sequence[Sample]) -> float | None:
    """Since when an engine that has requests has produced nothing; None where it is idle, or it works.

    One sample proves nothing: the heartbeat must have been seen twice at the same count, with requests at both moments
    and at each between them.
    """
    if not sampled or not _busy(sampled[-1]):
        return None
    last = sampled[-1]
    since = last["at"]
    for sample in reversed(sampled[:-1]):
        if not _busy(sample) or sample["heartbeat"] != last["heartbeat"]:
            break
        since = sample["at"]
    return since if since < last["at"] else None


def _busy(sample: Sample) -> bool:
    return sample["running"] + sample["waiting"] > 0


def engine_record(pod: str, node: str, model: str, sampled: Sequence[Sample], error: str = "") -> dict[str, Any]:
    """What a snapshot holds of one engine. ``error`` says why its metrics could not be read."""
    return {"pod": pod, "node": node, "model": model, "samples": list(sampled), "error": error}
