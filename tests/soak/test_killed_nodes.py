# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remediations, consolidations and handovers, killed at any write: the next run finishes them, and nothing is left."""

from __future__ import annotations

from tests.soak.killed_courses import Killed, kills_of


@kills_of("nodes")
def test_a_remediation_is_finished(course: Killed, operation: str, number: int) -> None:
    course.kill(operation, number)


@kills_of("consolidations")
def test_a_consolidation_is_finished(course: Killed, operation: str, number: int) -> None:
    course.kill(operation, number)


@kills_of("handovers")
def test_a_handover_is_finished(course: Killed, operation: str, number: int) -> None:
    course.kill(operation, number)


@kills_of("one node")
def test_a_remediation_of_one_node_is_finished(course: Killed, operation: str, number: int) -> None:
    course.kill(operation, number)
