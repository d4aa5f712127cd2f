# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control groups that nodes' pods live in: one subtree for each bed, gone when the bed is."""

from __future__ import annotations

import os
import time
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_CONTROLLERS = ("blkio", "cpu", "cpuacct", "cpuset", "devices", "freezer", "memory", "pids", "systemd")
_PREFIX = "byoc-testbed-"


def lacking() -> str:
    """Why nodes cannot have control groups here; empty where they can."""
    if (_ROOT / "cgroup.controllers").exists():
        return "real nodes are only tried with cgroup v1, and this machine has v2 alone"
    absent = [name for name in _CONTROLLERS if not (_ROOT / name).is_dir()]
    if absent:
        return f"real nodes need the cgroup v1 controllers {', '.join(absent)} mounted in {_ROOT}"
    if not os.access(_ROOT / "memory", os.W_OK):
        return f"real nodes need a writable {_ROOT}"
    return ""


def make(keeper: int, node: str) -> str:
    """Make a node's group in every controller; gives its path below each of them."""
    path = f"/{_PREFIX}{keeper}/{node}"
    for controller in _CONTROLLERS:
        group = _ROOT / controller
        for part in path.strip("/").split("/"):
            made = group / part
            made.mkdir(exist_ok=True)
            if controller == "cpuset":  # a new one is empty, and takes no process
                for file in ("cpuset.cpus", "cpuset.mems"):
                    (made / file).write_text((group / file).read_text(encoding="ascii"), encoding="ascii")
            group = made
    return path


def remove(keeper: int, seconds: float = 10) -> None:
    """Remove a bed's groups, once their processes are gone."""
    deadline = time.monotonic() + seconds
    for top in _ROOT.glob(f"*/{_PREFIX}{keeper}"):  # runc makes one in the unified hierarchy too
        while top.exists() and time.monotonic() < deadline:
            for folder, _folders, _files in os.walk(top, topdown=False):
                try:
                    Path(folder).rmdir()
                except OSError:  # a process is still ending in there
                    time.sleep(0.05)


def leftovers() -> list[int]:
    """The keepers that are gone and whose groups are not."""
    found = {int(path.name[len(_PREFIX) :]) for path in _ROOT.glob(f"*/{_PREFIX}[0-9]*")}
    return sorted(keeper for keeper in found if not Path(f"/proc/{keeper}").exists())
