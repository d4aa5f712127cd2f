# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is promised of models: measured by recording rules, and told where an error budget is used up too fast."""

from __future__ import annotations

from .rules import objective_rules

__all__ = ["objective_rules"]
