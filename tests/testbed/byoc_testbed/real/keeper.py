# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds the namespaces of a hub and its nodes, and ends them.

``python -m byoc_testbed.real.keeper HOLDER ANSWER NODE...`` writes to the file ANSWER who holds them.

Each of them lives as long as its first process, and no longer: when that one dies, the kernel ends every process in it
and with them its mounts and network devices. The first processes die with this one, and this one when its standard
input ends, which is when its owner dies. It also takes away the control groups, the only thing that would stay.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from pathlib import Path

from . import cgroups

HUB = "(hub)"
_KINDS = {"net": 0x40000000, "pid": 0x20000000, "uts": 0x04000000, "mnt": 0x00020000}
_PRIVATE = 1 << 18 | 1 << 14  # MS_PRIVATE | MS_REC
_DIE_WITH_PARENT = 1
_libc = ctypes.CDLL(None, use_errno=True)


def main(holder: str, answer: str, nodes: list[str]) -> None:
    """Make all namespaces, say who holds them, and wait for the end."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    own = {kind: os.open(f"/proc/self/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC) for kind in _KINDS}
    held: dict[str, int] = {}
    try:
        held[HUB] = _hold(holder, HUB, own, ["net"])
        for name in nodes:
            held[name] = _hold(holder, name, own, list(_KINDS))
        groups = {name: cgroups.make(os.getpid(), name) for name in nodes}
        half = Path(answer + ".half")
        half.write_text(json.dumps({"holders": held, "cgroups": groups}), encoding="utf-8")
        half.rename(answer)
        while os.read(0, 4096):
            pass
    finally:
        for pid in held.values():
            os.kill(pid, signal.SIGKILL)
        for pid in held.values():
            os.waitpid(pid, 0)  # a PID namespace's first process is gone only after all others in it
        cgroups.remove(os.getpid())


def _hold(holder: str, name: str, own: dict[str, int], kinds: list[str]) -> int:
    """Start a process that does nothing, in new namespaces; gives its id."""
    _check(_libc.unshare(sum(_KINDS[kind] for kind in kinds)), "unshare")
    pid = os.fork()
    if pid == 0:
        _check(_libc.prctl(_DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0), "prctl")
        if "mnt" in kinds:
            _check(_libc.mount(b"none", b"/", None, _PRIVATE, None), "mount")
        if "uts" in kinds:
            _check(_libc.sethostname(name.encode(), len(name)), "sethostname")
        os.execv(holder, [holder, "idle"])  # noqa: S606 (no shell is what we mean)
    for kind in kinds:
        _check(_libc.setns(own[kind], 0), "setns")
    return pid


def _check(status: int, what: str) -> None:
    if status != 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
