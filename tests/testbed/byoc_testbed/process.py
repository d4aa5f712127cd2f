# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes that end with the process that started them."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from .errors import TestbedError

OWNER = "BYOC_TESTBED_OWNER"


class Lifeline:
    """A pipe that nobody writes to. Its reading end is every child's standard input.

    When this process dies, however it dies, the kernel closes the other end; each
    child sees the end of its input and exits at once.
    """

    def __init__(self) -> None:
        self.child_end, self._own_end = os.pipe()

    def cut(self) -> None:
        """End what still lives."""
        os.close(self._own_end)
        os.close(self.child_end)


#: One thread runs Go at a time: what idles takes a fifth less, since none looks for work that another one has.
_GO = {"GOMAXPROCS": "1"}


class Process:
    """One running command, with its log; of the testbed's binary unless it has a name of its own."""

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        log: Path,
        lifeline: Lifeline,
        folder: Path,
        name: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name or arguments[1]
        self.log = log
        # Nothing of the caller's environment may change what a server does.
        kept = {key: os.environ[key] for key in ("PATH", "TMPDIR", "LANG") if key in os.environ}
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                list(arguments),
                stdin=lifeline.child_end,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env={**kept, **_GO, "HOME": str(folder), OWNER: str(os.getpid()), **(environment or {})},
                start_new_session=True,  # Ctrl-C is the driver's to handle
            )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def check(self) -> None:
        """Raise if the process has ended, with the end of its log."""
        status = self._process.poll()
        if status is not None:
            raise TestbedError(f"{self.name} ended with status {status}; the end of its log:\n{self.tail()}")

    def tail(self, lines: int = 12) -> str:
        """The last lines of the log."""
        text = self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""
        return "\n".join(line[:400] for line in text.splitlines()[-lines:])

    def kill(self) -> None:
        """End the process at once and wait until it is gone. Nothing in a testbed needs an orderly end."""
        self._process.kill()
        self._process.wait()

    def end(self, seconds: float = 30) -> None:
        """Ask the process to end, for the few that have something to clear away, and wait until it is gone."""
        self._process.terminate()
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def rss_mib(self) -> int:
        """Resident memory, in MiB."""
        for line in Path(f"/proc/{self.pid}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) // 1024
        return 0

    def processor_seconds(self) -> float:
        """Processor time that it has used, of all its threads."""
        # The command's name comes before, in brackets, and may have spaces.
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wait_for_file(path: Path, process: Process, seconds: float) -> None:
    """Wait until a process has made a file (or a socket)."""
    deadline = time.monotonic() + seconds
    while not path.exists():
        process.check()
        if time.monotonic() > deadline:
            raise TestbedError(f"{process.name} was not up after {seconds:g} s; the end of its log:\n{process.tail()}")
        time.sleep(0.01)
