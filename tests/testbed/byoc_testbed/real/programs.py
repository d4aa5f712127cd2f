# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Building the small Go programs that real nodes need: cached beside the testbed's binary, by their sources."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

from ..build import SOURCES, cache_folder
from ..errors import TestbedError
from ..gotool import find_go, wanted_version

STANDIN, DNS = "standin", "dns"
"""The one program in the images of real pods (15 s with Go's standard library), and the cluster's DNS (CoreDNS)."""
_TOLD = {DNS: "building the cluster DNS from CoreDNS' Go module, once: 1 to 5 minutes on 2 cores"}


def ensure_program(name: str) -> Path:
    """The program of the present sources in a folder of the testbed's; builds it if it is not there."""
    folder = SOURCES / name
    digest = hashlib.sha256(wanted_version().encode())
    for path in sorted(folder.iterdir()):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    program = cache_folder() / name / digest.hexdigest()[:16]
    if not program.exists():
        program.parent.mkdir(parents=True, exist_ok=True)
        _build(name, folder, program)
    return program


def _build(name: str, folder: Path, program: Path) -> None:
    started = time.monotonic()
    if name in _TOLD:
        print(f"testbed: {_TOLD[name]}", file=sys.stderr, flush=True)
    half = program.with_name(f"{program.name}.{os.getpid()}")
    flags = ["-trimpath", "-mod=readonly", "-buildvcs=false", "-ldflags=-s -w"]
    command = [find_go(cache_folder()), "build", *flags, "-o", str(half), "."]
    environment = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "", "GOWORK": "off"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise TestbedError(f"the program {name} of the testbed cannot be built: {done.stderr.strip()}")
    half.rename(program)
    if name in _TOLD:
        print(f"testbed: built in {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
