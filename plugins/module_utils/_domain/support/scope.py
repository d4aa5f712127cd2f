# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a support bundle is about: a node or a model, around a moment; and what of a cluster belongs to it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..contract.durations import parse_duration
from ..logs.lines import moment_text
from ..model.engine import ENGINES
from ..moments import seconds_at, shown_moment
from ..names import GROUP_LABEL, MODEL_LABEL, MODELS_NAMESPACE

Raw = Mapping[str, Any]

_STEP = 60


class ScopeError(ValueError):
    """It is not said what a bundle is about, or not understood."""


@dataclass(frozen=True)
class Scope:
    """around, before, after: seconds; the first since 1970."""

    node: str
    model: str
    around: float
    before: float
    after: float

    @property
    def name(self) -> str:
        return f"node-{self.node}" if self.node else f"model-{self.model}"

    @property
    def since(self) -> float:
        return self.around - self.before

    @property
    def until(self) -> float:
        return self.around + self.after

    def told(self) -> dict[str, str]:
        """As the bundle itself says it."""
        moments = {"around": self.around, "since": self.since, "until": self.until}
        return {"node": self.node, "model": self.model, **{key: shown_moment(at) for key, at in moments.items()}}

    def line_bounds(self) -> tuple[str, str]:
        """The first and the last moment, as lines of logs have them."""
        return moment_text(self.since), moment_text(self.until)

    def is_of(self, pod: Raw) -> bool:
        """Whether it is about a pod."""
        labels = pod["metadata"].get("labels") or {}
        if self.node:
            return bool((pod.get("spec") or {}).get("nodeName") == self.node)
        candidate = str(pod["metadata"]["name"]).startswith(f"{self.model}-candidate-")
        return candidate or self.model in (labels.get(MODEL_LABEL), labels.get(GROUP_LABEL))

    def events_of(self, events: Iterable[Raw], pods: Sequence[Raw]) -> list[Raw]:
        """Events about its pods, also those that are gone, what makes them, and its node."""
        names = {str(pod["metadata"]["name"]) for pod in pods}
        return [each for each in events if self._is_about(each.get("involvedObject") or {}, names)]

    def _is_about(self, about: Raw, pods: set[str]) -> bool:
        kind, name = about.get("kind"), str(about.get("name") or "")
        if self.node:
            return (kind == "Node" and name == self.node) or (kind == "Pod" and name in pods)
        here = about.get("namespace") == MODELS_NAMESPACE
        return here and (name == self.model or name.startswith(f"{self.model}-") or name in pods)

    def findings_of(self, findings: Iterable[Raw], pods: Sequence[Raw]) -> list[Raw]:
        """Findings of its node, or of the nodes and replicas of its pods."""
        nodes = {self.node} if self.node else {str((pod.get("spec") or {}).get("nodeName") or "") for pod in pods}
        touched = [
            one for one in findings if any(each.get("model") == self.model for each in one.get("replicas") or ())
        ]
        of_nodes = [one for one in findings if one.get("node") and one["node"] in nodes and one not in touched]
        return [*(touched if self.model else ()), *of_nodes]

    def metrics_query(self) -> str:
        """What our telemetry knows, in PromQL: a value each minute of the whole span."""
        engines = {
            name
            for engine in ENGINES.values()
            for name in (engine.metrics.kv_cache_usage, *engine.metrics.pulse.values())
        }
        wanted = "|".join(sorted({*engines, "byoc:.*", "DCGM_FI_.*", "up"}))
        label, value = ("node", self.node) if self.node else ("model", self.model)
        span = int(self.before + self.after)
        return f'{{__name__=~"{wanted}",{label}={json.dumps(value)}}}[{span}s:{_STEP}s] @ {self.until:.0f}'


def scope_of(node: str, model: str, around: str, before: str, after: str, now: float) -> Scope:
    """The scope that somebody asks for. Raises ScopeError."""
    if bool(node) == bool(model):
        raise ScopeError("name a node or a model, and not both")
    at = seconds_at(around) if around else now
    if at is None:
        raise ScopeError(f"around: '{around}' is no time, such as 2026-12-01T08:00:00+01:00")
    spans = {}
    for key, text in (("before", before), ("after", after)):
        try:
            spans[key] = parse_duration(text).total_seconds()
        except ValueError as error:
            raise ScopeError(f"{key}: '{text}' {error}") from None
    return Scope(node, model, at, **spans)
