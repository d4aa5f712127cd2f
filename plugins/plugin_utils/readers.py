# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run outlives whoever reads its output, such as ``head`` or a pager that was left.

Ansible's thread that takes the results of tasks also shows texts, and ends at the first one that cannot be written. The
run then waits for results forever, with a cluster's lock held.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, TextIO


def outlive_readers() -> None:
    """From now on, what nobody reads any more is dropped."""
    for stream in (sys.stdout, sys.stderr):
        outlive_reader(stream)


def outlive_reader(stream: TextIO) -> None:
    """The same for one stream, whose descriptor is given to nobody once its reader has gone."""
    if not getattr(stream.write, "outlives", False):
        for name in ("write", "flush"):
            setattr(stream, name, _outliving(stream, getattr(stream, name)))


def _outliving(stream: TextIO, method: Callable[..., Any]) -> Callable[..., Any]:
    def outliving(*arguments: Any) -> Any:
        try:
            return method(*arguments)
        except BrokenPipeError:
            nobody = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nobody, stream.fileno())
            os.close(nobody)
            return method(*arguments)

    outliving.outlives = True  # type: ignore[attr-defined]
    return outliving
