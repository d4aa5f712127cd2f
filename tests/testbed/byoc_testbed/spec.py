# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a bed is made of: clusters and their node pools, as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from .errors import TestbedError
from .real.images import Image

PROVIDERS = ("aws", "gcp", "azure", "oracle", "bare_metal", "openshift")


@dataclass(frozen=True)
class NodePool:
    """Nodes of one shape. With ``gpus_per_node=0`` they are CPU nodes."""

    name: str
    count: int = 1
    product: str = "NVIDIA-H100-80GB-HBM3"
    gpus_per_node: int = 8
    gpu_memory_mib: int = 81559
    zone: str = "a"
    taint: bool = True
    provider: str = "aws"
    region: str = ""
    instance_type: str = ""
    cpu: int = 192
    memory_gib: int = 2048
    labels: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.provider not in PROVIDERS:
            raise TestbedError(f"node pool {self.name}: provider {self.provider!r} is none of {', '.join(PROVIDERS)}")
        if self.count < 0 or self.gpus_per_node < 0:
            raise TestbedError(f"node pool {self.name}: count and gpus_per_node cannot be negative")


@dataclass(frozen=True)
class ClusterSpec:
    """One cluster. Leave out the scheduler, the controllers or the kubelets only to make a cluster lighter.

    With ``real_nodes`` every node of its pools is real (see README.md), ``images`` are what their pods may run, and
    with ``dns`` they find Services by name. The scheduler asks ``scheduler_extender`` (an address) which of the nodes
    that it found for a pod it may take.
    """

    name: str
    pools: Sequence[NodePool] = ()
    load_seconds: float = 1.0
    device_plugin: bool = True
    gateway_api: bool = False
    crds: Sequence[str] = ()
    audit: bool = False
    scheduler: bool = True
    scheduler_extender: str = ""
    controllers: bool = True
    kubelets: bool = True
    lease_seconds: int | None = None
    real_nodes: bool = False
    images: Sequence[Image] = ()
    dns: bool = False

    def __post_init__(self) -> None:
        plain = self.name.replace("-", "")
        if not (plain.isascii() and plain.isalnum() and plain.islower()):
            raise TestbedError(f"{self.name!r} is not a cluster name: use lower case letters, digits and '-'")
        names = [pool.name for pool in self.pools]
        if len(set(names)) != len(names):
            raise TestbedError(f"cluster {self.name}: two node pools have the same name")

    @property
    def node_lease_seconds(self) -> int:
        """Long enough for many nodes' heartbeats not to keep the server busy."""
        return self.lease_seconds or max(8, sum(pool.count for pool in self.pools) // 8)


def demo_clusters() -> list[ClusterSpec]:
    """The three customers of the demo and of the integration tests."""
    return [
        ClusterSpec("acme", pools=[NodePool("h100", count=2, provider="aws")]),
        ClusterSpec("birch", pools=[NodePool("h100", count=2, provider="bare_metal")], gateway_api=True),
        ClusterSpec("cedar", pools=[NodePool("h100", count=1, gpus_per_node=2, provider="gcp")]),
    ]


def read_clusters(path: Path) -> list[ClusterSpec]:
    """Clusters from a YAML file: ``clusters: [{name: …, pools: [{name: …, count: …}]}]``."""
    import yaml

    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TestbedError(f"{path}: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise TestbedError(f"{path}: {error}") from None
    entries = document.get("clusters") if isinstance(document, dict) else None
    if not isinstance(entries, list) or not entries:
        raise TestbedError(f"{path}: expected 'clusters:' with a list of clusters")
    return [_cluster_from(entry, f"{path}: clusters[{index}]") for index, entry in enumerate(entries)]


def _cluster_from(entry: Any, where: str) -> ClusterSpec:
    values = _known(ClusterSpec, entry, where)
    pools = values.pop("pools", None) or []
    if not isinstance(pools, list):
        raise TestbedError(f"{where}.pools: expected a list")
    made = [NodePool(**_known(NodePool, pool, f"{where}.pools[{index}]")) for index, pool in enumerate(pools)]
    images = [
        Image(**_known(Image, image, f"{where}.images[{index}]"))
        for index, image in enumerate(values.pop("images", None) or [])
    ]
    return ClusterSpec(pools=made, images=images, **values)


def _known(kind: type, entry: Any, where: str) -> dict[str, Any]:
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        raise TestbedError(f"{where}: expected a mapping with a name")
    names = [each.name for each in fields(kind)]
    unknown = sorted(set(entry) - set(names))
    if unknown:
        raise TestbedError(f"{where}: unknown {', '.join(map(str, unknown))}; known are {', '.join(names)}")
    return dict(entry)
