# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster of real nodes that can run what a contract asks for: stand-ins under the very names that it renders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from byoc_testbed import ClusterSpec, Image, real_nodes_missing
from demo.images import release_images
from tests.beds import H100
from tests.integration.journey import agreed, without_approvals

ON_REAL_NODES = pytest.mark.skipif(bool(real_nodes_missing()), reason=real_nodes_missing() or "there is what it takes")
"""For tests that need real kubelets: elsewhere they are skipped, and the reason names what is missing."""


def serving_cluster(
    name: str,
    pools: Any,
    behaviours: Mapping[str, str],
    *,
    registry: str = "",
    token_ms: int = 2,
    gpus: int = 0,
    stop_seconds: float = 0,
    load_seconds: float = 0,
    lease_seconds: int | None = None,
    telemetry: str = "",
    more: Sequence[Image] = (),
) -> ClusterSpec:
    """A cluster whose nodes have every image of the release.

    :param behaviours: versions of the engine that misbehave, and how: ``hang``, ``crash`` or ``lost-gpu``.
    :param registry: the first registry of the contract.
    :param stop_seconds: how long an engine with nothing to do goes on after it was asked to stop.
    :param load_seconds: how long an engine takes from its start until it answers.
    :param telemetry: the program of a real Prometheus, for one that only has to be there.
    :param more: other images.
    :param lease_seconds: how long the API server may be away without a node being lost, which never comes back here.
    :param gpus: how many of them ``nvidia-smi`` finds in an engine's image, which then has a shell.
    """

    def engine(version: str) -> dict[str, str]:
        return {
            "STANDIN_VERSION": version,
            "STANDIN_LOAD_SECONDS": str(load_seconds),
            "STANDIN_TOKEN_MS": str(token_ms),
            "STANDIN_BEHAVIOUR": behaviours.get(version, ""),
            "STANDIN_GPUS": str(gpus),
            "STANDIN_STOP_SECONDS": str(stop_seconds),
        }

    registry = registry or f"registry.{name}.example/fireworks"
    images = [*release_images(registry, engine, telemetry=telemetry, shell=bool(gpus)), *more]
    return ClusterSpec(name, pools=pools, real_nodes=True, images=images, dns=True, lease_seconds=lease_seconds)


def served_by(cluster: Any) -> dict[str, Any]:
    """A contract with one model, whose nodes may be remediated and whose stack may be upgraded."""
    contract = agreed(cluster, gpus={H100: 12})
    contract["actions"] = {"cordon": "auto", "drain": "auto"}
    contract["remediation"] = {"drain_deadline": "2m"}
    contract["health"] = {"sources": {"dcgm_exporter": False, "node_problem_detector": False}}
    contract["scaling"] = {"max_replicas_per_model": 4, "max_gpus_per_model": 4}
    contract["change"] = without_approvals()
    contract["models"][0]["replicas"] = {"min": 2, "max": 4}
    return contract
