# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs by ansible-runner, as AWX makes them: what it keeps of a run is all that those see who read it by a machine.

It comes with ansible-rulebook, in the environment of the event path (requirements/events.txt).
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.integration.ansible_runs import ansible_environment, run_command
from tests.tools.environments import events


def run_under_runner(
    folder: Path, *arguments: str, environment: Mapping[str, str] | None = None
) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    """``ansible-playbook`` with these arguments, and the artifacts of the run: the custom statistics of its last event.

    :param folder: for what ansible-runner keeps; of this run alone.
    """
    venv = events()
    venv.ensure()
    playbook, *options = arguments
    (folder / "env").mkdir(parents=True)
    (folder / "env" / "cmdline").write_text(shlex.join(options))
    command = [str(venv.bin / "ansible-runner"), "run", str(folder), "--playbook", playbook, "--ident", "run"]
    path = f"{venv.bin}{os.pathsep}{os.environ['PATH']}"
    done = run_command(command, ansible_environment(**{**(environment or {}), "PATH": path}))
    told = [json.loads(path.read_text()) for path in (folder / "artifacts" / "run" / "job_events").glob("*.json")]
    ended = [event["event_data"]["artifact_data"] for event in told if event["event"] == "playbook_on_stats"]
    assert len(ended) == 1, done.stdout
    return done, ended[0]
