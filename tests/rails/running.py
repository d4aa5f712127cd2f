# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a tool for a test: its output goes to a log, and a failure shows the end of it and no traceback of ours."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.tools.environments import ROOT

LOGS = ROOT / "build" / "logs"
SHOWN_LINES = 80
#: A run of tests inside a test leaves the durations of the run around it alone.
UNTIMED = ("-p", "no:tests.tools.durations")
COLOURS = re.compile(r"\x1b(\[[0-9;]*[A-Za-z]|\]8;;[^\x07\x1b]*(\x07|\x1b\\))")
# What a developer has set for other work must not decide whether this tree is sound.
NOT_INHERITED = ("ANSIBLE_", "KUBECONFIG", "PYTEST_", "MYPY", "COVERAGE_", "VIRTUAL_ENV", "PYTHONPATH")


def variables(*folders: Path, **more: str) -> dict[str, str]:
    """An environment with these folders of programs first."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(NOT_INHERITED)}
    path = os.pathsep.join([*map(str, folders), os.environ.get("PATH", os.defpath)])
    quiet = {
        "NO_COLOR": "1",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_HOME": str(ROOT / "build" / "ansible"),
        "LC_ALL": "C.UTF-8",
    }
    return {**kept, **quiet, "PATH": path, **more}


def passes(
    command: Sequence[str | Path],
    *,
    log: str,
    env: Mapping[str, str],
    cwd: Path = ROOT,
    timeout: float = 600,
) -> str:
    """The command's output, when it exits with 0; otherwise the test fails with the end of it."""
    LOGS.mkdir(parents=True, exist_ok=True)
    target = LOGS / f"{log}.log"
    words = [str(word) for word in command]
    started = time.monotonic()
    with target.open("w") as handle:
        handle.write(f"$ cd {cwd} && {' '.join(' '.join(words).split())}\n")
        handle.flush()
        try:
            code = subprocess.run(
                words,
                cwd=cwd,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=handle,
                stderr=subprocess.STDOUT,
                timeout=timeout,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            code = None
    output = COLOURS.sub("", target.read_text(errors="replace"))
    if code != 0:
        end = "\n".join(output.splitlines()[-SHOWN_LINES:])
        how = f"did not end within {timeout:.0f} s" if code is None else f"exited with {code}"
        seconds = time.monotonic() - started
        pytest.fail(f"{words[0]} {how} after {seconds:.0f} s. All of it: {target}\n{end}", pytrace=False)
    return output.split("\n", 1)[1]


def says_no_warning(output: str) -> None:
    """A person who sees a warning each day no longer reads them, so there are none."""
    found = [line for line in output.splitlines() if "WARNING]" in line or "DEPRECATION" in line]
    assert not found, "\n".join(found)
