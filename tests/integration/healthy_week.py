# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A week of a cluster in which nothing is broken and much happens, as the series that our telemetry would have.

What happens is drawn first, in seconds, by a seed. Series are samples of it, so the same week is seen in any steps.
"""

from __future__ import annotations

import bisect
import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

MINUTE, HOUR, DAY = 60, 3600, 86400
WEEK = 7 * DAY
NODES, GPUS = ("n1", "n2"), 8
REBOOTS = 4
BOARD = "NVIDIA H100 80GB HBM3"
BLANK = 2147483632
FAULTS = ("GPU_RECOVERY_ACTION", "ROW_REMAP_FAILURE", "ROW_REMAP_PENDING", "ECC_DBE_VOL_TOTAL", "THRESHOLD_SRM")
Span = tuple[int, int]
Value = float | str | None
Sampled = Callable[[int], Value]
"""At a second: a value, ``stale`` where a scrape found it gone, None where there was no scrape."""


class Spans:
    """Times in which something holds; they do not overlap."""

    def __init__(self, spans: Sequence[Span]) -> None:
        self._spans = sorted(spans)
        self._begins = [begin for begin, _end in self._spans]

    def __iter__(self) -> Iterator[Span]:
        return iter(self._spans)

    def at(self, second: int) -> Span | None:
        """The one that holds at a second."""
        number = bisect.bisect_right(self._begins, second) - 1
        return self._spans[number] if number >= 0 and second < self._spans[number][1] else None


@dataclass
class Model:
    """How a model is asked. rate: requests a second at noon. failing: of a request, ever.

    bursts: moments of a minute with so many answers of 5xx. slow: times in which a part of answers is late.
    """

    name: str
    rate: float
    failing: float
    bursts: dict[int, int] = field(default_factory=dict)
    slow: dict[Span, float] = field(default_factory=dict)
    asleep: Spans = field(default_factory=lambda: Spans([]))


@dataclass(frozen=True)
class Reboot:
    """Of one node, by plan: cordoned, down, ready again; then its exporter, and its fabric, which is trained last."""

    node: str
    cordoned: Span
    down: Span
    exporter: int
    fabric_starts: int
    fabric_trained: int


class Week:
    """What happens, by a seed."""

    def __init__(self, seed: int) -> None:
        self._draw = random.Random(seed)  # noqa: S311
        self.reboots = list(self._reboots())
        self.unready = {node: Spans(self._spans(2, 20, 200)) for node in NODES}
        """Kubelets that do not report in time, for less than five minutes."""
        self.exporters = {node: Spans(self._spans(10, 10, 90)) for node in NODES}
        self.gaps = {job: Spans(self._spans(6, 15, 50)) for job in ("router", "models", "dcgm", "kube-state-metrics")}
        """Scrapes that run out of time."""
        self.paused = Spans(self._spans(12, 15, 75))
        """Telemetry itself is away, and comes back with what it knew."""
        self.programs = {node: Spans(self._spans(2, 5 * MINUTE, 5 * MINUTE + 1)) for node in NODES}
        """XIDs of programs, as long as an exporter counts them."""
        self.notes = {node: Spans(self._spans(2, 5 * MINUTE, 5 * MINUTE + 1)) for node in NODES}
        """XIDs that need nothing."""
        self.slowdowns = {node: Spans(self._spans(6, 30, 240)) for node in NODES}
        self.plugins = {node: Spans(self._spans(3, 10, 120)) for node in NODES}
        self.moved = Spans(self._spans(5, 20, 110))
        """Alertmanager's one pod moves to another node."""
        self.scaler = Spans(self._spans(3, 60, 240))
        """KEDA starts anew."""
        self.rollouts = [begin for begin, _end in Spans(self._spans(3, 60, 61))]
        """Routers and engines are replaced, one after the other."""
        self.models = [self._model("chat", 8.0, 0.0001), self._model("small", 0.011, 0.0005), self._sleepy()]

    def _spans(self, count: int, least: int, most: int) -> list[Span]:
        """So many in the week, an hour apart or more."""
        slots = self._draw.sample(range(1, WEEK // HOUR - 1), count)
        begins = [slot * HOUR + self._draw.randrange(HOUR // 2) for slot in slots]
        return [(begin, begin + self._draw.randrange(least, most)) for begin in begins]

    def _reboots(self) -> Iterator[Reboot]:
        for number in range(REBOOTS):
            node = NODES[number % len(NODES)]
            begin = (number + 1) * DAY + 9 * HOUR + self._draw.randrange(6 * HOUR)
            up = begin + self._draw.randrange(4 * MINUTE, 14 * MINUTE)
            exporter = up + self._draw.randrange(20, 120)
            starts = exporter + self._draw.randrange(75)
            trained = starts + self._draw.randrange(5, 40)
            cordoned = (begin - self._draw.randrange(2 * MINUTE, 20 * MINUTE), trained + 2 * MINUTE)
            yield Reboot(node, cordoned, (begin, up), exporter, starts, trained)

    def _model(self, name: str, rate: float, failing: float) -> Model:
        made = Model(name, rate, failing)
        made.bursts = {begin: self._draw.randrange(1, 5) for begin, _end in self._spans(8, 1, 2)}
        made.slow = {span: self._draw.uniform(0.1, 0.6) for span in self._spans(20, 30, 180)}
        return made

    def _sleepy(self) -> Model:
        made = self._model("sleepy", 0.05, 0.0002)
        made.asleep = Spans(
            [(begin, begin + self._draw.randrange(2, 8) * HOUR // 10) for begin, _end in self._spans(20, 1, 2)]
        )
        return made


def compressed(values: Sequence[Value]) -> str:
    """As promtool takes values: what repeats is said once."""
    parts: list[str] = []
    at = 0
    while at < len(values):
        end = at
        while end < len(values) and values[end] == values[at]:
            end += 1
        one, more = values[at], end - at - 1
        text = "_" if one is None else one if isinstance(one, str) else f"{one:g}" if one != int(one) else str(int(one))
        # Of what is not there promtool counts all, and of values the repetitions.
        parts += (
            [f"_x{more + 1}"]
            if one is None
            else [text] * (more + 1)
            if one == "stale"
            else [f"{text}x{more}"]
            if more
            else [text]
        )
        at = end
    return " ".join(parts)


class Series:
    """The series of a part of a week, in steps.

    :param begin: :param end: seconds of the week.
    """

    def __init__(self, week: Week, begin: int, end: int, step: int) -> None:
        self._week, self._step = week, step
        self._times = range(begin, end, step)
        self.made: list[dict[str, str]] = []

    def all(self) -> list[dict[str, str]]:
        """Of GPUs, nodes, routers and engines."""
        for node in NODES:
            self._gpus(node)
            self._node(node)
        self._stack()
        self.serving()
        return self.made

    def serving(self) -> list[dict[str, str]]:
        """Of routers and engines alone: what objectives are calculated from."""
        for model in self._week.models:
            self._model(model)
        return self.made

    def _values(self, sampled: Sampled) -> str:
        """Of one series: nothing where telemetry was away, and stale where a scrape found its target gone."""
        values: list[Value] = []
        before: Value = None
        for second in self._times:
            if self._week.paused.at(second):
                values.append(None)
                continue
            value = sampled(second)
            values.append("stale" if value is None and before is not None else value)
            before = value
        return compressed(values)

    def _add(self, name: str, labels: str, values: str) -> None:
        if re.search("[0-9]( |x|$)", values.replace("_x", "_")):
            self.made.append({"series": f"{name}{{{labels}}}", "values": values})

    def _scraped(self, job: str, sampled: Sampled) -> Sampled:
        gaps = self._week.gaps[job]
        return lambda second: None if gaps.at(second) else sampled(second)

    def _gpus(self, node: str) -> None:
        week = self._week
        own = [each for each in week.reboots if each.node == node]

        def exported(sampled: Sampled) -> Sampled:
            def of(second: int) -> Value:
                away = any(each.down[0] <= second < each.exporter for each in own) or week.exporters[node].at(second)
                return None if away else sampled(second)

            return self._scraped("dcgm", of)

        def fabric(second: int) -> Value:
            for each in own:
                if each.exporter <= second < each.fabric_trained:
                    return 1 if second < each.fabric_starts else 2
            return 3

        def blank_at_first(second: int) -> Value:
            return BLANK if any(each.exporter <= second < each.exporter + 15 for each in own) else 0

        def counted(spans: Spans, value: int) -> Sampled:
            return lambda second: value if spans.at(second) else 0

        alike = {f"DCGM_FI_DEV_{name}": self._values(exported(blank_at_first)) for name in FAULTS}
        alike["DCGM_FI_DEV_FABRIC_MANAGER_STATUS"] = self._values(exported(fabric))
        slowed = self._values(exported(counted(week.slowdowns[node], 2)))
        heat = random.Random(node)  # noqa: S311
        for gpu in range(GPUS):
            labels = f'job="dcgm_exporter",Hostname="{node}",gpu="{gpu}",UUID="GPU-{node}-{gpu}",modelName="{BOARD}"'
            warm = [62 + heat.randrange(24) for _five_minutes in range(64)]
            self._add("DCGM_FI_DEV_GPU_TEMP", labels, self._values(exported(lambda s, w=warm: w[s // 300 % 64])))  # type: ignore[misc]
            for name, values in alike.items():
                self._add(name, labels, values)
            self._add("DCGM_EXP_CLOCK_EVENTS_COUNT", f'{labels},clock_event="hw_slowdown"', slowed)
            for xid, spans in (("31", week.programs[node]), ("63", week.notes[node])) if gpu == 0 else ():
                counts = self._values(exported(counted(spans, 1)))
                self._add("DCGM_EXP_XID_ERRORS_COUNT", f'{labels},xid="{xid}"', counts)

    def _node(self, node: str) -> None:
        week = self._week
        own = [each for each in week.reboots if each.node == node]

        def ready(second: int) -> Value:
            # That it is down is seen once its lease has run out.
            down = any(each.down[0] + 40 <= second < each.down[1] for each in own)
            return 0 if down or week.unready[node].at(second) else 1

        def cordoned(second: int) -> Value:
            return 1 if any(each.cordoned[0] <= second < each.cordoned[1] for each in own) else 0

        def offered(second: int) -> Value:
            again = any(each.down[1] <= second < each.fabric_trained for each in own)
            return 0 if again or week.plugins[node].at(second) else GPUS

        def seen(sampled: Sampled) -> Sampled:
            return self._scraped("kube-state-metrics", sampled)

        of = f'job="kube_state_metrics",node="{node}"'
        self._add("kube_node_status_condition", f'{of},condition="Ready",status="true"', self._values(seen(ready)))
        self._add("kube_node_spec_unschedulable", of, self._values(seen(cordoned)))
        for what, sampled in (("capacity", lambda _second: GPUS), ("allocatable", offered)):
            self._add(f"kube_node_status_{what}", f'{of},resource="nvidia_com_gpu"', self._values(seen(sampled)))

    def _stack(self) -> None:
        week = self._week

        def available(count: int, less: Callable[[int], Any]) -> Sampled:
            return self._scraped("kube-state-metrics", lambda second: count - (1 if less(second) else 0))

        def rolling(second: int) -> bool:
            return any(begin <= second < begin + 90 for begin in week.rollouts)

        for name, count, less in (
            ("router", 2, rolling),
            ("alerts", 1, week.moved.at),
            ("telemetry", 1, lambda _s: False),
        ):
            of = f'job="kube_state_metrics",namespace="fireworks-system",deployment="{name}"'
            self._add("kube_deployment_status_replicas_available", of, self._values(available(count, less)))
        for number in range(2):
            self._routers(f"r{number}", number * 45)
        asked = 0

        def questions(second: int) -> Value:
            nonlocal asked
            asked += 0 if week.scaler.at(second) else 1
            return asked

        of = 'job="telemetry",handler="/api/v1/query"'
        self._add("prometheus_http_requests_total", of, self._values(questions))

    def _routers(self, name: str, after: int) -> None:
        """One router's place: a pod after the other in it, each away for a moment."""

        def up(second: int) -> Value:
            away = any(begin + after <= second < begin + after + 30 for begin in self._week.rollouts)
            return None if away else 0 if self._week.gaps["router"].at(second) else 1

        self._add("up", f'job="router",instance="{name}"', self._values(up))

    def _model(self, model: Model) -> None:
        """Counters of a router and an engine. Both begin anew with each rollout, as other pods do."""
        draw = random.Random(f"{model.name}")  # noqa: S311
        counts = {"2": [0], "5": [0], "first": [0], "in time": [0], "next": [0], "quick": [0], "unserved": [0]}
        totals = dict.fromkeys(counts, 0)
        begun = sorted(self._week.rollouts)
        for second in self._times:
            if any(begin <= second < begin + self._step for begin in begun):
                totals = dict.fromkeys(totals, 0)
            for key, more in self._happened(model, second, draw).items():
                totals[key] += more
            for key, total in totals.items():
                counts[key].append(total)

        def counted(key: str, job: str) -> Sampled:
            values = counts[key][1:]

            def of(second: int) -> Value:
                asleep = job == "models" and model.asleep.at(second)
                return None if asleep else values[(second - self._times.start) // self._step]

            return self._scraped(job, of)

        def add(name: str, labels: str, key: str, job: str) -> None:
            self._add(name, labels, self._values(counted(key, job)))

        def loaded(value: int) -> Sampled:
            return lambda second: None if model.asleep.at(second) else value

        def up(second: int) -> Value:
            return None if model.asleep.at(second) else 0 if self._week.gaps["models"].at(second) else 1

        router = f'job="router",instance="r0",envoy_cluster_name="{model.name}"'
        for code in ("2", "5"):
            add("envoy_cluster_upstream_rq_xx", f'{router},envoy_response_code_class="{code}"', code, "router")
        add("envoy_cluster_upstream_rq_total", router, "2", "router")
        add("envoy_cluster_upstream_cx_none_healthy", router, "unserved", "router")
        engine = f'job="models",instance="{model.name}-0",pod="{model.name}-0",node="n1",model="{model.name}"'
        for metric, bound, key, quick in (
            ("vllm:time_to_first_token_seconds", "1.0", "first", "in time"),
            ("vllm:inter_token_latency_seconds", "0.1", "next", "quick"),
        ):
            add(f"{metric}_count", engine, key, "models")
            add(f"{metric}_bucket", f'{engine},le="{bound}"', quick, "models")
        add("vllm:iteration_tokens_total_count", engine, "next", "models")
        running = self._scraped("models", loaded(1 if model.rate > 1 else 0))
        self._add("vllm:num_requests_running", engine, self._values(running))
        self._add("up", f'job="models",instance="{model.name}-0",model="{model.name}"', self._values(up))

    def _happened(self, model: Model, second: int, draw: random.Random) -> dict[str, int]:
        """What was asked in one step, and what became of it."""
        day = 0.4 + 0.6 * (1 - abs(second % DAY - DAY / 2) / (DAY / 2))
        asked = _drawn(draw, model.rate * day * self._step)
        if span := model.asleep.at(second):
            # Somebody asks at last, again and again, until a replica has loaded.
            return {"unserved": 1 if span[1] - 200 <= second else 0}
        failed = _drawn(draw, asked * model.failing)
        failed += sum(count for begin, count in model.bursts.items() if begin <= second < begin + self._step)
        late = next((share for (begin, end), share in model.slow.items() if begin <= second < end), 0.005)
        tokens = asked * 60
        return {
            "2": max(0, asked - failed),
            "5": min(failed, asked) if asked else 0,
            "first": asked,
            "in time": asked - _drawn(draw, asked * late),
            "next": tokens,
            "quick": tokens - _drawn(draw, tokens * late / 4),
        }


def _drawn(draw: random.Random, mean: float) -> int:
    """A whole number with this mean, as requests come: about its square root more or less."""
    if mean > 30:
        return max(0, round(draw.gauss(mean, mean**0.5)))
    count, left = 0, draw.expovariate(1.0)
    while left < mean:
        count, left = count + 1, left + draw.expovariate(1.0)
    return count
