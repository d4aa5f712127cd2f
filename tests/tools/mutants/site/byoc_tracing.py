# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which functions of the collection a test file runs, in its own process and in those that it starts.

The interpreter says when a function is entered for the first time (sys.monitoring, Python 3.12) and is then told to be
silent about it, so tracing costs next to nothing. What was entered is written at once: Ansible's workers end without
any exit handler, and some tests kill theirs.

This folder is put on PYTHONPATH, so that sitecustomize.py starts it in every Python that a test starts. It imports
nothing of ours. As a pytest plugin (``-p byoc_tracing``) it also tells the test files of one run apart.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

FOLDER, TEST_FILE = "BYOC_TRACE_TO", "BYOC_TRACE_AS"
#: What is loaded from a checkout, from an installed collection and from the archive of a module.
_ROOTS = ("/fireworks/byoc/plugins/", os.environ.get("BYOC_TRACE_ROOT", "/nowhere") + "/plugins/")
_seconds: dict[str, float] = {}


def start() -> None:
    """From now on, in this process and those forked from it."""
    if not (os.environ.get(FOLDER) and hasattr(sys, "monitoring")):
        return
    tool = sys.monitoring.PROFILER_ID
    if sys.monitoring.get_tool(tool) is None:
        sys.monitoring.use_tool_id(tool, "byoc")
        sys.monitoring.register_callback(tool, sys.monitoring.events.PY_START, _entered)
        sys.monitoring.set_events(tool, sys.monitoring.events.PY_START)


def _entered(code, _offset):
    for root in _ROOTS:
        _before, found, path = code.co_filename.rpartition(root)
        if found and os.environ.get(TEST_FILE):
            _write(f"plugins/{path}\t{code.co_qualname}\n")
            break
    return sys.monitoring.DISABLE


def _write(line: str) -> None:
    name = os.environ[TEST_FILE].replace("/", "+")
    handle = os.open(Path(os.environ[FOLDER]) / name, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(handle, line.encode())
    finally:
        os.close(handle)


def pytest_runtest_logstart(nodeid: str) -> None:
    """A test begins: when it is the first one of its file, everything counts anew."""
    start()
    name = nodeid.partition("::")[0]
    if os.environ.get(TEST_FILE) != name:
        os.environ[TEST_FILE] = name
        if hasattr(sys, "monitoring"):
            sys.monitoring.restart_events()


def pytest_runtest_logreport(report) -> None:
    name = report.nodeid.partition("::")[0]
    _seconds[name] = _seconds.get(name, 0.0) + report.duration
    if report.failed:
        _write("failed\t" + report.nodeid + "\n")


def pytest_sessionfinish() -> None:
    for name, seconds in _seconds.items():
        os.environ[TEST_FILE] = name
        _write(f"seconds\t{seconds:.2f}\n")
