# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Three customers on the testbed: their clusters, and what they agreed with Fireworks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from byoc_testbed import Cluster, ClusterSpec, NodePool, Testbed, parts
from demo.contracts import H100, QWEN, Contract, contract
from demo.reality import Reality

ACME, BIRCH, CEDAR = "acme-eu-1", "birch-dc-1", "cedar-us-1"


#: What the contract of a model that sleeps says of it.
_SLEEPER = {"replicas": {"min": 0, "max": 1}, "scaling": {"idle_to_zero": "30m"}}
_LOAD_SECONDS, _TOKEN_MS = 3, 20


def clusters(reality: Reality) -> list[ClusterSpec]:
    """A cloud cluster, bare metal with a gateway of its own, and one that is too small for its model."""
    return [
        _acme(reality),
        ClusterSpec(BIRCH, pools=[NodePool("h100", count=2, provider="bare_metal")], gateway_api=True),
        ClusterSpec(CEDAR, pools=[NodePool("h100", count=1, gpus_per_node=2, provider="gcp")]),
    ]


def _acme(reality: Reality) -> ClusterSpec:
    pool = NodePool("h100", count=1 if reality.answers else 2, provider="aws", region="eu-west-1")
    if not reality.answers:
        return ClusterSpec(ACME, pools=[pool])
    # Here alone: elsewhere Envoy need not be there.
    from demo import keda
    from demo.images import release_images

    telemetry = str(parts.program(parts.PROMETHEUS, "prometheus")) if reality.scales else ""
    images = release_images("registry.acme.example/fireworks", _engine, telemetry=telemetry)
    return ClusterSpec(
        ACME,
        pools=[pool],
        real_nodes=True,
        dns=True,
        images=[*images, *(keda.images() if reality.scales else ())],
        crds=keda.definitions() if reality.scales else (),
        lease_seconds=120,
    )


def _engine(version: str) -> Mapping[str, str]:
    return {
        "STANDIN_VERSION": version,
        "STANDIN_LOAD_SECONDS": str(_LOAD_SECONDS),
        "STANDIN_TOKEN_MS": str(_TOKEN_MS),
    }


def contracts(bed: Testbed, reality: Reality) -> list[Contract]:
    """What each customer wrote. Cedar approved GPUs that its cluster does not have."""
    return [
        _of_acme(bed[ACME], reality),
        _contract(bed[BIRCH], provider="bare_metal", region="dc-1", gpus={H100: 16}, gateway=True),
        _contract(bed[CEDAR], provider="gcp", region="us-east1", gpus={H100: 8}, model_gpus=4),
    ]


def _of_acme(cluster: Cluster, reality: Reality) -> Contract:
    """Where something answers, acme has a second model, which sleeps while nobody asks for it."""
    made = _contract(cluster, provider="aws", region="eu-west-1", gpus={H100: 8 if reality.answers else 16})
    if not reality.answers:
        return made
    [first] = made["models"]
    sleeper: dict[str, Any] = {"replicas": {"min": 1, "max": 1}}
    if reality.scales:
        made["scaling"] |= {"scale_to_zero": True}
        sleeper = _SLEEPER
    made["models"].append({**first, **QWEN, **sleeper})
    return made


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
