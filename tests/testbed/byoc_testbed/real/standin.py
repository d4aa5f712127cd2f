# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Building the stand-in, the one program in the images of real pods; cached beside the testbed's binary."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

from ..build import SOURCES, cache_folder
from ..errors import TestbedError
from ..gotool import find_go, wanted_version

_FOLDER = SOURCES / "standin"


def ensure_standin() -> Path:
    """The program of the present sources; builds it if it is not there (15 seconds, with Go's standard library)."""
    digest = hashlib.sha256(wanted_version().encode())
    for path in sorted(_FOLDER.iterdir()):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    program = cache_folder() / "standin" / digest.hexdigest()[:16]
    if not program.exists():
        program.parent.mkdir(parents=True, exist_ok=True)
        half = program.with_name(f"{program.name}.{os.getpid()}")
        command = [
            find_go(cache_folder()),
            "build",
            "-trimpath",
            "-buildvcs=false",
            "-ldflags=-s -w",
            "-o",
            str(half),
            ".",
        ]
        environment = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "", "GOWORK": "off"}
        done = subprocess.run(command, cwd=_FOLDER, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise TestbedError(f"the stand-in for real pods cannot be built: {done.stderr.strip()}")
        half.rename(program)
    return program
