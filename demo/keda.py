# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""KEDA as a customer has it: its makers' own manifests, its operator and its metrics adapter in pods of real nodes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import yaml

from byoc_testbed import Image, TestbedError, parts

OPERATOR, ADAPTER = "keda-operator", "keda-metrics-apiserver"
_FILES = (
    "general/namespace.yaml",
    "service_account/service_account.yaml",
    "rbac/role.yaml",
    "rbac/role_binding.yaml",
    "manager/service.yaml",
    "manager/manager.yaml",
    "metrics-server/role.yaml",
    "metrics-server/role_binding.yaml",
    "metrics-server/service.yaml",
    "metrics-server/deployment.yaml",
    "metrics-server/api_service.yaml",
)
_PROGRAMS = {OPERATOR: "operator", ADAPTER: "adapter"}
_METRICS = "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.external.metrics.k8s.io"

Manifest = dict[str, Any]


def images() -> list[Image]:
    """Its programs, built from its module."""
    return [
        Image(_image(name), [f"/usr/local/bin/{program}"], tools=[str(parts.program(parts.KEDA, program))])
        for name, program in _PROGRAMS.items()
    ]


def definitions() -> list[str]:
    """Its custom resource definitions."""
    return [str(path) for path in parts.definitions(parts.KEDA)]


def install(cluster: Any, seconds: float = 180) -> None:
    """Install it, and wait until the API server asks its adapter. :raises TestbedError: it does not within the time."""
    for path in parts.installation(parts.KEDA, *_FILES):
        for made in yaml.safe_load_all(Path(path).read_text(encoding="utf-8")):
            if made:
                cluster.api.create(_here(made))
    deadline = time.monotonic() + seconds
    while not _serves(cluster):
        if time.monotonic() > deadline:
            raise TestbedError(f"KEDA's adapter does not serve within {seconds:.0f} s")
        time.sleep(0.5)


def _here(made: Manifest) -> Manifest:
    """As it is, but for where its program lies in our images, whose user is root, and that all nodes here have GPUs."""
    program = _PROGRAMS.get(made["metadata"]["name"])
    if made["kind"] != "Deployment" or not program:
        return made
    pod = made["spec"]["template"]["spec"]
    [container] = pod["containers"]
    container |= {"image": _image(made["metadata"]["name"]), "imagePullPolicy": "Never"}
    container["command"] = [f"/usr/local/bin/{program}"]
    pod["securityContext"] |= {"runAsUser": 1000, "fsGroup": 1000}
    pod["tolerations"] = [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    return made


def _image(name: str) -> str:
    return f"testbed.local/{name}:2.21.0"


def _serves(cluster: Any) -> bool:
    conditions = (cluster.request("GET", _METRICS).get("status") or {}).get("conditions") or ()
    return any(one["type"] == "Available" and one["status"] == "True" for one in conditions)
