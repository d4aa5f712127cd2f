# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that credentials are in, which somebody else may have put there."""

from __future__ import annotations

import codecs
import os
import stat
from pathlib import Path

from .errors import CredentialError

MOST_BYTES = 20_000_000
"""A kubeconfig with a thousand contexts has a few of them."""
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
"""PowerShell writes files in UTF-16."""


def expanded(path: str) -> Path:
    """A path with its ``~`` expanded; one of a user who does not exist stays, and is then simply not found."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def read_file(path: str, what: str, source: str) -> str:
    """The text of a file that a credential refers to.

    :raises CredentialError: naming the file and what it was to hold.
    """
    try:
        return decoded(_content_of(path))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise CredentialError(
            f"cannot read {what} from {path}: {reason}", where=source, next_step="put the file there, readable"
        ) from None


def decoded(content: bytes) -> str:
    """The text of a file, as its byte order mark says, else UTF-8.

    Where it is neither, comments in Latin-1 are what stands in such files. Whoever reads it refuses what is no text.
    """
    marked = next((encoding for mark, encoding in _MARKS if content.startswith(mark)), "utf-8")
    try:
        return content.decode(marked)
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _content_of(path: str) -> bytes:
    # Nobody writes to some pipes, and some devices have no end: opened so, none of them is waited for.
    with open(path, "rb", opener=_without_waiting) as handle:
        if not stat.S_ISREG(os.fstat(handle.fileno()).st_mode):
            raise ValueError("it is no regular file")
        content = handle.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise ValueError(f"it is larger than {MOST_BYTES} bytes")
    return content


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)
