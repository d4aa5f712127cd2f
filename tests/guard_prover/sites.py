# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contracts under which guardrails are tried, and clusters that were onboarded by each."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from byoc_testbed import ClusterSpec, NodePool, Testbed
from byoc_testbed.errors import ApiError
from demo.contracts import H100, Contract
from demo.customers import make_gateway
from tests.beds import h100
from tests.integration.definitions import leader_worker_set, scaled_objects
from tests.integration.governed import in_full
from tests.integration.groups import playing_the_controller
from tests.integration.journey import agreed, as_admin, onboard, play
from tests.integration.volumes import give_volume

from .values import L40S

_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_MODELS = "/api/v1/namespaces/fireworks-models"
_GATEWAY = {"domain": "llm.acme.example", "gateway": {"name": "public", "namespace": "gateway-system"}}
CLAIMS = ("weights", "kernels", "staged")
METRICS = "metrics"
"""The storage class of the telemetry's volume."""

Edit = Callable[[Contract], None]


def _one_product(made: Contract) -> None:
    """As most customers have it: a gateway, and models that scale."""
    made["networking"] = dict(_GATEWAY)
    made["scaling"] = {"max_replicas_per_model": 4, "max_gpus_per_model": 8}
    made["models"][0]["replicas"] = {"min": 1, "max": 3}


def _two_products(made: Contract) -> None:
    """GPUs of two products, of which each is approved by itself, and a model with replicas on several nodes."""
    _one_product(made)
    made["capacity"]["gpus"].append({"product": L40S, "count": 8})
    spanning = copy.deepcopy(made["models"][0])
    gpu = {"product": H100, "per_replica": 4, "nodes": 2}
    made["models"].append({**spanning, "name": "spanning", "served_name": "spanning", "gpu": gpu})
    made["models"][1]["replicas"] = {"min": 1, "max": 1}


def _strict(made: Contract) -> None:
    """Nothing that can be left out is in it: OpenShift's own routes, no node action, nothing scales."""
    made["identity"]["provider"] = "openshift"
    made["networking"] = {"domain": "llm.acme.example"}
    made["access"]["token_lifetime"] = "10m"
    made["actions"] = {}
    made["scaling"] = {"max_replicas_per_model": 1, "max_gpus_per_model": 1}
    made["models"][0]["replicas"] = {"min": 1, "max": 1}


def _permissive(made: Contract) -> None:
    """Everything that a contract can permit."""
    _one_product(made)
    made["access"]["token_lifetime"] = "24h"
    made["actions"] = dict.fromkeys(("cordon", "drain", "restart_plugin", "gpu_reset", "reboot", "replace"), "auto")
    made["compliance"] |= {
        "pod_security": "privileged",
        "digests_required": False,
        "egress": ["0.0.0.0/0"],
        "registries": ["registry.acme.example/fireworks", "mirror.acme.example"],
    }
    made["scaling"] = {"max_replicas_per_model": 8, "max_gpus_per_model": 16, "scale_to_zero": True}
    made["models"][0]["replicas"] = {"min": 0, "max": 8}
    made["models"][0]["source"]["credential"] = {"secret": {"name": "hub-token", "key": "token"}}


def _hardened(made: Contract) -> None:
    """Claims, staged weights, metrics on a volume, events, the newest release; the customer makes prerequisites."""
    _one_product(made)
    made["access"]["mode"] = "hardened"
    made["stack"] = {"release": "2026.12.0"}
    made["health"] = {"events": {"url": "https://events.acme.example/alerts", "token_secret": {"name": "byoc-events"}}}
    made["telemetry"] = {"volume": {"size": "10Gi", "storage_class": METRICS}}
    weights, kernels, staged = CLAIMS
    fetched = {**made["models"][0], "name": "fetched", "served_name": "fetched"}
    made["models"].append({**fetched, "weights_cache": {"claim": staged, "stage": True}})
    made["models"][0] |= {"weights_cache": {"claim": kernels}}
    made["models"][0]["source"] = {"uri": f"pvc://{weights}/llama", "revision": "1"}


