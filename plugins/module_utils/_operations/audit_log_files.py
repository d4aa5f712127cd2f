# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of an API server's audit log, rotated and compressed ones too, line by line: they are large."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

from .._kube.errors import KubeError
from .._vocabulary.owner import Owner

_GZIP = b"\x1f\x8b"


class AuditLogError(KubeError):
    """An audit log cannot be read."""

    code = "audit_log_unreadable"


def log_lines(path: Path) -> Iterator[bytes]:
    """The lines of one file.

    :raises AuditLogError: it cannot be read, or not to its end.
    """
    try:
        with _opened(path) as lines:
            yield from lines
    except (OSError, EOFError, zlib.error) as error:
        raise AuditLogError(
            f"cannot read the audit log {path}: {getattr(error, 'strerror', None) or error}",
            next_step="give the API server's audit log as it writes it, an event of JSON in each line, or that by gzip",
            owner=Owner.CUSTOMER,
        ) from None


def _opened(path: Path) -> gzip.GzipFile | BufferedReader:
    with path.open("rb") as file:
        compressed = file.read(len(_GZIP)) == _GZIP
    return gzip.open(path) if compressed else path.open("rb")
