# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A sick node that goes out of service and comes back: by the playbook, and by the operation for one node."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.integration.ansible_runs import Forked
from tests.integration.guarded import until
from tests.integration.interrupting import Operation, Site, complete, everything, site_on
from tests.integration.plays import perform
from tests.integration.remediating import (
    ALLOWED,
    MODULE,
    NODE,
    PODS,
    SPACE,
    canaries_that_end,
    finding,
    node,
    places,
    restore,
    said,
    task,
    with_models,
    workload,
)

OUT, BACK = "out of service", "back in service"
_APPS = f"/apis/apps/v1/namespaces/{SPACE}/deployments/web"
_BUDGET = f"/apis/policy/v1/namespaces/{SPACE}/poddisruptionbudgets/keep-web"
_LONG = {"healthy_for": "1h"}
_SYSTEM = {"metadata": {"name": "fireworks-system"}}


@contextmanager
def node_site(bed: Any, folder: Path) -> Iterator[Site]:
    """A cluster with the namespaces of ours, a model's pods on one node, and canaries that end well."""
    cluster = bed["birch"]
    with ExitStack() as stack:
        stack.enter_context(with_models(cluster))
        cluster.request("POST", "/api/v1/namespaces", _SYSTEM)
        stack.callback(cluster.remove_namespaces, "fireworks-system")
        cluster.request("POST", f"/api/v1/namespaces/{SPACE}/serviceaccounts", {"metadata": {"name": "engine"}})
        stack.enter_context(canaries_that_end(cluster))
        site = stack.enter_context(site_on(cluster, folder))
        site.more["node"] = node(cluster)
        site.more["repair"] = folder / "repair.yml"
        site.more["repair"].write_text(json.dumps([{"name": "Repair it", "ansible.builtin.meta": "noop"}]))
        yield site


def _well(site: Site) -> None:
    """A node that nothing was ever done to, with all pods on it; and a finding that is new."""
    cluster = site.cluster
    restore(cluster, NODE, site.more["node"])
    if "web" in [one["metadata"]["name"] for one in cluster.request("GET", _APPS.rpartition("/")[0])["items"]]:
        cluster.request("DELETE", _APPS)
        cluster.request("DELETE", _BUDGET)
        until(lambda: not cluster.request("GET", PODS)["items"], "the pods are still there")
    workload(cluster, "Deployment", 3, {"maxUnavailable": 1}, **{"byoc.fireworks.ai/model": "web"})
    site.more["finding"] = finding(ago=1)


def _out(operation: str, site: Site) -> None:
    """A node that the operation has taken out of service."""
    if site.more.get("out by") != operation or said(site.cluster).get("state") not in ("validating", "repairing"):
        _well(site)
        complete(site, BY_NAME[operation], OUT)
        site.more["out by"] = operation


def _nodes(site: Site) -> dict[str, Any]:
    return {**everything(site), "places": places(site.cluster)}


def _playbook_ready(site: Site, goal: str) -> None:
    if goal == OUT:
        _well(site)
        site.more["out by"] = "remediate"
    else:
        _out("remediate", site)
        time.sleep(1.1)


def _remediate(site: Site, goal: str) -> Forked:
    asked: dict[str, Any] = {
        "remediate_findings": [site.more["finding"]] if goal == OUT else [],
        "remediate_repair": "custom",
        "remediate_repair_tasks": str(site.more["repair"]),
        "remediate_validate": "canary",
        "remediate_canary_image": "engine:1",
        "remediate_canary_timeout": 60,
        "remediate_required": ["canary"],
        "requested_by": "sre@fireworks.example",
    }
    (site.folder / "asked.json").write_text(json.dumps(asked))
    bounds = {"drain_deadline": "60s", **(_LONG if goal == OUT else {"healthy_for": "1s"})}
    return site.playbook("remediate", "-e", f"@{site.folder / 'asked.json'}", actions=ALLOWED, remediation=bounds)


def _operation_ready(site: Site, goal: str) -> None:
    if goal == OUT:
        _well(site)
        site.more["out by"] = "remediate_node"
        return
    _out("remediate_node", site)
    report = {"node": NODE, "session": said(site.cluster)["session"], "outcome": "done"}
    done = perform(site.connection, MODULE, **task(nodes=[NODE], reports=[report], bounds=_LONG)[MODULE])
    assert said(site.cluster)["state"] == "validating", done
    time.sleep(1.1)


def _remediate_node(site: Site, goal: str) -> Forked:
    options = (
        task(site.more["finding"], nodes=[NODE]) if goal == OUT else task(nodes=[NODE], bounds={"healthy_for": "1s"})
    )
    return site.operation(MODULE.rpartition(".")[2], "remediate", **options[MODULE])


REMEDIATE = Operation("remediate", _playbook_ready, _remediate, _nodes, goals=(OUT, BACK))
REMEDIATE_NODE = Operation("remediate_node", _operation_ready, _remediate_node, _nodes, goals=(OUT, BACK))
BY_NAME = {operation.name: operation for operation in (REMEDIATE, REMEDIATE_NODE)}
