# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A model under steady load on real nodes: starting the load, naming its phases, and what became of each request."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.tools import environments

_CLIENT = Path(__file__).with_name("load_client.py")
STOCK = Path(__file__).with_name("openai_client.py")
"""For a Python of the environment ``openai``."""


@dataclass(frozen=True)
class Request:
    """One request: when it was due, how long its answer took, what became of it, and which version answered."""

    due: float
    seconds: float
    outcome: str
    version: str


@dataclass(frozen=True)
class Phase:
    """A time with a name. A request belongs to the phase that it was due in."""

    name: str
    start: float
    end: float


class Load:
    """A running load client. Its time is the machine's monotonic clock, as ours is."""

    def __init__(self, command: Sequence[str], out: Path) -> None:
        self._out = out
        self._client = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.phases: list[Phase] = []

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """What happens inside is a phase of this name."""
        start = time.monotonic()
        yield
        assert self._client.poll() is None, f"the load client ended: {self._client.communicate()[1]}"
        self.phases.append(Phase(name, start, time.monotonic()))

    def sent(self) -> int:
        """How many requests have ended until now."""
        return self._out.read_bytes().count(b"\n") if self._out.exists() else 0

    def stop(self) -> list[Request]:
        """End the load, wait for every answer, and give every request."""
        _said, complaint = self._client.communicate(timeout=120)
        assert self._client.returncode == 0, complaint
        lines = (line.split() for line in self._out.read_text(encoding="utf-8").splitlines())
        return [Request(float(due), float(seconds), outcome, version) for due, seconds, outcome, version in lines]

    def kill(self) -> None:
        """End the load at once."""
        self._client.kill()
        self._client.communicate()


@contextmanager
def load_on(
    cluster: Any, service: str, model: str, out: Path, *, rate: int, most: int, patience: float = 20
) -> Iterator[Load]:
    """A load on a Service, as ``<namespace>/<name>``, from the network of the first node, by that node's kube-proxy.

    :param patience: seconds that a client waits for a whole answer.
    """
    asked = [_address(cluster, service), model, str(rate), str(most), str(out), str(patience)]
    command = [sys.executable, str(_CLIENT), *asked]
    with _running(cluster, command, out) as load:
        yield load


@contextmanager
def stock_client_on(cluster: Any, service: str, model: str, out: Path) -> Iterator[Load]:
    """One stock client of OpenAI's with its default retries, which asks as long as the block lasts."""
    environment = environments.openai()
    environment.ensure()
    address = f"{_address(cluster, service)}/v1"
    command = [str(environment.bin / "python"), str(STOCK), "through", address, model, str(out)]
    with _running(cluster, command, out) as load:
        yield load


@contextmanager
def _running(cluster: Any, command: Sequence[str], out: Path) -> Iterator[Load]:
    load = Load(cluster.real.in_network_of(cluster.real.names[0], command), out)
    try:
        yield load
    finally:
        load.kill()


def _address(cluster: Any, service: str) -> str:
    namespace, _, name = service.partition("/")
    spec = cluster.request("GET", f"/api/v1/namespaces/{namespace}/services/{name}")["spec"]
    return f"http://{spec['clusterIP']}:{spec['ports'][0]['port']}"


def report(requests: Sequence[Request], phases: Sequence[Phase]) -> str:
    """A Markdown table: for each phase how many requests, what became of them, latency, and who answered."""
    lines = [
        "| phase | seconds | requests | failed | p50 ms | p99 ms | slowest ms | answered by |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for phase in [*phases, Phase("all", float("-inf"), float("inf"))]:
        chosen = [each for each in requests if phase.start <= each.due < phase.end]
        took = sorted(each.seconds * 1000 for each in chosen) or [0.0]
        failures = Counter(each.outcome for each in chosen if each.outcome != "ok")
        versions = Counter(each.version for each in chosen if each.outcome == "ok")
        span = f"{phase.end - phase.start:.0f}" if phase.name != "all" else ""
        lines.append(
            f"| {phase.name} | {span} | {len(chosen)} | {_counted(failures) or '0'} | {_quantile(took, 0.5):.1f} "
            f"| {_quantile(took, 0.99):.1f} | {took[-1]:.1f} | {_counted(versions)} |"
        )
    return "\n".join(lines) + "\n"


def failures(requests: Sequence[Request], phases: Sequence[Phase]) -> list[str]:
    """Each request that failed, in words: how, and how long after the beginning of which phase."""
    return [
        f"{each.outcome} after {each.seconds:.3f} s, {each.due - phase.start:.3f} s into {phase.name}"
        for phase in phases
        for each in requests
        if phase.start <= each.due < phase.end and each.outcome != "ok"
    ]


def _quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def _counted(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counter.items()))
