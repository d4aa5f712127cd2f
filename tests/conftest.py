# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every test run does: it keeps how long each test and fixture took, and takes the long tests that it was told to."""

from __future__ import annotations

pytest_plugins = ["tests.tools.durations", "tests.tools.soak"]
