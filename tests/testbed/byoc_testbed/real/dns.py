# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster DNS of real nodes: CoreDNS in the hub, where every pod asks it by the hub's address."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ..process import Lifeline, Process
from .places import HUB
from .programs import DNS, ensure_program

DOMAIN = "cluster.local"


def corefile(kubeconfig: Path, cached_seconds: int = 0, refuses: bool = False) -> str:
    """What it answers by.

    :param cached_seconds: how old an answer may be, as clusters have it (5 or 30). 0: none is cached.
    :param refuses: it answers SERVFAIL to everything, as one does that has lost its API server at its start.
    """
    answers = (
        [f"    template ANY ANY {DOMAIN} {{\n        rcode SERVFAIL\n    }}"]
        if refuses
        else [f"    kubernetes {DOMAIN} {{\n        kubeconfig {kubeconfig}\n        ttl {cached_seconds or 1}\n    }}"]
    )
    cached = [f"    cache {cached_seconds}"] if cached_seconds else []
    return "\n".join([f".:53 {{\n    bind {HUB}\n    errors", *cached, *answers, "}", ""])


class ClusterDns:
    """CoreDNS, running. It may be stopped, and started anew to answer in another way."""

    def __init__(
        self, in_hub: Callable[[Sequence[str]], list[str]], folder: Path, kubeconfig: Path, lifeline: Lifeline
    ) -> None:
        self._in_hub, self._folder, self._kubeconfig, self._lifeline = in_hub, folder, kubeconfig, lifeline
        self._program = ensure_program(DNS)
        self._process: Process | None = None

    def start(self, *, cached_seconds: int = 0, refuses: bool = False) -> None:
        """Start it, in place of the one that runs."""
        self.stop()
        file = self._folder / "Corefile"
        file.write_text(corefile(self._kubeconfig, cached_seconds, refuses), encoding="utf-8")
        self._process = Process(
            self._in_hub([str(self._program), "-conf", str(file)]),
            name="CoreDNS",
            log=self._folder / "coredns.log",
            lifeline=self._lifeline,
            folder=self._folder,
        )

    def stop(self) -> None:
        """Let it fall silent."""
        if self._process:
            self._process.kill()
            self._process = None
