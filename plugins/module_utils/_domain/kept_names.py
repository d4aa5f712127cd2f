# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""By which names operations keep what they remember in fireworks-system.

The guardrail ``fireworks-names`` lets us write no others, and an audit accounts for these.
"""

from __future__ import annotations

from .names import INCIDENT_PREFIX, LOCK, RECORDS, ROUTER_MODELS, STACK_SET

UPGRADES = f"{STACK_SET}-upgrade-[0-9]+"
"""A pattern for the whole name, as is :data:`INCIDENTS`: of an upgrade, with its backup."""
INCIDENTS = f"{INCIDENT_PREFIX}[1-9][0-9]{{0,5}}"
CONFIG_MAPS = (RECORDS, STACK_SET, ROUTER_MODELS)
LEASE = LOCK
