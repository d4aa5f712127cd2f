# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The logs of a whole fleet, by ``fireworks.byoc.logs``: hosts share API servers, whose nodes have stand-in kubelets.

python -m tests.benchmarks logs
"""

from __future__ import annotations

import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from byoc_testbed import Testbed
from byoc_testbed.errors import ApiError
from tests.benchmarks import fleet, sweeping
from tests.benchmarks.measure import BenchmarkError, in_turns, run_once
from tests.integration.ansible_runs import ansible_environment
from tests.integration.kubelets import Kubelets, Lines, kubelets

HOSTS, LINES = 100, 1000
MOST_SECONDS = 10.0
"""Of all hosts, beyond what Ansible takes to read the inventory."""
PODS = {
    "router-a": ("fireworks-system", "component", "router"),
    "router-b": ("fireworks-system", "component", "router"),
    "llama-0": ("fireworks-models", "model", "llama"),
}
_SAID = (
    "[1][info][upstream] [source/common/upstream/cds_api_helper.cc:71] cds: added/updated 1 cluster(s), skipped 2",
    "(APIServer pid=1) INFO 11-29 21:00:00 [loggers.py:127] Engine 000: Avg prompt throughput: 12.3 tokens/s",
    'INFO:     10.0.0.7:51234 - "POST /v1/chat/completions HTTP/1.1" 200 OK',
    "WARNING cannot reach https://user:password@host.example/path?signature=abc: refused",
)


def run(runs: int) -> None:
    """Each of these reads 1,000 lines of three containers in each of a hundred clusters."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        bed = stack.enter_context(Testbed.start(sweeping.specs()))
        clusters = [bed[spec.name] for spec in sweeping.specs()]
        for cluster in clusters:
            made = stack.enter_context(kubelets(cluster, folder / cluster.name))
            _fill(cluster, made)
        source = fleet.inventory(folder / "fleet", clusters, HOSTS)
        program = str(Path(sys.executable).with_name("ansible-playbook"))
        environment = ansible_environment(PYTHONDONTWRITEBYTECODE="")

        def play(*words: str) -> Any:
            return lambda: run_once([program, "-i", str(source), *words], environment, folder)

        commands = {
            "nothing: reading the inventory": play(fleet.playbook(folder, "nothing", [])),
            "of the router": play("fireworks.byoc.logs", "-e", "of=router"),
            "of everything, only some lines": play("fireworks.byoc.logs", "-e", "grep=refused", "-e", "lines=100"),
        }
        figures = in_turns(commands, dict.fromkeys(commands, runs))
    print(f"\nlogs of {HOSTS} hosts on {len(clusters)} API servers, {LINES} lines in each of {len(PODS)} containers")
    for name, figure in figures.items():
        print(f"  {name:44}{figure.seconds:9.2f} s{figure.spread:>14}{figure.processor:9.2f} s of processor time")
    base, slowest = figures["nothing: reading the inventory"].seconds, max(each.seconds for each in figures.values())
    if slowest - base > MOST_SECONDS:
        raise BenchmarkError(f"logs of {HOSTS} clusters took {slowest - base:.1f} s, and may take {MOST_SECONDS:g} s")


def _fill(cluster: Any, made: Kubelets) -> None:
    for namespace in ("fireworks-system", "fireworks-models"):
        cluster.request("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
    for name, (namespace, key, value) in PODS.items():
        spec = {"nodeName": "h100-0", "containers": [{"name": "main", "image": "it:1"}]}
        pod = {"metadata": {"name": name, "labels": {f"byoc.fireworks.ai/{key}": value}}, "spec": spec}
        _insist(lambda namespace=namespace, pod=pod: cluster.request(
            "POST", f"/api/v1/namespaces/{namespace}/pods", pod))  # fmt: skip
        made.logs[name, "main"] = _lines()


def _insist(make: Any) -> None:
    """Until the namespace has its account."""
    deadline = time.monotonic() + 30
    while True:
        try:
            make()
        except ApiError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return


def _lines() -> Lines:
    now = datetime.now(UTC)
    return [(now - timedelta(seconds=(LINES - n) / 10), f"{_SAID[n % len(_SAID)]} #{n}") for n in range(LINES)]
