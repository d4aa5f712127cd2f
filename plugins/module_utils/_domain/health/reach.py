# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the contract says that the GPUs' metrics are asked for: of each exporter, or of one Prometheus."""

from __future__ import annotations

from ..contract.defaults import said
from ..contract.schema_health import HEALTH
from ..contract.typed import Prometheus

API_SERVER, POD_NETWORK, NODE_NETWORK = "api_server", "pod_network", "node_network"
"""How an exporter may be reached: ``health.exporters.reach``; the first unless it says otherwise."""


def prometheus_service(agreed: Prometheus) -> str:
    """The service of ``health.prometheus``, with its port, as the API server's proxy and RBAC name it."""
    return f"{agreed['service']}:{said(agreed, HEALTH['properties']['prometheus'], 'port')}"
