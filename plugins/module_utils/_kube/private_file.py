# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that hold a secret: readable by their owner only, and written atomically."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from pathlib import Path

from .errors import CredentialError

MODE = 0o600
#: Begins the name of what is being written, so that it cannot be mistaken for a file of somebody else's.
_DRAFT = ".byoc-draft."


def write_private(path: str, text: str) -> None:
    """Write the file in one step: a concurrent reader gets the old content or the new one.

    :raises CredentialError: it cannot be written; what was there before stays.
    """
    target = Path(path)
    try:
        _remove_drafts(target)
        descriptor, name = _new_draft(target)
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


def require_writable(path: str, *, check_mode: bool = False) -> None:
    """The file could be written now, so that what is asked for to be kept in it is not lost. It stays as it is.

    :param check_mode: a folder that is not there may be one that an earlier task makes, and is not judged.
    :raises CredentialError: it could not.
    """
    if check_mode and not Path(path).parent.exists():
        return
    try:
        descriptor, name = _new_draft(Path(path))
    except OSError as error:
        raise _cannot(path, error) from None
    os.close(descriptor)
    Path(name).unlink()


def _new_draft(target: Path) -> tuple[int, str]:
    """A file to write to, with mode 0600 whatever the umask says, that is locked as long as somebody writes to it."""
    while True:
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=_prefix(target))
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if Path(name).exists():
            return descriptor, name
        os.close(descriptor)  # in between somebody found it unlocked, and removed it


def _remove_drafts(target: Path) -> None:
    """Remove what writers left that were killed: there is a secret in it, and nobody holds its lock any more."""
    for left in target.parent.iterdir():
        if left.name.startswith(_prefix(target)):
            with contextlib.suppress(OSError), os.fdopen(os.open(left, os.O_RDONLY | os.O_NOFOLLOW)) as handle:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                left.unlink()


def _prefix(target: Path) -> str:
    return f"{_DRAFT}{target.name}."


def mode_of(path: str) -> int:
    """The file's permission bits."""
    return Path(path).stat().st_mode & 0o777


def _cannot(path: str, error: OSError) -> CredentialError:
    return CredentialError(
        f"cannot write {path}: {error.strerror}",
        next_step="give a path in a folder that exists and that this user may write to",
    )
