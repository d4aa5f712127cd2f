# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A controller's file of records: appended to under a lock, for its owner only, on the disk before it goes on."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import env_fallback

from .._kube.errors import KubeError
from .._kube.private_file import MODE, write_private
from .._vocabulary.others_json import read_json

#: Where records are unless somebody says otherwise, for argument specs.
RECORDS_DIRECTORY: dict[str, Any] = {"default": "~/.byoc/records", "fallback": (env_fallback, ["BYOC_RECORDS_DIR"])}


class RecordError(KubeError):
    """A record cannot be written, or records cannot be read."""

    code = "record_not_written"


class RecordsFile:
    """The records of one cluster that this controller wrote. Use it within :meth:`locked`."""

    def __init__(self, directory: str, cluster: str) -> None:
        self.path = Path(directory).expanduser() / f"{cluster}.jsonl"
        self._pending = self.path.with_suffix(".pending")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Make the file if need be, and let no other process touch it meanwhile."""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, MODE)
        except OSError as error:
            raise self._cannot(error) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def last(self) -> dict[str, Any] | None:
        """The last whole line; None when there is none."""
        lines = [line for line in self.path.read_text(encoding="utf-8").split("\n")[:-1] if line]
        try:
            return dict(read_json(lines[-1])) if lines else None
        except ValueError:
            raise RecordError(
                f"the last line of {self.path} is no record",
                next_step="check the records with fireworks.byoc.verify_records, and move the file away",
            ) from None

    def append(self, line: str) -> None:
        """Add a line, and see it on the disk. What a crash left of the very line is finished."""
        try:
            with self.path.open("r+b") as handle:
                whole = handle.read().rfind(b"\n") + 1
                handle.seek(whole)
                handle.truncate()
                handle.write(line.encode() + b"\n")
                handle.flush()
                os.fsync(handle.fileno())
        except OSError as error:
            raise self._cannot(error) from None

    def pending(self) -> dict[str, Any] | None:
        """The record that was about to be written when a run died."""
        with contextlib.suppress(FileNotFoundError):
            return dict(read_json(self._pending.read_text(encoding="utf-8")))
        return None

    def remember(self, line: str) -> None:
        write_private(str(self._pending), line)

    def forget(self) -> None:
        self._pending.unlink(missing_ok=True)

    def _cannot(self, error: OSError) -> RecordError:
        return RecordError(
            f"cannot write the records in {self.path}: {error.strerror}",
            next_step="give a folder that this user may write to, with -e records_dir=<path>",
        )
