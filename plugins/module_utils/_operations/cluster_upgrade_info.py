# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation behind ``cluster_upgrade_info``: what an upgrade of a cluster's Kubernetes would break of ours."""

from __future__ import annotations

from typing import Any

from .._connection import CONNECTION_SPEC, open_session
from .._domain.contract.typed import Contract
from .._domain.placement.cluster_upgrade import (
    UNPROVEN,
    apis_used,
    kubelets_of,
    lists_of,
    of_apis,
    of_room,
    of_versions,
)
from .._domain.release import kubernetes_version
from .._kube.discovery import Discovery
from .._kube.session import Session
from .._operation import Context, Operation
from .capacity_reading import InputError, read_cluster

ARGUMENT_SPEC: dict[str, Any] = {
    "connection": CONNECTION_SPEC,
    "contract": {"type": "dict", "required": True},
    "kubernetes": {"type": "str", "required": True},
    "release": {"type": "dict", "required": True},
}


def run(parameters: dict[str, Any], context: Context) -> dict[str, Any]:
    """Read the cluster, and look at each thing that the upgrade touches."""
    contract: Contract = parameters["contract"]
    target = parameters["kubernetes"]
    if kubernetes_version(target) == (0, 0):
        raise InputError(f"kubernetes is {target!r}, which is no version", next_step="give one like 1.37")
    session = open_session(parameters["connection"], context)
    session.check_expected_cluster()
    read, live = read_cluster(session, contract, {}), str(session.get("/version")["gitVersion"])
    items = [
        *of_versions(live, target, parameters["release"], kubelets_of(read.nodes)),
        *of_apis(apis_used(contract), _warned(session, contract), target, _groups(session)),
        *of_room(read.scene),
    ]
    cluster = str(contract["identity"]["name"])
    rows = [{"cluster": cluster, **one.to_dict()} for one in items]
    return {
        "checks": rows,
        "breaks": [row for row in rows if row["verdict"] == "breaks"],
        "unproven": [f"{row['what']}: {row['why']}" for row in rows if row["verdict"] == UNPROVEN],
    }


def _groups(session: Session) -> set[str]:
    """The groups that the API server serves now."""
    return {one.group for one in Discovery.of(session, cached=False).all()}


def _warned(session: Session, contract: Contract) -> dict[str, str]:
    """What the API server warns of when one kind of each API version is listed, as far as this identity may."""
    asked = sorted(lists_of(contract).items())
    answers = session.in_parallel(lambda one: session.exchange("GET", one[1], query={"limit": 1}), asked)
    told = {api: answer.headers.get("Warning", "") for (api, _path), answer in zip(asked, answers, strict=True)}
    return {api: text for api, text in told.items() if text}


OPERATION = Operation(argument_spec=ARGUMENT_SPEC, run=run, rules={})
