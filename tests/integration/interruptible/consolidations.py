# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A consolidation of a few moves, and a node that is handed over and taken back, by the operations under the lock.

Replicas that serve are counted all the while.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.integration.ansible_runs import Forked
from tests.integration.guarded import until
from tests.integration.interrupting import Operation, Site, complete, everything, site_on
from tests.integration.scattered import (
    REPLICAS,
    WANTED,
    Served,
    answer,
    clean,
    contract_of,
    label,
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
    _counted(site)
    clean(site.cluster)
    scatter(site.cluster, site.contract)
    site.more["served"] = Served(site.cluster).__enter__()


def _counted(site: Site) -> int:
    """The fewest replicas that served since they were made."""
    served = site.more.pop("served", None)
    if served is None:
        return REPLICAS
    served.__exit__()
    return int(served.fewest)


def _consolidate(site: Site, _goal: str) -> Forked:
    given = {"contract": site.contract, "wanted": WANTED, "requested_by": "sre@fireworks.example"}
    return site.operation("consolidation", "consolidate", **given)


def _whole(site: Site) -> dict[str, Any]:
    """Every replica is up once, none was ever missing, and nothing is closed, noted or orphaned but a node that is
    handed over."""
    cluster = site.cluster
    until(lambda: on_nodes(cluster).total() == REPLICAS, "a replica is up twice, or missing")
    return {
        "ready": ready(cluster),
        "served at least": _counted(site),
        "marks": marks(cluster),
        "locks": everything(site)["locks"],
    }


def _found(site: Site) -> dict[str, Any]:
    """One node is free."""
    return {**_whole(site), "nodes with replicas": len(on_nodes(site.cluster)), "moved": moved(site.cluster)}


def _asked(site: Site, goal: str) -> None:
    """The owner asks for a node; or has it, and it is back."""
    _scattered(site, goal)
    label(site.cluster, _node(site), "1")
    if goal == BACK:
        complete(site, HAND_OVER, OUT)
        label(site.cluster, _node(site), None)


def _node(site: Site) -> str:
    return str(site.cluster.nodes[0])


def _hand_over(site: Site, _goal: str) -> Forked:
    return site.operation("node_handover", "hand_over_nodes", contract=site.contract)


def _handed(site: Site) -> dict[str, Any]:
    node = _node(site)
    return {**_whole(site), "there": on_nodes(site.cluster)[node], "answer": answer(site.cluster, node)[:4]}


OUT, BACK = "safe to take", "back"
CONSOLIDATE = Operation("consolidate", _scattered, _consolidate, _found)
HAND_OVER = Operation("hand_over_nodes", _asked, _hand_over, _handed, goals=(OUT, OUT, BACK))
