# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watches the health gate of a model's new replicas: their pods, their metrics, and a request for one token to each."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..._domain.model.gate import CANARY_TRIES, FAILED, PASSED, WAITING, Canary, Gate, Seen, Verdict, is_living, judge
from ..._domain.model.gate import is_ready as pod_is_ready
from ..._domain.model.heartbeat import Sample, pulse, read_sample
from ..._domain.model.unit import SCALERS, is_of, selector_of, template_of
from ..._domain.names import SERVING_PORT
from ..._kube.errors import KubeError
from ..._kube.plan import DELETE, Plan
from ..._kube.session import Session
from ..._kube.wait import Awaited, wait_ready
from ..one_token import ask_for_one_token

SLICE_SECONDS = 2.0
"""How often the replicas are looked at while objects are waited for."""
_REST_SECONDS = 0.5
_METRICS_SECONDS = 5.0


@dataclass(frozen=True)
class _Told:
    """What one replica told. ``forbidden``: the API server did not let the request through."""

    sample: Sample | None
    canary: Canary
    forbidden: bool = False


@dataclass(frozen=True)
class Replicas:
    """The new replicas to judge: those that this workload made from its present template; of a group its leader."""

    deployment: Mapping[str, Any]
    wanted: int


class Gatekeeper:
    """Judges the replicas of one model until they pass, fail, or the time is over.

    :param engine: the engine's name, which tells its metrics. :param served_name: what a request asks for.
    :param unsent: why no requests are sent; empty where they are.
    """

    def __init__(self, session: Session, gate: Gate, *, engine: str, served_name: str, unsent: str) -> None:
        self._session = session
        self._gate = gate
        self._engine = engine
        self._served_name = served_name
        self._seen = Seen(unsent=unsent)

    def watch(self, awaited: Iterable[Awaited], replicas: Replicas | None, *, seconds: float) -> Verdict:
        """Wait until all objects are ready and all replicas pass (or are unproven), or one fails.

        A Deployment's readiness counts only replicas that have been ready as long as it says (``minReadySeconds``).
        :param replicas: ``None`` where no replica is new, so that readiness is all there is to see.
        """
        with self._session.waits.lasting() as say:
            return self._watch(list(awaited), replicas, seconds, say)

    def _watch(
        self, awaited: list[Awaited], replicas: Replicas | None, seconds: float, say: Callable[[str], None]
    ) -> Verdict:
        deadline = time.monotonic() + seconds
        bake = float(replicas.deployment["spec"].get("minReadySeconds") or 0) if replicas else 0.0
        well = math.inf
        while True:
            left = deadline - time.monotonic()
            states = wait_ready(self._session, awaited, seconds=max(0.0, min(SLICE_SECONDS, left)))
            late = [f"{ref}: {state.reason}" for ref, state in sorted(states.items()) if not state.ready]
            if held := [f"{ref}: {state.reason}" for ref, state in states.items() if state.failed and state.refusal]:
                return Verdict(FAILED, "; ".join(sorted(held)), held=True)
            verdict = self._look(replicas) if replicas else Verdict(PASSED, "the replicas are as they were")
            if verdict.state == FAILED or (not late and verdict.state != WAITING):
                return verdict
            if left <= 0:
                # The replicas know better than the objects that count them.
                reasons = [verdict.why] if verdict.state == WAITING else late
                why = f"not done within {seconds:.0f} s: {'; '.join(reasons)}"
                return replace(verdict, state=FAILED, why=why)
            now = time.monotonic()
            well = math.inf if verdict.state == WAITING else min(well, now)
            what = verdict.why if verdict.state == WAITING else "; ".join(late)
            baking = f"the bake, {well + bake - now:.0f} s left: " if well + bake > now and well < math.inf else ""
            say(f"{baking}{what} (timeout in {left:.0f} s)")
            time.sleep(_REST_SECONDS)

    def _look(self, replicas: Replicas) -> Verdict:
        deployment = replicas.deployment
        labels = selector_of(deployment)
        selector = {"labelSelector": ",".join(f"{key}={value}" for key, value in labels.items())}
        path = f"/api/v1/namespaces/{deployment['metadata']['namespace']}/pods"
        template = template_of(deployment)
        pods = [pod for pod in self._session.list_items(path, selector) if is_of(pod, template)]
        if not self._seen.unsent:
            ready = [pod["metadata"]["name"] for pod in pods if is_living(pod) and pod_is_ready(pod)]
            for name, told in zip(ready, self._session.in_parallel(lambda n: self._ask(path, n), ready), strict=True):
                self._remember(name, told)
        return judge(pods, self._seen, self._gate, wanted=replicas.wanted, now=time.monotonic())

    def _ask(self, pods: str, name: str) -> _Told:
        proxy = f"{pods}/{name}:{SERVING_PORT}/proxy"
        try:
            answer = self._session.exchange(
                "GET", f"{proxy}/metrics", accept="text/plain", retry=False, read_seconds=_METRICS_SECONDS
            )
            sample = read_sample(self._engine, answer.data.decode(errors="replace")) if answer.status == 200 else None
        except KubeError:
            sample = None
        canary = self._seen.canaries.get(name, Canary())
        if not self._gate.canary or canary.answered or canary.tries >= CANARY_TRIES:
            return _Told(sample, canary)
        return self._request_one_token(proxy, sample, canary.tries + 1)

    def _remember(self, name: str, told: _Told) -> None:
        known = self._seen
        pulses = dict(known.pulses)
        if told.sample:
            pulses[name] = pulse(pulses.get(name), told.sample, time.monotonic())
        unsent = "this identity may not send requests to pods" if told.forbidden else known.unsent
        self._seen = Seen(unsent, {**known.canaries, name: told.canary}, pulses)

    def _request_one_token(self, proxy: str, sample: Sample | None, tries: int) -> _Told:
        answer = ask_for_one_token(self._session, proxy, self._served_name)
        return _Told(sample, Canary(not answer.error, tries, answer.error), answer.forbidden)


def awaited_of(plan: Plan) -> list[Awaited]:
    """What has to become ready, but for what scales the model.

    That says nothing of the new replicas, and of a model that may sleep KEDA says "not ready" as long as no router
    knows it. But routers are told of it only once it is ready. Validation judges what scales a model.
    """
    return [Awaited(c.ref, c.resource) for c in plan.changes if c.action != DELETE and c.ref.kind not in SCALERS]
