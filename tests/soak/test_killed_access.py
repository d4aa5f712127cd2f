# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes of access and of incidents, killed at any write, are finished by the next run, and nothing else is left."""

from __future__ import annotations

import pytest

from tests.soak.killed_courses import Killed, kills_of


@pytest.mark.soak(together=10)
@kills_of("setup access")
def test_granting_and_revoking_are_finished(course: Killed, operation: str, number: int) -> None:
    course.kill(operation, number)


@kills_of("credentials")
def test_a_rotation_is_finished(course: Killed, operation: str, number: int) -> None:
    course.kill(operation, number)


@kills_of("approvals")
def test_approving_and_taking_back_are_finished(course: Killed, operation: str, number: int) -> None:
    course.kill(operation, number)


@kills_of("incidents")
def test_incidents_are_opened_and_closed_whole(course: Killed, operation: str, number: int) -> None:
    course.kill(operation, number)
