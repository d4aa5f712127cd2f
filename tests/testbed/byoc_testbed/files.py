# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that only their owner may read."""

from __future__ import annotations

import os
import threading
from pathlib import Path


def write_private(path: Path, content: bytes | str) -> Path:
    """Write a file with mode 0600, replacing it as a whole."""
    data = content.encode() if isinstance(content, str) else content
    half = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}")
    descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    return half.replace(path)
