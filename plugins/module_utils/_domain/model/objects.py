# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One served model as Kubernetes objects."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ..capacity import nodes_per_replica
from ..contract.typed import Contract, Model
from ..names import REVISION_ANNOTATION
from ..scaling import autoscaler_for, bounds_of, scaler
from .exposure import budget, route, service
from .group import leader_worker_set
from .staging import staging_job
from .workload import deployment

Manifest = dict[str, Any]


def model_objects(
    contract: Contract,
    model: Model,
    release: Mapping[str, Any],
    facts: Mapping[str, Any] | None = None,
    moment: datetime | None = None,
) -> list[Manifest]:
    """The objects of a model's set: Deployment (LeaderWorkerSet where a replica spans nodes), Service,
    PodDisruptionBudget, the Job that stages its weights where the contract says so, a route where there is a gateway,
    and what scales it where the cluster can scale on its signals.

    :param facts: of ``cluster_info``: which autoscaler the cluster serves, and the version of its prerequisites.
        Without them it serves none, and the prerequisites are the newest.
    :param moment: with a time zone: which schedules of the models are open. Without it none is.
    :raises BoundsError: the models' floors do not fit into the approved GPUs.
    """
    bounds = bounds_of(_with(contract, model), moment)[str(model["name"])]
    return [
        _workload(contract, model, release, bounds.floor, (facts or {}).get("presetup_version")),
        service(model),
        budget(model),
        *staging_job(contract, model, release),
        *route(contract, model),
        *scaler(model, bounds, autoscaler_for(model, bounds, facts or {})),
    ]


def pods_mark(contract: Contract, model: Model, release: Mapping[str, Any], version: int | None = None) -> str:
    """What the pods of a model are marked with: a digest of all that they are.

    :param version: of the prerequisites; without one, the newest.
    :raises UnknownReleaseError: the release does not have the model's engine.
    """
    return str(_workload(contract, model, release, 1, version)["metadata"]["annotations"][REVISION_ANNOTATION])


def _workload(
    contract: Contract, model: Model, release: Mapping[str, Any], floor: int, version: int | None
) -> Manifest:
    made = deployment if nodes_per_replica(model) == 1 else leader_worker_set
    return made(contract, model, release, floor, version)


def _with(contract: Contract, model: Model) -> Contract:
    """The contract with this very model, which may be an older revision of one, or one that is still to come."""
    others = [each for each in contract.get("models") or () if each["name"] != model["name"]]
    return {**contract, "models": [*others, model]}