CONTRACTS: Mapping[str, Edit] = {
    "one product": _one_product,
    "two products": _two_products,
    "strict": _strict,
    "permissive": _permissive,
    "hardened": _hardened,
}
_TEXT = {"type": "string"}
_TARGET = {"type": "object", "properties": {"kind": _TEXT, "name": _TEXT, "weight": {"type": "integer"}}}
_TLS = ("termination", "insecureEdgeTerminationPolicy", "certificate", "key", "caCertificate")
_ROUTE_SPEC = {
    "type": "object",
    "required": ["to"],
    "properties": {
        "host": _TEXT,
        "subdomain": _TEXT,
        "path": _TEXT,
        "to": _TARGET,
        "alternateBackends": {"type": "array", "items": _TARGET},
        "port": {"type": "object", "properties": {"targetPort": {"x-kubernetes-int-or-string": True}}},
        "tls": {"type": "object", "properties": dict.fromkeys(_TLS, _TEXT)},
        "wildcardPolicy": {"type": "string", "enum": ["None", "Subdomain", ""]},
    },
}
ROUTES = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "routes.route.openshift.io"},
    "spec": {
        "group": "route.openshift.io",
        "scope": "Namespaced",
        "names": {"kind": "Route", "listKind": "RouteList", "plural": "routes", "singular": "route"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": _ROUTE_SPEC}}},
            }
        ],
    },
}
"""OpenShift's routes, with the fields of route.openshift.io/v1 that decide where requests go."""


@contextmanager
def onboarded(name: str, folder: Path) -> Iterator[tuple[Any, Contract]]:
    """A cluster of its own that was onboarded by a contract, and the contract with its defaults."""
    pools = [h100(2, 8, "aws"), NodePool("l40s", count=1, product=L40S, gpus_per_node=8, taint=True)]
    spec = ClusterSpec("acme", pools=pools, gateway_api=True, crds=[str(scaled_objects())])
    with Testbed.start([spec]) as bed:
        cluster = bed["acme"]
        for definition in (leader_worker_set(cluster), ROUTES):
            cluster.request("POST", _CRDS, definition)
            settled(lambda kind=definition: cluster.request("GET", _collection(kind)), "a kind is not served")
        contract = agreed(cluster, gpus={H100: 16}, replicas=2)
        CONTRACTS[name](contract)
        make_gateway(cluster)
        with playing_the_controller(cluster):
            _onboard(cluster, contract, folder)
        cluster.request("POST", "/api/v1/nodes", {"metadata": {"name": "without-gpus"}})
        yield cluster, in_full(cluster, contract)


def _collection(definition: Mapping[str, Any]) -> str:
    spec = definition["spec"]
    return f"/apis/{spec['group']}/{spec['versions'][0]['name']}/{spec['names']['plural']}"


def _onboard(cluster: Any, contract: Contract, folder: Path) -> None:
    """As the contract's mode wants it: with an administrator's credential, or by the customer first and then by us."""
    if contract["access"]["mode"] == "hardened":
        _prepare(cluster, contract, folder)
    done = onboard(folder, contract)
    assert done.returncode == 0, done.stdout


def _prepare(cluster: Any, contract: Contract, folder: Path) -> None:
    """The customer's prerequisites and volumes; the contract has the operator's own token from then on."""
    prepared = play("presetup", folder, [contract], *as_admin(cluster))
    assert prepared.returncode == 0, prepared.stdout
    for number, claim in enumerate(CLAIMS):
        _bind(cluster, claim, number)
    give_volume(cluster, METRICS)
    token = cluster.kubeconfig_for_service_account("fireworks-system", "operator", seconds=600)
    contract["access"]["credential"] = {"kubeconfig_file": str(token)}


def _bind(cluster: Any, claim: str, number: int) -> None:
    """A claim of the customer's with its volume, for pods to be scheduled."""
    space = {"resources": {"requests": {"storage": "1Gi"}}}
    mode = {"accessModes": ["ReadWriteMany"], "storageClassName": ""}
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"volume-{number}"},
        "spec": {**mode, "capacity": {"storage": "1Gi"}, "nfs": {"server": "192.0.2.1", "path": f"/{claim}"},
                 "claimRef": {"namespace": "fireworks-models", "name": claim}},
    }  # fmt: skip
    cluster.request("POST", "/api/v1/persistentvolumes", volume)
    wanted = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": claim}}
    cluster.request(
        "POST",
        f"{_MODELS}/persistentvolumeclaims",
        {**wanted, "spec": {**mode, **space, "volumeName": f"volume-{number}"}},
    )


def settled(ask: Callable[[], Any], otherwise: str, seconds: float = 60) -> Any:
    """What is asked for, once it is there."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            found = ask()
        except ApiError:
            found = None
        if found:
            return found
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.2)
