# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that hold a credential: readable by their owner only, and never half-written."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from .errors import CredentialError


def write_private(path: Path, text: str) -> None:
    """Put ``text`` at ``path`` in one step, mode 0600: whoever reads it sees the old content or the new.

    :raises CredentialError: it cannot be written; nothing is left behind.
    """
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise _unwritable(path, error) from None
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise _unwritable(path, error) from None


def _unwritable(path: Path, error: OSError) -> CredentialError:
    return CredentialError(
        f"cannot be written: {error.strerror}", where=str(path), next_step="give a folder that exists and is yours"
    )
