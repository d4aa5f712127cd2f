# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a set of objects is applied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class SetOptions:
    """How a set is applied.

    :param annotations: remembered on the set's parent.
    :param adopt_unowned: take over live objects that belong to no set.
    :param force_conflicts: take fields from other field managers.
    :param replaces: delete and make again what cannot become what is wanted (``made_anew``).
    """

    annotations: Mapping[str, str]
    adopt_unowned: bool = False
    force_conflicts: bool = False
    replaces: bool = False
