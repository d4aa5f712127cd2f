# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a customer grants an identity of ours himself, in a namespace of his: implied by the contract, not made by us.

So it is no part of the presetup, nor of what setup may hand on. An audit expects it, and a guardrail lets it through.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..health.reach import API_SERVER, prometheus_service
from .needs import OBSERVER, Identity, Need


def granted_by_customer(contract: Mapping[str, Any], identity: Identity) -> tuple[Need, ...]:
    """The needs of an identity that only the customer can meet."""
    return observed_at_customers(contract) if identity.name == OBSERVER else ()


def observed_at_customers(contract: Mapping[str, Any]) -> tuple[Need, ...]:
    """What the observer asks in the customer's namespaces: his Prometheus, or each exporter where he has said where."""
    health = contract.get("health") or {}
    if prometheus := health.get("prometheus"):
        service = prometheus_service(prometheus)
        return (Need(prometheus["namespace"], "", ("services/proxy",), ("get",), (service,)),)
    exporters = health.get("exporters") or {}
    if "namespace" not in exporters or exporters.get("reach", API_SERVER) != API_SERVER:
        return ()
    # Exporters' pods have other names each day, so RBAC cannot limit it to some.
    return (Need(exporters["namespace"], "", ("pods/proxy",), ("get",)),)
