# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What dry runs do not tell: how many GPUs of one product there can be, with pods that are really made."""

from __future__ import annotations

import copy
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from byoc_testbed.api import Api
from byoc_testbed.errors import ApiError

from .bases import MODELS
from .oracle.bounds import GPU, PRODUCT, Bounds
from .oracle.pods import gpus_of

_DEPLOYMENTS = f"/apis/apps/v1/namespaces/{MODELS}/deployments"
_PODS = f"/api/v1/namespaces/{MODELS}/pods"
_SETTLED, _LONGEST = 4.0, 60.0


def most_of_a_product(cluster: Any, deployer: Api, deployment: Mapping[str, Any], bounds: Bounds) -> Counter[str]:
    """The GPUs by product once models that each keep to the contract ask together for more than was approved."""
    product = deployment["spec"]["template"]["spec"]["nodeSelector"][PRODUCT]
    each = max(1, bounds.gpus // bounds.replicas)
    made = bounds.products[product] // (each * bounds.replicas) + 1
    with _deployed(cluster, deployer, [_alike(deployment, f"count-{n}", bounds.replicas, each) for n in range(made)]):
        return _settled(cluster)


def _alike(deployment: Mapping[str, Any], name: str, replicas: int, gpus: int) -> dict[str, Any]:
    made: dict[str, Any] = copy.deepcopy(dict(deployment))
    marks = {"byoc.fireworks.ai/model": name}
    made["metadata"]["name"] = name
    made["metadata"]["labels"] |= {**marks, "app.kubernetes.io/part-of": f"model-{name}"}
    made["spec"] |= {"replicas": replicas, "selector": {"matchLabels": marks}}
    made["spec"]["template"]["metadata"]["labels"] |= marks
    for section in made["spec"]["template"]["spec"]["containers"][0]["resources"].values():
        if GPU in section:
            section[GPU] = str(gpus)
    return made


@contextmanager
def _deployed(cluster: Any, deployer: Api, deployments: list[dict[str, Any]]) -> Iterator[None]:
    try:
        for each in deployments:
            with suppress(ApiError):  # one that is refused asks for nothing
                deployer.request("POST", _DEPLOYMENTS, each)
        yield
    finally:
        for each in deployments:
            with suppress(ApiError):
                cluster.request("DELETE", f"{_DEPLOYMENTS}/{each['metadata']['name']}")


def _settled(cluster: Any) -> Counter[str]:
    """The GPUs that pods ask for, by product, once no more pods are made."""
    deadline, since, counted = time.monotonic() + _LONGEST, time.monotonic(), _counted(cluster)
    while time.monotonic() < deadline and time.monotonic() - since < _SETTLED:
        time.sleep(0.5)
        now = _counted(cluster)
        if now != counted:
            counted, since = now, time.monotonic()
    return counted


def _counted(cluster: Any) -> Counter[str]:
    found: Counter[str] = Counter()
    for pod in cluster.request("GET", _PODS)["items"]:
        if (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed"):
            found[(pod["spec"].get("nodeSelector") or {}).get(PRODUCT, "none")] += gpus_of(pod["spec"])
    return found
