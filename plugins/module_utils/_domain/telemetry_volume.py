# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where our telemetry keeps its metrics: on a volume where the contract gives one, else for as long as its pod lives.

The claim is one of the prerequisites, which only the customer's administrators write: a release that mounts it, and a
rollback to one that does not, leave it as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .contract.typed import Contract, Volume
from .names import PRESETUP_SET, SYSTEM_NAMESPACE, TELEMETRY_CLAIM, labels
from .quantity import quantity

Data = Mapping[str, Any]

SINCE = 2
"""The version of the prerequisites that made the claim."""
_MADE_ONCE = ("spec.storageClassName", "spec.accessModes", "spec.volumeMode")
_SIZE = "spec.resources.requests.storage"
_FOR_DATA = 0.8
"""Of the volume: Prometheus writes blocks anew before it removes the old ones."""


def has_telemetry_volume(contract: Contract) -> bool:
    """Whether what telemetry has measured outlives its pod."""
    return bool(_volume(contract))


def telemetry_claim(contract: Contract) -> list[dict[str, Any]]:
    """The PersistentVolumeClaim; none where the contract gives no volume."""
    volume = _volume(contract)
    if not volume:
        return []
    named = {"storageClassName": str(volume["storage_class"])} if volume.get("storage_class") else {}
    return [
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {
                "name": TELEMETRY_CLAIM,
                "namespace": SYSTEM_NAMESPACE,
                "labels": labels(PRESETUP_SET, TELEMETRY_CLAIM),
            },
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "volumeMode": "Filesystem",
                "resources": {"requests": {"storage": str(volume["size"])}},
                **named,
            },
        }
    ]


def telemetry_storage(contract: Contract) -> dict[str, str]:
    """For a release's template: the ``claim`` (empty where there is none), and how much is kept, as Prometheus takes
    it: ``retention`` and ``size``.

    A month of metrics is what an objective is promised for, and what the review of an incident looks back on.
    """
    volume = _volume(contract)
    if not volume:
        return {"claim": "", "retention": "3d", "size": "1GB"}
    # Prometheus counts in powers of 1024.
    return {
        "claim": TELEMETRY_CLAIM,
        "retention": "30d",
        "size": f"{int(quantity(volume['size']) * _FOR_DATA) >> 20}MB",
    }


def unchangeable_claims(entries: Iterable[Data]) -> list[str]:
    """Why claims that are there cannot become what the contract says: Kubernetes changes no class, and shrinks nothing.

    :param entries: ``objects`` of ``set_info``.
    """
    return [why for entry in entries if entry["kind"] == "PersistentVolumeClaim" for why in _refusals(entry)]


def _refusals(entry: Data) -> Iterator[str]:
    for each in entry.get("differences") or ():
        field, found, wanted = str(each["field"]).partition("[")[0], each["found"], each["expected"]
        if field == _SIZE and wanted is not None and quantity(wanted) < quantity(found):
            yield f"the volume of {entry['name']} has {found} and cannot shrink to {wanted}: Kubernetes refuses that"
        elif field in _MADE_ONCE and wanted is not None:
            what = field.rpartition(".")[2]
            yield f"the volume of {entry['name']} has {what} {found} for good, and cannot get {wanted}"


def _volume(contract: Contract) -> Volume | None:
    return contract.get("telemetry", {}).get("volume")
