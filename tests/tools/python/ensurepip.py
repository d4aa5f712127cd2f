# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands in for the ensurepip that the fetched Python comes without: pip is the wheel beside this file."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

wheel = str(next(Path(__file__).parent.glob("pip-*.whl")))
sys.path.insert(0, wheel)
sys.argv[1:] = ["install", "--quiet", "--no-index", "--no-deps", "--no-input", wheel]
runpy.run_module("pip", run_name="__main__", alter_sys=True)
