# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of the guardrails: the table of needs gives the right to read them, and they use that table.

Each is the name of a ValidatingAdmissionPolicy and of its binding.
"""

from __future__ import annotations

BUDGETS_GUARDRAIL = "fireworks-budgets"
CHANGES_GUARDRAIL = "fireworks-changes"
EVICTIONS_GUARDRAIL = "fireworks-evictions"
INCIDENTS_GUARDRAIL = "fireworks-incidents"
JOBS_GUARDRAIL = "fireworks-jobs"
NAMES_GUARDRAIL = "fireworks-names"
OBJECTS_GUARDRAIL = "fireworks-objects"
PRODUCTS_GUARDRAIL = "fireworks-products"
RECORDS_GUARDRAIL = "fireworks-records"
ROUTER_MODELS_GUARDRAIL = "fireworks-router-models"
ROUTES_GUARDRAIL = "fireworks-routes"
SCALERS_GUARDRAIL = "fireworks-scalers"
SERVICES_GUARDRAIL = "fireworks-services"
TOKENS_GUARDRAIL = "fireworks-tokens"

FIRST_GUARDRAILS = ("fireworks-nodes", "fireworks-scope", "fireworks-workloads")
SECOND_GUARDRAILS = (
    BUDGETS_GUARDRAIL,
    CHANGES_GUARDRAIL,
    EVICTIONS_GUARDRAIL,
    INCIDENTS_GUARDRAIL,
    JOBS_GUARDRAIL,
    NAMES_GUARDRAIL,
    OBJECTS_GUARDRAIL,
    "fireworks-pod-fields",
    "fireworks-pods",
    PRODUCTS_GUARDRAIL,
    RECORDS_GUARDRAIL,
    "fireworks-replicas",
    ROUTER_MODELS_GUARDRAIL,
    ROUTES_GUARDRAIL,
    SCALERS_GUARDRAIL,
    SERVICES_GUARDRAIL,
    TOKENS_GUARDRAIL,
)
"""Those that version 2 of the prerequisites adds."""
GUARDRAILS = tuple(sorted((*FIRST_GUARDRAILS, *SECOND_GUARDRAILS)))
