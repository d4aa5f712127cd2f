# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that hold a secret: readable by their owner only, and written atomically."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from .errors import CredentialError

MODE = 0o600


def write_private(path: str, text: str) -> None:
    """Write the file in one step: a concurrent reader gets the old content or the new one.

    :raises CredentialError: it cannot be written; what was there before stays.
    """
    target = Path(path)
    try:
        # Made with mode 0600, whatever the umask says.
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    except OSError as error:
        raise _cannot(path, error) from None
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
            handle.write(text)
            handle.flush()
            os.fsync(handle.fileno())
        Path(name).replace(target)
    except OSError as error:
        raise _cannot(path, error) from None
    finally:
        with contextlib.suppress(FileNotFoundError):  # after the replacement there is none
            Path(name).unlink()


def mode_of(path: str) -> int:
    """The file's permission bits."""
    return Path(path).stat().st_mode & 0o777


def _cannot(path: str, error: OSError) -> CredentialError:
    return CredentialError(
        f"cannot write {path}: {error.strerror}",
        next_step="give a path in a folder that exists and that this user may write to",
    )
