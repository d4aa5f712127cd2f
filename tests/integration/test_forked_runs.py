# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import threading
import time
from multiprocessing import forkserver

import pytest

from tests.integration.ansible_runs import Forked


def test_a_run_that_another_start_finds_ended_has_its_exit_status(monkeypatch: pytest.MonkeyPatch) -> None:
    read, begun = forkserver.read_signed, threading.Event()

    def read_late(descriptor: int) -> int:
        begun.set()
        time.sleep(0.2)
        return read(descriptor)

    first = Forked(os.getpid, environment=os.environ)
    time.sleep(1)
    monkeypatch.setattr(forkserver, "read_signed", read_late)
    another = threading.Thread(target=lambda: Forked(os.getpid, environment=os.environ).wait(60))
    another.start()
    assert begun.wait(60)
    assert first.wait(60) == 0
    another.join()
