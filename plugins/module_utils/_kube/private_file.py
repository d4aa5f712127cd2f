# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that hold a secret: readable by their owner only, written atomically, in a folder that is made if need be."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from .errors import CredentialError

MODE = 0o600
_FOLDER_MODE = 0o700
#: Begins the name of what is being written, so that it cannot be mistaken for a file of somebody else's.
_DRAFT = ".byoc-draft."


def write_private(path: str, text: str | bytes) -> None:
    """Write the file in one step: a concurrent reader gets the old content or the new one.

    Missing folders are made, with mode 0700, as kubectl makes those of a kubeconfig.

    :raises CredentialError: it cannot be written; what was there before stays.
    """
    target = Path(path)
    try:
        _make_folder(target.parent)
        _remove_drafts(target)
        descriptor, name = _new_draft(target)
    except OSError as error:
        raise _cannot(path, error) from None
    try:
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(text.encode() if isinstance(text, str) else text)
            handle.flush()
            os.fsync(handle.fileno())
            Path(name).replace(target)
    except OSError as error:
        raise _cannot(path, error) from None
    finally:
        with contextlib.suppress(FileNotFoundError):  # after the replacement there is none
            Path(name).unlink()


def require_writable(path: str) -> None:
    """The file could be written now, so that what is asked for to be kept in it is not lost.

    Everything stays as it is, so check mode may ask too: of folders that are not there, the one that they would be
    made in is tried.

    :raises CredentialError: it could not.
    """
    target = Path(path)
    try:
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        descriptor, name = _new_draft(_nearest_folder(target.parent) / target.name)
    except OSError as error:
        raise _cannot(path, error) from None
    os.close(descriptor)
    Path(name).unlink()


def path_doubts(paths: Iterable[str]) -> list[str]:
    """Why each of the files could not be written by this user; a ``~`` is the user's home. Empty if all could be."""
    doubts = []
    for path in paths:
        try:
            require_writable(str(Path(path).expanduser()))
        except CredentialError as error:
            doubts.append(error.what)
    return doubts


def _nearest_folder(folder: Path) -> Path:
    return next(each for each in (folder, *folder.parents) if each.exists())


def _make_folder(folder: Path) -> None:
    for each in reversed([folder, *folder.parents]):
        if not each.exists():
            each.mkdir(mode=_FOLDER_MODE, exist_ok=True)


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
        next_step="give a path that this user may write to",
    )
