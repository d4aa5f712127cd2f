# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where kubectl is: beside the Python that runs this, as PyPI brings it, else on PATH."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path


def find_kubectl() -> str | None:
    """The path of kubectl, or nothing."""
    beside = Path(sys.executable).with_name("kubectl")
    return str(beside) if beside.exists() else shutil.which("kubectl")
