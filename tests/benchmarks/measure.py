# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Time whole processes: wall-clock seconds and the peak memory of the largest process among them and their children."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Sample:
    """One run: wall-clock seconds, MiB of the largest process, and seconds of processor time of all (the operating
    system's own accounting)."""

    seconds: float
    peak_mib: float
    processor: float = 0.0


@dataclass(frozen=True)
class Figure:
    """Several runs of the same: their median and spread."""

    samples: Sequence[Sample]

    @property
    def seconds(self) -> float:
        return statistics.median(s.seconds for s in self.samples)

    @property
    def processor(self) -> float:
        return statistics.median(s.processor for s in self.samples)

    @property
    def peak_mib(self) -> float:
        return max(s.peak_mib for s in self.samples)

    @property
    def spread(self) -> str:
        seconds = [s.seconds for s in self.samples]
        return f"{min(seconds):.2f}-{max(seconds):.2f}"


class BenchmarkError(Exception):
    """A command under measurement failed, so its time means nothing."""


def run_once(command: Sequence[str], environment: dict[str, str], cwd: Path) -> Sample:
    """Run a command to its end. :raises BenchmarkError: it failed."""
    log = cwd / "benchmark.log"
    with log.open("wb") as output:
        started = time.monotonic()
        process = subprocess.Popen(
            command, env=environment, cwd=cwd, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        _pid, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise BenchmarkError(f"{' '.join(command)} ended with {process.returncode}:\n{log.read_text()[-2000:]}")
    return Sample(seconds, usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime)


def idle_share(seconds: float) -> float:
    """The share of all cores' time that nobody used during these seconds, 0 to 1 (from ``/proc/stat``)."""
    before = _processor_times()
    time.sleep(seconds)
    spent = [now - then for now, then in zip(_processor_times(), before, strict=True)]
    return (spent[3] + spent[4]) / sum(spent)  # idle, and waiting for a disk


def _processor_times() -> list[int]:
    with Path("/proc/stat").open(encoding="ascii") as lines:
        return [int(ticks) for ticks in lines.readline().split()[1:9]]


def in_turns(commands: dict[str, Callable[[], Sample]], runs: dict[str, int]) -> dict[str, Figure]:
    """Run each command so many times, in turns, after one run of each that does not count: a machine whose speed
    drifts is then the same for all."""
    samples: dict[str, list[Sample]] = {name: [] for name in commands}
    for turn in range(max(runs.values()) + 1):
        for name, command in commands.items():
            if turn <= runs[name] and not (turn == 0 and runs[name] == 1):  # what is very slow runs once, not warmed
                sample = command()
                if turn:
                    samples[name].append(sample)
    return {name: Figure(taken) for name, taken in samples.items()}
