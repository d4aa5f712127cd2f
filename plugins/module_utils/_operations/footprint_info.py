# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation behind ``footprint_info``: every object in the cluster that is ours, whatever its kind."""

from __future__ import annotations

from typing import Any

from .._connection import CONNECTION_SPEC, open_session
from .._domain.names import PREFIX
from .._kube.applyset import MANAGED_BY, applyset_id, set_of
from .._kube.discovery import Discovery, Resource, metadata_of
from .._kube.errors import ForbiddenError
from .._kube.objects import Ref
from .._operation import Context, Operation

ARGUMENT_SPEC: dict[str, Any] = {"connection": CONNECTION_SPEC}


def run(parameters: dict[str, Any], context: Context) -> dict[str, Any]:
    """List, by metadata only, all objects of all kinds that carry our label."""
    session = open_session(parameters["connection"], context)
    session.check_expected_cluster()
    discovery = Discovery.of(session, cached=False)
    selector = {"labelSelector": ",".join(f"{key}={value}" for key, value in MANAGED_BY.items())}
    unreadable: list[str] = []

    def look(resource: Resource) -> list[dict[str, Any]]:
        try:
            found = metadata_of(session, resource, query=selector)
        except ForbiddenError:
            unreadable.append(resource.group_kind)
            return []
        return [_entry(resource, item) for item in found]

    kinds = list(discovery.listable())
    objects = [entry for entries in session.in_parallel(look, kinds) for entry in entries]
    sets = {
        applyset_id(Ref("ConfigMap", "", entry["namespace"], entry["name"])): entry["name"]
        for entry in objects
        if entry["kind"] == "ConfigMap"
    }
    for entry in objects:
        entry["set"] = sets.get(entry.pop("set_id"), "")
    objects.sort(key=lambda e: (e["kind"], e["namespace"], e["name"]))
    return {"objects": objects, "unreadable": sorted(unreadable), "kinds": len(kinds)}


def _entry(resource: Resource, live: dict[str, Any]) -> dict[str, Any]:
    metadata = live["metadata"]
    return {
        "kind": resource.kind,
        "api_version": resource.api_version,
        "namespace": metadata.get("namespace") or "",
        "name": metadata["name"],
        "annotations": {k: v for k, v in (metadata.get("annotations") or {}).items() if k.startswith(PREFIX)},
        "set_id": set_of(live),
    }


OPERATION = Operation(argument_spec=ARGUMENT_SPEC, run=run, rules={})
