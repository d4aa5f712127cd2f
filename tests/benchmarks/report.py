# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of a fleet of a thousand clusters: what it costs beyond the sweep, and how large its page is.

python -m tests.benchmarks report
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.report.fleet import fleet_report
from ansible_collections.fireworks.byoc.plugins.plugin_utils.report_page import MOST_BYTES, report_page
from byoc_testbed import Testbed
from tests.benchmarks import fleet, sweeping
from tests.benchmarks.measure import BenchmarkError, in_turns, run_once
from tests.fleet_parts import MADE, agreed, parts
from tests.integration.ansible_runs import ROOT, ansible_environment

HOSTS = 1000
MOST_SECONDS = 5.0
"""Beyond the sweep."""


def run(runs: int) -> None:
    """Each of these reads a thousand hosts on four API servers, without and with the report; then a fuller page."""
    with tempfile.TemporaryDirectory() as name, Testbed.start(sweeping.specs()) as bed:
        folder = Path(name)
        clusters = [bed[spec.name] for spec in sweeping.specs()]
        source = fleet.inventory(folder / "fleet", clusters, HOSTS, health=sweeping.HEALTH)
        program = str(Path(sys.executable).with_name("ansible-playbook"))
        environment = ansible_environment(PYTHONDONTWRITEBYTECODE="")

        def play(*words: str) -> Any:
            return lambda: run_once([program, "-i", str(source), *words], environment, folder)

        commands = {
            "the sweep alone": play(_only_the_sweep(folder)),
            "fleet_report": play("fireworks.byoc.fleet_report", "-e", f"report_file={folder / 'fleet.html'}"),
        }
        figures = in_turns(commands, dict.fromkeys(commands, runs))
    beyond = figures["fleet_report"].seconds - figures["the sweep alone"].seconds
    print(f"\nthe report of {HOSTS} hosts on {sweeping.SERVERS} API servers, two GPU nodes each")
    for name, figure in figures.items():
        print(f"  {name:44}{figure.seconds:9.2f} s{figure.spread:>14}{figure.peak_mib:8.0f} MiB at most")
    print(f"  {'beyond the sweep':44}{beyond:9.2f} s")
    seconds, size = full()
    print(f"  {'a page with 3 models, 6 rollouts, findings … each':50}{seconds:9.2f} s{size / 1024**2:8.2f} MiB")
    if beyond > MOST_SECONDS or size > MOST_BYTES:
        raise BenchmarkError(f"it took {beyond:.1f} s beyond the sweep, and has {size} bytes")


def full() -> tuple[float, int]:
    """The seconds and the bytes of a page of clusters with something in every table."""
    contracts = {agreed(number)["identity"]["name"]: agreed(number) for number in range(HOSTS)}
    texts = [json.dumps(part) for part in parts(HOSTS)]
    began = time.monotonic()
    page = report_page(fleet_report([json.loads(text) for text in texts], contracts, [], MADE))
    return time.monotonic() - began, len(page.encode())


def _only_the_sweep(folder: Path) -> str:
    """The playbook up to its sweep, with what the sweep keeps."""
    [play] = yaml.safe_load((ROOT / "playbooks" / "fleet_report.yml").read_text())
    steps = [step for task in play["tasks"] for step in task.get("block", ())]
    [sweep] = [step for step in steps if "fireworks.byoc.fleet_sweep" in step]
    path = folder / "sweep.yml"
    path.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "vars": play["vars"], "tasks": [sweep]}]))
    return str(path)
