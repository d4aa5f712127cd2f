# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract's ``efficiency`` section: whether serving replicas are moved so that GPUs are free in larger blocks."""

from __future__ import annotations

from .fields import choice, duration, fraction, section, whole

MODES = ["never", "recommend", "execute"]

EFFICIENCY = section(
    "Efficiency",
    "Whether serving replicas are moved so that GPUs are free in larger blocks.",
    {
        "mode": choice(
            "Mode",
            "Never; recommend, which plans moves and makes none; or execute, which allows making them too.",
            MODES,
            default="recommend",
            examples=["recommend"],
        ),
        "max_moves": whole("Moves", "The most replicas that one plan moves.", maximum=1000, default=20, examples=[20]),
        "cooldown": duration("Cooldown", "Between two plans that are carried out.", default="24h", examples=["24h"]),
        "ratio": fraction(
            "Ratio",
            "How many times its price, in GPU-seconds, a plan has to gain.",
            minimum=1,
            maximum=1000,
            default=2,
            examples=[2],
        ),
    },
    examples=[{"mode": "recommend", "max_moves": 20, "cooldown": "24h", "ratio": 2}],
)
