# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plugin of pytest: the clusters that tests share, one set for each worker. Real API servers, fake nodes."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from byoc_testbed import Cluster, ClusterSpec, NodePool, Testbed

# A shell that starts a run in the background lets it ignore Ctrl-C, and with it every process that the run starts.
# Some tests end their processes with it.
signal.signal(signal.SIGINT, signal.default_int_handler)

H100 = "NVIDIA-H100-80GB-HBM3"


def h100(nodes: int, gpus_per_node: int, provider: str) -> NodePool:
    return NodePool(
        "h100",
        count=nodes,
        product=H100,
        gpus_per_node=gpus_per_node,
        gpu_memory_mib=81559,
        zone="a",
        taint=True,
        provider=provider,
    )


SHARED = (
    ClusterSpec("acme", pools=[h100(2, 8, "aws")], load_seconds=1.0),
    ClusterSpec("birch", pools=[h100(2, 8, "bare_metal")], load_seconds=1.0, gateway_api=True),
    ClusterSpec("cedar", pools=[h100(1, 2, "gcp")], load_seconds=1.0),
)
"""A cloud cluster, one of bare metal, and one with too few GPUs."""


class SharedClusters:
    """Clusters by name, each started when it is first asked for: one that nobody needs costs processor time, too."""

    def __init__(self) -> None:
        self._specs = {spec.name: spec for spec in SHARED}
        self._started: dict[str, Testbed] = {}

    def __getitem__(self, name: str) -> Cluster:
        if name not in self._started:
            self._started[name] = Testbed.start([self._specs[name]])
        return self._started[name][name]

    def __iter__(self) -> Iterator[Cluster]:
        return (self[name] for name in self._specs)

    def give_back(self, name: str) -> None:
        """End a cluster that few files of tests ask for: the next one that does has a fresh one."""
        if name in self._started:
            self._started.pop(name).stop()

    def stop(self) -> None:
        """End what was started."""
        for name in list(self._started):
            self.give_back(name)


@pytest.fixture(scope="session")
def clusters_of_a_worker() -> Iterator[SharedClusters]:
    """For the whole run."""
    clusters = SharedClusters()
    yield clusters
    clusters.stop()


@pytest.fixture(scope="module")
def bed(clusters_of_a_worker: SharedClusters) -> Iterator[SharedClusters]:
    """The clusters of a worker, of which only those that most files need outlive a file."""
    yield clusters_of_a_worker
    clusters_of_a_worker.give_back("cedar")
