# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A volume for the telemetry, as a storage class would make one: the testbed has no driver of storage."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from byoc_testbed.errors import ApiError

_CLASSES, _VOLUMES = "/apis/storage.k8s.io/v1/storageclasses", "/api/v1/persistentvolumes"
CLAIM = "/api/v1/namespaces/fireworks-system/persistentvolumeclaims/telemetry-data"


def give_volume(cluster: Any, storage_class: str, folder: str = "/telemetry", *, default: bool = False) -> None:
    """The class, which can grow volumes, and one volume of 20Gi that is for telemetry's claim."""
    note = {"storageclass.kubernetes.io/is-default-class": "true"} if default else {}
    made = {"metadata": {"name": storage_class, "annotations": note}, "provisioner": "acme.example/disks"}
    cluster.request("POST", _CLASSES, {**made, "allowVolumeExpansion": True, "volumeBindingMode": "Immediate"})
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": storage_class,
        "capacity": {"storage": "20Gi"},
        "hostPath": {"path": folder},
        "claimRef": {"namespace": "fireworks-system", "name": "telemetry-data"},
    }
    cluster.request("POST", _VOLUMES, {"metadata": {"name": f"{storage_class}-1"}, "spec": spec})


def take_volume(cluster: Any, storage_class: str) -> None:
    """Remove both."""
    for path in (f"{_VOLUMES}/{storage_class}-1", f"{_CLASSES}/{storage_class}"):
        with suppress(ApiError):
            cluster.request("DELETE", path)


def is_bound(cluster: Any) -> bool:
    """Whether telemetry's claim has its volume."""
    return bool(cluster.request("GET", CLAIM)["status"].get("phase") == "Bound")
