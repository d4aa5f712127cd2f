# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of playbooks about capacity that no other playbook takes so."""

from __future__ import annotations

from .variable import Kind, Variable

CAPACITY = ("capacity", "plan_consolidation")

CAPACITY_VARIABLES = (
    Variable(
        "wanted",
        Kind.MAPPING,
        "of models, the share of time (0 to 1) in which each wants another replica: what free blocks are worth",
        (*CAPACITY, "consolidate", "approve"),
        default="nobody knows, and blocks count nothing",
    ),
    Variable(
        "kubernetes",
        Kind.TEXT,
        "the version that the customer's Kubernetes is to be upgraded to, like 1.37",
        ("plan_cluster_upgrade",),
        required=("plan_cluster_upgrade",),
    ),
)
