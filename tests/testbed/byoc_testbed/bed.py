# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several clusters side by side, which end with their owner."""

from __future__ import annotations

import atexit
import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

from . import components, statedir
from .build import ensure_built
from .cluster import Cluster
from .errors import TestbedError
from .files import write_private
from .process import Lifeline, Process, wait_for_file
from .spec import ClusterSpec


class Testbed:
    """Running clusters by name. Start it with ``Testbed.start``; it is a context manager."""

    __test__ = False  # its name makes pytest think it is a test

    def __init__(self) -> None:
        statedir.sweep()
        self._state = statedir.StateFolder()
        self._lifeline = Lifeline()
        self._owner = os.getpid()
        self._etcd: Process | None = None
        self._clusters: dict[str, Cluster] = {}
        self._stopped = False
        atexit.register(self.stop)

    @classmethod
    def start(cls, specs: Sequence[ClusterSpec]) -> Testbed:
        """Start every cluster, side by side. The binary is built first if it is not there."""
        names = [spec.name for spec in specs]
        if len(set(names)) != len(names):
            raise TestbedError(f"two clusters have the same name: {', '.join(names)}")
        binary = ensure_built()
        bed = cls()
        try:
            bed._start(binary, specs)
        except BaseException:
            bed.stop()
            raise
        return bed

    def _start(self, binary: Path, specs: Sequence[ClusterSpec]) -> None:
        folder = self.folder
        self._etcd = Process(
            components.etcd(binary, folder), log=folder / "etcd.log", lifeline=self._lifeline, folder=folder
        )
        endpoint = components.etcd_endpoint(folder)
        for spec in specs:
            self._clusters[spec.name] = Cluster(spec, folder / spec.name, binary, endpoint, self._lifeline)
        wait_for_file(folder / "etcd.sock", self._etcd, seconds=30)
        with ThreadPoolExecutor(max(1, len(specs))) as workers:
            list(workers.map(Cluster.start, self._clusters.values()))
        self._describe()

    def stop(self) -> None:
        """End every process and remove every file. Harmless when done twice."""
        if self._stopped or os.getpid() != self._owner:
            return
        self._stopped = True
        atexit.unregister(self.stop)
        for cluster in self._clusters.values():
            cluster.stop()
        if self._etcd:
            self._etcd.kill()
        self._lifeline.cut()
        self._state.remove()

    @property
    def folder(self) -> Path:
        """The bed's folder: ``<cluster>.kubeconfig`` of each cluster, and ``testbed.json``."""
        return self._state.path

    @property
    def clusters(self) -> list[Cluster]:
        """Every cluster, in the order asked for."""
        return list(self._clusters.values())

    def memory_mib(self) -> dict[str, dict[str, int]]:
        """Resident memory of each process, by cluster; etcd serves them all."""
        used = {name: cluster.memory_mib() for name, cluster in self._clusters.items()}
        return {**used, "(all)": {"etcd": self._etcd.rss_mib() if self._etcd else 0}}

    def _describe(self) -> None:
        for cluster in self.clusters:
            write_private(self.folder / f"{cluster.name}.kubeconfig", cluster.kubeconfig.read_bytes())
        described = {"clusters": [cluster.describe() for cluster in self.clusters]}
        write_private(self.folder / "testbed.json", json.dumps(described, indent=2) + "\n")

    def __getitem__(self, name: str) -> Cluster:
        return self._clusters[name]

    def __iter__(self) -> Iterator[Cluster]:
        return iter(self._clusters.values())

    def __enter__(self) -> Testbed:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
