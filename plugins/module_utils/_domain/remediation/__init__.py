# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's way out of service and back: what to do next, and what forbids it. Pure; docs/remediation.md tells it."""

from __future__ import annotations

from .decision import next_step
from .faults import blind_nodes, faults_by_node
from .journey import Journey, journey_of
from .limits import limits_of
from .report import drained, not_ended, reported
from .safety import Budget, Fleet, budget_of
from .serving import Replicas
from .step import Seen, Step

__all__ = [
    "Budget",
    "Fleet",
    "Journey",
    "Replicas",
    "Seen",
    "Step",
    "blind_nodes",
    "budget_of",
    "drained",
    "faults_by_node",
    "journey_of",
    "limits_of",
    "next_step",
    "not_ended",
    "reported",
]
