# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract's ``remediation`` section: how much may be out of service at once, and how long each step may take."""

from __future__ import annotations

from .fields import duration, fraction, section, whole

REMEDIATION = section(
    "Remediation",
    "Bounds of what actions allows: how many nodes at once, how often, and how long.",
    {
        "max_nodes": whole(
            "Nodes at once", "Nodes of one GPU product that may be out of service at once.", default=1, examples=[2]
        ),
        "max_share": fraction(
            "Share at once",
            "The share of a GPU product's nodes that may be out of service at once; one node always may.",
            minimum=0.01,
            maximum=1,
            default=0.1,
            examples=[0.1],
        ),
        "max_nodes_per_model": whole(
            "Nodes of a model", "Nodes with replicas of one model that may be out of service.", default=1, examples=[1]
        ),
        "breaker_share": fraction(
            "Breaker",
            "The share of GPU nodes, of a cluster or the fleet, above which nothing more is taken out of service.",
            minimum=0.01,
            maximum=1,
            default=0.2,
            examples=[0.2],
        ),
        "storm_nodes": whole(
            "Storm",
            "How many nodes that fall sick within five minutes are a storm: they are not drained.",
            minimum=2,
            default=5,
            examples=[5],
        ),
        "evidence_max_age": duration(
            "Age of evidence", "Older evidence is not acted on.", default="15m", examples=["15m"]
        ),
        "cooldown": duration("Cooldown", "Between two repairs of one node.", default="1h", examples=["1h"]),
        "attempts": whole(
            "Attempts",
            "How often one kind of repair is tried on a node in a week.",
            maximum=10,
            default=2,
            examples=[2],
        ),
        "repairs_per_week": whole(
            "Repairs in a week",
            "After so many repairs of a node in a week a person has to act.",
            maximum=50,
            default=5,
            examples=[5],
        ),
        "drain_deadline": duration(
            "Drain", "After it a drain is abandoned and undone.", default="30m", examples=["30m"]
        ),
        "repair_deadline": duration("Repair", "After it a repair has failed.", default="1h", examples=["1h"]),
        "healthy_for": duration(
            "Healthy for",
            "How long a repaired node must be healthy before it returns.",
            default="10m",
            examples=["10m"],
        ),
    },
    default={},
    examples=[{"max_nodes": 2, "healthy_for": "30m"}],
)
