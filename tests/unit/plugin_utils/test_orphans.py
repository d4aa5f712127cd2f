# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker ends with its work once its run is gone, and goes on while it is there."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.tools.environments import ROOT

# The worker says how far it came, and its output is open until it ends.
WORKER = """
import os, sys, time
from ansible_collections.fireworks.byoc.plugins.plugin_utils.orphans import ending_with_its_run
run = os.getpid()
if os.fork():
    if sys.argv[1] == "killed":
        time.sleep(0.5)
        os._exit(0)
    os.wait()
else:
    with ending_with_its_run():
        while sys.argv[1] == "killed" and os.getppid() == run:
            time.sleep(0.01)
        os.write(1, b"worked ")
    os.write(1, b"went on")
"""


@pytest.mark.parametrize(("run", "said"), [("killed", "worked "), ("there", "worked went on")])
def test_a_worker_ends_with_its_work_where_its_run_was_killed(run: str, said: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / ".collections")}
    command = [sys.executable, "-c", WORKER, run]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == said
