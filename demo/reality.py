# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of the demo's first customer is real on this machine, and why the rest is simulated."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass

from byoc_testbed import parts, real_nodes_missing

_SCALERS = (parts.KEDA, parts.PROMETHEUS)
_SIMULATED = "BYOC_DEMO_SIMULATED"
_BUILD = "PYTHONPATH=tests/testbed .venv/bin/python -m byoc_testbed build"


@dataclass(frozen=True)
class Reality:
    """Reasons why something is simulated; empty where it is real.

    :param no_nodes: why there are no real nodes. :param no_scaler: why KEDA and Prometheus are not there.
    """

    no_nodes: str
    no_scaler: str

    @property
    def answers(self) -> bool:
        """Whether something runs that can be asked."""
        return not self.no_nodes

    @property
    def scales(self) -> bool:
        """Whether KEDA wakes what is asked."""
        return self.answers and not self.no_scaler

    def told(self, first: str, others: str) -> Iterator[str]:
        """In words, a line for each: ``first`` is the cluster that may be real, ``others`` are those beside it."""
        yield f"Real everywhere: Kubernetes' control plane. Simulated: GPUs, and the nodes and pods of {others}."
        if not self.answers:
            yield f"Simulated too: the nodes and pods of {first}, so that nothing answers requests: {self.no_nodes}."
            return
        yield f"Real on {first}: nodes, containers, DNS, the router (Envoy). Simulated: its engines (a stand-in)."
        yield (
            f"Simulated there too: KEDA and Prometheus: {self.no_scaler}."
            if self.no_scaler
            else (f"Real on {first} too: KEDA and Prometheus.")
        )


def found() -> Reality:
    """What this machine has. Builds nothing."""
    missing = [part.name for part in _SCALERS if not parts.is_built(part)]
    not_built = f"not built; `{_BUILD} {' '.join(missing)}` does so, once, in about 10 minutes on 2 cores"
    return Reality(_no_nodes(), not_built if missing else "")


def _no_nodes() -> str:
    if os.environ.get(_SIMULATED) == "1":
        return f"{_SIMULATED} is set"
    no_curl = "" if shutil.which("curl") else "the demo asks with curl, which is not installed"
    return real_nodes_missing() or no_curl
