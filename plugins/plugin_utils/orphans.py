# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Workers whose run was killed while they worked."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def ending_with_its_run() -> Iterator[None]:
    """Work that a worker does for a run: where the run was killed meanwhile, the process ends with the work.

    Ansible's workers hold both ends of the pipe for results: one that nobody takes, and that is larger than the pipe,
    would keep the process forever.
    """
    run = os.getppid()
    try:
        yield
    finally:
        if os.getppid() != run:
            os._exit(1)
