# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Three customers on the testbed: their clusters, and what they agreed with Fireworks."""

from __future__ import annotations

from byoc_testbed import Cluster, ClusterSpec, NodePool, Testbed
from demo.contracts import H100, Contract, contract

ACME, BIRCH, CEDAR = "acme-eu-1", "birch-dc-1", "cedar-us-1"


def clusters() -> list[ClusterSpec]:
    """A cloud cluster, bare metal with a gateway of its own, and one that is too small for its model."""
    return [
        ClusterSpec(ACME, pools=[NodePool("h100", count=2, provider="aws", region="eu-west-1")]),
        ClusterSpec(BIRCH, pools=[NodePool("h100", count=2, provider="bare_metal")], gateway_api=True),
        ClusterSpec(CEDAR, pools=[NodePool("h100", count=1, gpus_per_node=2, provider="gcp")]),
    ]


def contracts(bed: Testbed) -> list[Contract]:
    """What each customer wrote. Cedar approved GPUs that its cluster does not have."""
    return [
        _contract(bed[ACME], provider="aws", region="eu-west-1", gpus={H100: 16}),
        _contract(bed[BIRCH], provider="bare_metal", region="dc-1", gpus={H100: 16}, gateway=True),
        _contract(bed[CEDAR], provider="gcp", region="us-east1", gpus={H100: 8}, model_gpus=4),
    ]


def _contract(cluster: Cluster, **agreed) -> Contract:
    return contract(cluster.name, uid=cluster.uid, kubeconfig=cluster.kubeconfig, **agreed)


def make_gateway(cluster: Cluster) -> None:
    """The gateway that a customer's own network team runs."""
    group = "gateway.networking.k8s.io"
    cluster.request("POST", "/api/v1/namespaces", {"metadata": {"name": "gateway-system"}})
    path = f"/apis/{group}/v1/namespaces/gateway-system/gateways"
    listener = {"name": "http", "port": 80, "protocol": "HTTP", "allowedRoutes": {"namespaces": {"from": "All"}}}
    cluster.request(
        "POST",
        path,
        {
            "apiVersion": f"{group}/v1",
            "kind": "Gateway",
            "metadata": {"name": "public"},
            "spec": {"gatewayClassName": "customer", "listeners": [listener]},
        },
    )
    programmed = {
        "type": "Programmed",
        "status": "True",
        "reason": "Programmed",
        "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    address = {"type": "IPAddress", "value": "203.0.113.7"}
    status = {"status": {"conditions": [programmed], "addresses": [address]}}
    cluster.request("PATCH", f"{path}/public/status", status, "application/merge-patch+json")
