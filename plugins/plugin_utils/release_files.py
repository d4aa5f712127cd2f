# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the releases of the stack lie, and what is in a release's folder."""

from __future__ import annotations

import hashlib
from pathlib import Path

RELEASES = Path(__file__).parents[2] / "roles" / "stack" / "files" / "releases"


def file_hashes(folder: Path) -> dict[str, str]:
    """The SHA-256 of each file below a folder, by its path in it."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
