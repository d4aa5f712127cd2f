# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of the guardrails of single kinds: the table of needs gives the right to read them, and they use that table."""

from __future__ import annotations

BUDGETS_GUARDRAIL = "fireworks-budgets"
NAMES_GUARDRAIL = "fireworks-names"
OBJECTS_GUARDRAIL = "fireworks-objects"
ROUTES_GUARDRAIL = "fireworks-routes"
SCALERS_GUARDRAIL = "fireworks-scalers"
SERVICES_GUARDRAIL = "fireworks-services"
OF_KINDS = (
    BUDGETS_GUARDRAIL,
    NAMES_GUARDRAIL,
    OBJECTS_GUARDRAIL,
    ROUTES_GUARDRAIL,
    SCALERS_GUARDRAIL,
    SERVICES_GUARDRAIL,
)
"""All of them, in prerequisites of version 2 or newer."""
