# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The thinking is tested where it is cheap to test: by unit tests alone, without a cluster."""

from __future__ import annotations

import re

import pytest

from tests.rails.running import UNTIMED, passes, variables

LEAST = 95


@pytest.mark.soak
def test_unit_tests_cover_the_thinking(development):
    """Lines and branches of _domain; the rest is covered by the integration tests, which no percentage describes."""
    env = variables(development.bin)
    python = development.bin / "python"
    unit = [python, "-m", "coverage", "run", "-m", "pytest", "tests/unit", "-q", *UNTIMED]
    passes(unit, log="coverage-run", env=env)
    report = passes([python, "-m", "coverage", "report", f"--fail-under={LEAST}"], log="coverage", env=env)
    assert re.search(r"^TOTAL\s", report, re.MULTILINE), f"coverage measured nothing:\n{report}"
