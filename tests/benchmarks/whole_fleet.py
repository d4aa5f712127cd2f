# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole playbooks over a fleet of 1,000 clusters: what the inventory, we and the API servers need of the processors.

``BYOC_BENCH_BEFORE`` names another checkout that was set up: its playbooks are measured in turns with ours.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from byoc_testbed import Testbed
from tests.benchmarks import fleet, sweeping
from tests.benchmarks.measure import Sample, run_once
from tests.integration.ansible_runs import ROOT, ansible_environment

CLUSTERS = 1000
_ASKED = ("-e", "release=2026.12.0", "-e", "requested_by=sre@fireworks.example")
_KIB_IN_MIB = 1024


@dataclass(frozen=True)
class _Measured:
    sample: Sample
    servers: float
    """Processor seconds of the API servers and their etcd meanwhile."""
    together_mib: float
    """The most that all processes of the run held together, shared pages counted once (Pss)."""


def run(_runs: int) -> None:
    """Each playbook once, on each checkout."""
    checkouts = {"": ROOT}
    if before := os.environ.get("BYOC_BENCH_BEFORE"):
        checkouts = {"before: ": Path(before).resolve(), "now: ": ROOT}
    with tempfile.TemporaryDirectory() as name, Testbed.start(sweeping.specs()) as bed:
        folder, clusters = Path(name), [bed[spec.name] for spec in sweeping.specs()]
        for cluster in clusters:
            fleet.stack(cluster)
        agreed = {"models": [], "change": {"approvals": {"stack_upgrade": "none"}}}
        source = str(fleet.inventory(folder / "fleet", clusters, CLUSTERS, **agreed))
        plays = {
            "nothing: reading the inventory": [fleet.playbook(folder, "nothing", [])],
            "fireworks.byoc.status": ["fireworks.byoc.status"],
            "fireworks.byoc.plan_upgrade": ["fireworks.byoc.plan_upgrade", *_ASKED],
        }
        program = str(Path(sys.executable).with_name("ansible-playbook"))
        print(f"\n{CLUSTERS} clusters on {len(clusters)} API servers, {os.cpu_count()} cores, once each", flush=True)
        head = ("wall s", "run cpu s", "servers cpu s", "largest MiB", "together MiB")
        print(f"  {'':44}{''.join(f'{word:>14}' for word in head)}")
        for words in plays.items():
            for title, checkout in checkouts.items():
                # Its own cwd: playbooks are looked for there, too.
                environment = ansible_environment(ANSIBLE_CONFIG=str(checkout / "ansible.cfg"))
                measured = _measured(
                    lambda words=words, environment=environment: run_once(
                        [program, "-i", source, *words[1]], environment, folder
                    ),
                    lambda: sum(sum(cluster.processor_seconds().values()) for cluster in clusters),
                )
                one = measured.sample
                figures = (one.seconds, one.processor, measured.servers, one.peak_mib, measured.together_mib)
                print(f"  {title + words[0]:44}{''.join(f'{figure:14.1f}' for figure in figures)}", flush=True)


def _measured(play: Callable[[], Sample], servers: Callable[[], float]) -> _Measured:
    seen, ended = [0.0], threading.Event()

    def watch() -> None:
        while not ended.wait(0.5):
            seen[0] = max(seen[0], sum(map(_pss_mib, _descendants(os.getpid()))))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    before = servers()
    sample = play()
    used = servers() - before
    ended.set()
    watcher.join()
    return _Measured(sample, used, seen[0])


def _descendants(of: int) -> set[int]:
    """The runs of ``ansible-playbook`` below a process, with their workers."""
    parents: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            fields = (path / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            words = (path / "cmdline").read_bytes()
        except OSError:
            continue
        if b"ansible-playbook" in words:
            parents[int(path.name)] = int(fields[1])
    found = {pid for pid, parent in parents.items() if parent == of}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def _pss_mib(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / _KIB_IN_MIB for line in lines if line.startswith("Pss:")), 0.0)
