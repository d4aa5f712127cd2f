# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every test run does: durations, the choice of long tests, and shared clusters."""

from __future__ import annotations

pytest_plugins = ["tests.tools.durations", "tests.tools.soak", "tests.beds"]
