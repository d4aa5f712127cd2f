# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of a fleet of a thousand clusters: what it costs beyond the sweep, and how large its page is.

python -m tests.benchmarks report
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.report.fleet import fleet_report
from ansible_collections.fireworks.byoc.plugins.plugin_utils.report_page import MOST_BYTES, report_page
from byoc_testbed import Testbed
from tests.benchmarks import fleet, sweeping
from tests.benchmarks.measure import BenchmarkError
from tests.fleet_parts import MADE, agreed, parts
from tests.integration.ansible_runs import ansible_environment

HOSTS = 1000
_AFTER = "TASK [Write the page and the data]"
"""What the playbook says when its sweep has ended."""
MOST_SECONDS = 5.0
"""Beyond the sweep."""


def run(runs: int) -> None:
    """Each run reads a thousand hosts on four API servers and writes the report; then a fuller page."""
    with tempfile.TemporaryDirectory() as name, Testbed.start(sweeping.specs()) as bed:
        folder = Path(name)
        clusters = [bed[spec.name] for spec in sweeping.specs()]
        source = fleet.inventory(folder / "fleet", clusters, HOSTS, health=sweeping.HEALTH)
        program = str(Path(sys.executable).with_name("ansible-playbook"))
        words = ["fireworks.byoc.fleet_report", "-e", f"report_file={folder / 'fleet.html'}"]
        samples = [_timed([program, "-i", str(source), *words], folder) for _run in range(runs)]
    beyond = statistics.median(after for _all, after in samples)
    print(f"\nthe report of {HOSTS} hosts on {sweeping.SERVERS} API servers, two GPU nodes each; median of {runs} runs")
    print(f"  {'fleet_report':50}{statistics.median(whole for whole, _after in samples):9.2f} s")
    print(f"  {'of these, after the sweep':50}{beyond:9.2f} s")
    seconds, size = full()
    print(f"  {'a page with 3 models, 6 rollouts, findings … each':50}{seconds:9.2f} s{size / 1024**2:8.2f} MiB")
    if beyond > MOST_SECONDS or size > MOST_BYTES:
        raise BenchmarkError(f"it took {beyond:.1f} s beyond the sweep, and has {size} bytes")


def _timed(command: list[str], folder: Path) -> tuple[float, float]:
    """The seconds of one run, and those of them that come after its sweep, to the end of the process."""
    environment = ansible_environment(PYTHONDONTWRITEBYTECODE="", PYTHONUNBUFFERED="1")
    began, swept, said = time.monotonic(), 0.0, []
    how: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen(command, env=environment, cwd=folder, text=True, **how) as process:
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line)
            swept = time.monotonic() if _AFTER in line else swept
    ended = time.monotonic()
    if process.returncode or not swept:
        raise BenchmarkError(f"{' '.join(command)} ended with {process.returncode}:\n{''.join(said[-30:])}")
    return ended - began, ended - swept


def full() -> tuple[float, int]:
    """The seconds and the bytes of a page of clusters with something in every table."""
    contracts = {agreed(number)["identity"]["name"]: agreed(number) for number in range(HOSTS)}
    texts = [json.dumps(part) for part in parts(HOSTS)]
    began = time.monotonic()
    page = report_page(fleet_report([json.loads(text) for text in texts], contracts, [], MADE))
    return time.monotonic() - began, len(page.encode())
