# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether real nodes can run here, and if not, why."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from . import cgroups
from .places import CNI_PLUGINS

_COMMANDS = {
    "containerd": "containerd",
    "ctr": "containerd",
    "runc": "runc",
    "ip": "iproute2",
    "nft": "nftables",
    "nsenter": "util-linux",
}


def real_nodes_missing() -> str:
    """What real nodes need and this machine lacks, in one sentence; empty where they run."""
    if os.geteuid() != 0:
        return "real nodes need root, for namespaces, mounts and cgroups"
    packages = {package for command, package in _COMMANDS.items() if not shutil.which(command)}
    if not all((CNI_PLUGINS / name).exists() for name in ("bridge", "host-local", "loopback")):
        packages.add("containernetworking-plugins")
    if packages:
        return f"real nodes need {', '.join(sorted(packages))}: on Debian, apt-get install --no-install-recommends them"
    if lacking := cgroups.lacking():
        return lacking
    filesystems = Path("/proc/filesystems").read_text(encoding="ascii").split()
    return "" if "overlay" in filesystems else "real nodes need a kernel with overlayfs"
