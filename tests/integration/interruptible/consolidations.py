# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A consolidation of two moves, by the operation under the lock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.integration.ansible_runs import Forked
from tests.integration.guarded import until
from tests.integration.interrupting import Operation, Site, everything, site_on
from tests.integration.scattered import (
    REPLICAS,
    WANTED,
    clean,
    contract_of,
    marks,
    moved,
    on_nodes,
    ready,
    scatter,
    three_nodes,
)

_SYSTEM = {"metadata": {"name": "fireworks-system"}}
_MODELS = {"metadata": {"name": "fireworks-models"}}


@contextmanager
def scattered_site(_bed: Any, folder: Path) -> Iterator[Site]:
    """A cluster of its own, with three nodes."""
    with three_nodes() as cluster, site_on(cluster, folder) as site:
        for space in (_SYSTEM, _MODELS):
            cluster.request("POST", "/api/v1/namespaces", space)
        engine = {"metadata": {"name": "engine"}}
        cluster.request("POST", "/api/v1/namespaces/fireworks-models/serviceaccounts", engine)
        site.contract = contract_of(cluster)
        site.contract["change"]["approvals"] |= {"consolidation": "none"}
        yield site


def _scattered(site: Site, _goal: str) -> None:
    clean(site.cluster)
    scatter(site.cluster, site.contract)


def _consolidate(site: Site, _goal: str) -> Forked:
    given = {"contract": site.contract, "wanted": WANTED, "requested_by": "sre@fireworks.example"}
    return site.operation("consolidation", "consolidate", **given)


def _found(site: Site) -> dict[str, Any]:
    """One node is free, every replica is up once, and nothing is closed, noted or orphaned."""
    cluster = site.cluster
    until(lambda: on_nodes(cluster).total() == REPLICAS, "a replica is up twice, or missing")
    return {
        "ready": ready(cluster),
        "nodes with replicas": len(on_nodes(cluster)),
        "moved": moved(cluster),
        "marks": marks(cluster),
        "locks": everything(site)["locks"],
    }


CONSOLIDATE = Operation("consolidate", _scattered, _consolidate, _found)
