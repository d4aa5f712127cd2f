# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every test run does: it keeps how long each test and fixture took."""

from __future__ import annotations

from tests.tools.durations import (  # noqa: F401
    pytest_fixture_setup,
    pytest_runtest_logreport,
    pytest_runtest_teardown,
    pytest_sessionfinish,
)
