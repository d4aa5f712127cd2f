# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which credentials the contracts of a customer may refer to: the fleet's owner says so, no contract does."""

from __future__ import annotations

from .options import exec_plugins_of, roots_of
from .references import references_of
from .root import LookupRoot, Root
from .roots import outside

__all__ = ["LookupRoot", "Root", "exec_plugins_of", "outside", "references_of", "roots_of"]
