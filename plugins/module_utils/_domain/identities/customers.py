# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rights that a customer grants our identities in their own namespaces: implied by the contract, not created by us.

They are not part of the presetup, nor of what setup may delegate. An audit expects them, and a guardrail allows them.
"""

from __future__ import annotations

from ..contract.typed import Contract
from ..health.reach import API_SERVER, prometheus_service
from .needs import OBSERVER, Identity, Need


def granted_by_customer(contract: Contract, identity: Identity) -> tuple[Need, ...]:
    """The needs of an identity that only the customer can grant."""
    return observed_at_customers(contract) if identity.name == OBSERVER else ()


def observed_at_customers(contract: Contract) -> tuple[Need, ...]:
    """What the observer queries in the customer's namespaces: their Prometheus, or each exporter that is named."""
    health = contract.get("health") or {}
    if prometheus := health.get("prometheus"):
        service = prometheus_service(prometheus)
        return (Need(prometheus["namespace"], "", ("services/proxy",), ("get",), (service,)),)
    exporters = health.get("exporters") or {}
    if "namespace" not in exporters or exporters.get("reach", API_SERVER) != API_SERVER:
        return ()
    # Exporters' pod names change, so RBAC cannot limit the right to some.
    return (Need(exporters["namespace"], "", ("pods/proxy",), ("get",)),)
