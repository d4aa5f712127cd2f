# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What it costs that all ceilings fit at once (docs/decisions/0009-ceilings-fit.md): GPUs that nobody may borrow."""

from __future__ import annotations

from collections.abc import Mapping

from .bounds import Bounds


def lent_by(one: Bounds, all_bounds: Mapping[str, Bounds]) -> dict[str, int]:
    """By other models, the GPUs of its product that each leaves idle while it has as few replicas as it may."""
    others = [each for each in all_bounds.values() if each.product == one.product and each.model != one.model]
    found = {each.model: (each.ceiling - (0 if each.sleeps else each.floor)) * each.each for each in others}
    return {model: gpus for model, gpus in found.items() if gpus}


def not_borrowed(one: Bounds, all_bounds: Mapping[str, Bounds]) -> int:
    """The GPUs that a model would take of those, in whole replicas, if it might."""
    wanted = one.limit.replicas - one.ceiling
    return min(wanted, sum(lent_by(one, all_bounds).values()) // one.each) * one.each
