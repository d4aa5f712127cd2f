# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prometheus, Alertmanager and promtool: from PATH, else out of Debian's packages, unpacked and not installed.

Installing them would start services. Unpacked into the cache they are files, and no root is needed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.tools.environments import CACHE

PACKAGES = ("prometheus", "prometheus-alertmanager")
UNPACKED = CACHE / "monitoring"
# Debian calls it by the project's name first.
NAMES = {"alertmanager": ("alertmanager", "prometheus-alertmanager")}
# Debian's Alertmanager reads a template at a place that is compiled in: it is shown that place, and nobody else is.
_SEE = 'mount --bind "$0" /usr/share && exec "$@"'


def command(name: str) -> list[str] | None:
    """How to start ``prometheus``, ``promtool`` or ``alertmanager``; None where it is not to be had here."""
    for called in NAMES.get(name, (name,)):
        if found := shutil.which(called):
            return [found]
    if not _unpack():
        return None
    [found] = [str(path) for called in NAMES.get(name, (name,)) if (path := UNPACKED / "bin" / called).exists()]
    if name != "alertmanager":
        return [found]
    alone = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    seeing = [*alone, "sh", "-c", _SEE, str(UNPACKED / "share"), found]
    tried = subprocess.run([*seeing, "--version"], capture_output=True, check=False, stdin=subprocess.DEVNULL)
    return seeing if tried.returncode == 0 else None


def lacking(name: str) -> str:
    """Why a test that needs it is skipped."""
    return f"{name} is neither on PATH nor to be had here with apt-get download {' '.join(PACKAGES)}"


def _unpack() -> bool:
    if UNPACKED.exists():
        return True
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        return False
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "monitoring.lock").open("w") as handle, tempfile.TemporaryDirectory(prefix="byoc-debs-") as scratch:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if UNPACKED.exists():
            return True
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            _run("apt-get", "-qq", "download", *PACKAGES, cwd=scratch)
            for package in sorted(Path(scratch).glob("*.deb")):
                _run("dpkg", "-x", str(package), str(Path(scratch) / "root"), cwd=scratch)
            # Some of their links lead to packages that they lean on for their web pages.
            shutil.copytree(Path(scratch) / "root" / "usr", UNPACKED, symlinks=True)
            return True
    return False


def _run(*command: str, cwd: str) -> None:
    subprocess.run(command, cwd=cwd, check=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=120)


if __name__ == "__main__":
    print("\n".join(" ".join(command(name) or [lacking(name)]) for name in ("prometheus", "alertmanager", "promtool")))
