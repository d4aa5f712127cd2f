# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Upgrades of a small stack and rollbacks of it, by ``fireworks.byoc.stack_upgrade`` alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.integration.ansible_runs import Forked
from tests.integration.interrupting import Operation, Site, complete, everything, site_on
from tests.integration.plays import perform
from tests.integration.upgrades import entries, release_of

VERSIONS = {"a": "2026.1.0", "b": "2026.2.0"}
_QUICK = {"bake": 1, "component_timeout": 20, "deadline": 30}


def _meta(name: str) -> dict[str, Any]:
    return {"name": name, "namespace": "fireworks-system", "labels": {"app.kubernetes.io/managed-by": "fireworks-byoc"}}


def _config(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": _meta(name), "data": data}


def _deployment(name: str, edition: str, behaviour: str = "") -> dict[str, Any]:
    labels = {"byoc.fireworks.ai/component": name}
    notes = {"edition": edition, "testbed/behaviour": behaviour, "testbed/load-seconds": "0.3"}
    pod = {"containers": [{"name": "it", "image": "it:1"}], "tolerations": [{"operator": "Exists"}]}
    metadata = _meta(name)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {**metadata, "labels": {**metadata["labels"], **labels}},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels, "annotations": notes}, "spec": pod},
        },
    }


def release(edition: str, *, crash: bool = False) -> list[dict[str, Any]]:
    """Two releases, ``a`` and ``b``: what serves changes, b has something more, a something else."""
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _meta(f"only-{edition}"),
        "spec": {"ports": [{"port": 80}]},
    }
    return [
        {"name": "config", "definition": [_config("config", edition=edition, **{f"only-{edition}": "1"})]},
        {"name": "web", "definition": [_deployment("web", edition)]},
        {"name": "more", "definition": [service, _deployment(f"more-{edition}", edition, "crash" if crash else "")]},
    ]


@contextmanager
def stack_site(bed: Any, folder: Path) -> Iterator[Site]:
    """A cluster with release a, in the smallest namespace."""
    cluster = bed["cedar"]
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "fireworks-system"}}
    with site_on(cluster, folder) as site:
        cluster.request("POST", "/api/v1/namespaces", namespace)
        try:
            first = {
                "name": "stack",
                "definition": [one for part in release("a") for one in part["definition"]],
                "annotations": {"byoc.fireworks.ai/release": VERSIONS["a"]},
            }
            done = perform(site.connection, "fireworks.byoc.apply_set", **first)
            assert not done.get("failed"), done
            yield site
        finally:
            cluster.remove_namespaces("fireworks-system")


def _upgrade(site: Site, goal: str) -> Forked:
    edition, _space, crash = goal.partition(" ")
    return site.operation(
        "stack_upgrade",
        "upgrade",
        release=VERSIONS[edition],
        release_digest=goal,
        components=release(edition, crash=bool(crash)),
        requested_by="a test",
        retry=True,
        **_QUICK,
    )


def _roll_back(site: Site, goal: str) -> Forked:
    return site.operation("stack_upgrade", "rollback_stack", state="restored", release=VERSIONS[goal], **_QUICK)


def _on_the_other(site: Site, goal: str) -> None:
    """The cluster has the other release than the one that is to come."""
    other = "b" if goal.startswith("a") else "a"
    if release_of(site.cluster)["release"] != VERSIONS[other]:
        complete(site, UPGRADE, other)


def _to_be_rolled_back(site: Site, goal: str) -> None:
    """As above, and the release to go back to is recorded here."""
    _on_the_other(site, goal)
    if not any(source == VERSIONS[goal] for source, _target, _state in entries(site.cluster)):
        complete(site, UPGRADE, goal)
        _on_the_other(site, goal)


def _stack(site: Site) -> dict[str, Any]:
    marks = release_of(site.cluster)
    failed = "release-failed" in marks
    told = {"release": marks["release"], "failed": failed, "unfinished": marks.get("release-unfinished")}
    return {**everything(site, without=("/stack-upgrade-",)), **told, "last": entries(site.cluster)[-1]}


UPGRADE = Operation(
    "upgrade",
    _on_the_other,
    _upgrade,
    _stack,
    # Each begins where the one before it ends: a release that crashes leaves the one before.
    goals=("b", "a crashes", "a", "b crashes"),
    failing=frozenset({"a crashes", "b crashes"}),
)
ROLLBACK = Operation("rollback_stack", _to_be_rolled_back, _roll_back, _stack, goals=("a", "b"))
