# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes of models, killed at any write, are finished by the next run, and nothing else is left."""

from __future__ import annotations

from tests.soak.killed_courses import Killed, kills_of


@kills_of("models")
def test_a_rollout_is_finished_on_its_way_and_on_its_way_back(course: Killed, operation: str, number: int) -> None:
    course.kill(operation, number)


@kills_of("models, back")
def test_a_rollback_of_a_model_is_finished(course: Killed, operation: str, number: int) -> None:
    course.kill(operation, number)


@kills_of("models, away")
def test_a_retirement_of_a_model_is_finished(course: Killed, operation: str, number: int) -> None:
    course.kill(operation, number)
