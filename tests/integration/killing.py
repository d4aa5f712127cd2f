# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes that a test ends from outside, with everything that they started."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tests.integration.ansible_runs import ROOT, ansible_environment


def begin(command: Sequence[str], environment: dict[str, str], *, log: Path | None = None) -> subprocess.Popen[str]:
    """Start a process in a session of its own. What it says can be read from its ``stdout``, or is in the log."""
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=log.open("w") if log else subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def begin_playbook(*arguments: str, log: Path | None = None) -> subprocess.Popen[str]:
    """Start ``ansible-playbook`` with these arguments, of the interpreter that runs the tests."""
    command = [str(Path(sys.executable).with_name("ansible-playbook")), *arguments]
    return begin(command, ansible_environment(PYTHONUNBUFFERED="1"), log=log)


def wait_for_task(running: subprocess.Popen[str], task: str) -> None:
    """Read what a playbook says until a task of this name, of any role, begins."""
    assert running.stdout is not None
    said = []
    for text in running.stdout:
        if re.match(rf"TASK \[(.* : )?{re.escape(task)}\]", text):
            return
        said.append(text)
    raise AssertionError(f"the playbook ended without the task {task!r}:\n{''.join(said)}")


def kill(running: subprocess.Popen[str]) -> None:
    """End a process that was begun here and all that it started, without a word (``kill -9``)."""
    if running.poll() is None:
        os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    if running.stdout is not None:
        running.stdout.close()


def kill_after(running: subprocess.Popen[str], seconds: float) -> bool:
    """Kill a process unless it ends by itself within so many seconds; whether it was killed."""
    try:
        running.wait(seconds)
    except subprocess.TimeoutExpired:
        kill(running)
        return True
    return False


def everyone(pid: int) -> list[int]:
    """A process and all that it started and those started, in whatever sessions: Ansible's workers have their own."""
    found = [pid]
    for one in found:
        for children in Path(f"/proc/{one}/task").glob("*/children"):
            with suppress(OSError):  # it has just ended
                found += [int(child) for child in children.read_text().split()]
    return found


def signal_all(pids: Sequence[int], number: signal.Signals) -> None:
    """Send a signal to processes that were begun here, as far as they are still there."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def is_running(pid: int) -> bool:
    """Whether a process is there, and no mere entry that nobody has collected yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
