# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Onboarding and offboarding, killed at any write, are finished by the next run, and nothing else is left."""

from __future__ import annotations

import pytest

from tests.soak.killed_courses import Killed, kills_of


@pytest.mark.soak(together=10)
@kills_of("stack of a cluster")
def test_onboarding_and_offboarding_are_finished(course: Killed, operation: str, number: int) -> None:
    course.kill(operation, number)
