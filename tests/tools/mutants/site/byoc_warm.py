# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Python that has pytest and what the tests need loaded, and runs pytest in a fork of itself for each line it reads.

Starting pytest takes longer than most tests of a mutant. Nothing of the collection is loaded here, so that each fork
loads the mutant. A line is JSON: pytest's arguments, the file for its output, and the seconds it may take; the answer
is pytest's exit code, or null when its time was over.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import time

_NEEDED = (
    "_pytest.assertion.rewrite", "_pytest.doctest", "_pytest.junitxml", "_pytest.pytester", "ansible.errors",
    "ansible.module_utils.basic", "ansible.plugins.callback", "ansible.plugins.lookup", "ansible.template", "datetime",
    "dateutil.parser", "hypothesis.extra", "hypothesis.strategies", "jinja2", "jsonschema", "kubernetes.config",
    "pytest_timeout", "requests", "ssl", "unittest.mock", "urllib3", "xdist.plugin", "yaml", "zoneinfo",
)  # fmt: skip


def main() -> None:
    import pytest  # the first thing that takes long

    sys.path.insert(0, "")
    for name in _NEEDED:
        try:
            importlib.import_module(name)
        except ImportError:
            continue
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            _become(asked["output"])
            os._exit(int(pytest.main(asked["arguments"])))
        print(json.dumps(_end_of(child, asked["seconds"])), file=answers, flush=True)


def _become(output: str) -> None:
    """A session of its own, so that what is late is ended with all that it started."""
    os.setsid()
    out = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for target, source in ((0, nothing), (1, out), (2, out)):
        os.dup2(source, target)
    sys.stdin = open(0)  # noqa: SIM115


def _end_of(child: int, seconds: float) -> int | None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


if __name__ == "__main__":
    main()
