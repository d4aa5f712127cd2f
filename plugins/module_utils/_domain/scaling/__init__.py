# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Autoscaling: between which bounds each model scales, by which object, and why."""

from __future__ import annotations

from .autoscaler import Autoscaler, autoscaler_for
from .bounds import Bounds, BoundsError, bounds_of
from .explain import explain
from .objects import scaler

__all__ = ["Autoscaler", "Bounds", "BoundsError", "autoscaler_for", "bounds_of", "explain", "scaler"]
