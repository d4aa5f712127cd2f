# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The private folder of one bed, and what a killed owner left behind."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path

_PREFIX = "byoc-testbed-"
_LOCK = "owner.lock"
# A Unix socket's path has at most 107 characters, and etcd's is in the folder.
_LONGEST = 80


class StateFolder:
    """A folder of mode 0700, locked for as long as its owner lives."""

    def __init__(self) -> None:
        parent = _parent()
        self.path = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getuid()}-", dir=parent))
        # Locked before it has its name: whoever sweeps at this moment would find it abandoned.
        made = self.path / f"{_LOCK}.new"
        self._lock = made.open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        made.rename(self.path / _LOCK)

    def remove(self) -> None:
        """Remove the folder and everything in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.close()


def leftovers() -> list[Path]:
    """Folders whose owner is gone."""
    return [path for path in _parent().glob(f"{_PREFIX}{os.getuid()}-*") if path.is_dir() and _abandoned(path)]


def sweep() -> list[Path]:
    """Remove the folders whose owner is gone; gives what was removed."""
    found = leftovers()
    for path in found:
        shutil.rmtree(path, ignore_errors=True)
    return found


def _parent() -> Path:
    chosen = Path(tempfile.gettempdir())
    return chosen if len(str(chosen)) <= _LONGEST else Path("/tmp")


def _abandoned(path: Path) -> bool:
    try:
        if path.stat().st_uid != os.getuid():
            return False
        with (path / _LOCK).open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except FileNotFoundError:  # being made at this moment, or left half made
        return path.exists() and time.time() - path.stat().st_mtime > 60
    except OSError:
        return False
