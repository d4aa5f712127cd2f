# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every test run does: durations, the choice of long tests, and shared clusters."""

from __future__ import annotations

import hypothesis

# How many examples a property is tried on: few and always the same ones in each run, many and new ones in the soak.
# How long one takes says something of the machine alone: what is about time is a benchmark.
_untimed = hypothesis.settings(deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.register_profile("short", _untimed, max_examples=40, derandomize=True)
hypothesis.settings.register_profile("long", _untimed, max_examples=1000, print_blob=True)
hypothesis.settings.load_profile("short")

pytest_plugins = ["tests.tools.durations", "tests.tools.soak", "tests.beds"]
