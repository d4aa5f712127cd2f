# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a program that somebody else chose: for so long, without a terminal, and for so much of output."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import IO, cast

MOST_BYTES = 1_000_000


class NoEndError(Exception):
    """It did not end in time."""


class TooMuchError(Exception):
    """It printed more than so many bytes."""


def output_of(command: Sequence[str], environ: Mapping[str, str], seconds: float) -> tuple[int, bytes]:
    """Its exit status (of a signal, less than 0) and what it printed. What it complained of is thrown away.

    :raises OSError: it does not start.
    :raises NoEndError: it is still running, and was killed, with what it has started.
    :raises TooMuchError: likewise.
    """
    end = time.monotonic() + seconds
    # In Ansible's worker there is no AnsibleModule, so no run_command. A session of its own has no terminal.
    process = subprocess.Popen(  # pylint: disable=ansible-bad-function,consider-using-with
        list(command),
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    with cast("IO[bytes]", process.stdout) as output:
        try:
            said = _read(output, end)
            return process.wait(max(0.0, end - time.monotonic())), said
        except subprocess.TimeoutExpired:
            raise NoEndError from None
        finally:
            _end(process)


def _read(output: IO[bytes], end: float) -> bytes:
    said = b""
    with selectors.DefaultSelector() as ready:
        ready.register(output, selectors.EVENT_READ)
        while len(said) <= MOST_BYTES:
            if not ready.select(max(0.0, end - time.monotonic())):
                raise NoEndError
            more = os.read(output.fileno(), 65536)
            if not more:
                return said
            said += more
    raise TooMuchError(MOST_BYTES)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.returncode is not None:
        return
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
