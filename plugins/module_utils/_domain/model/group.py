# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The LeaderWorkerSet of a model whose replicas span nodes: each replica is a group of pods, one on each node.

The leader takes the requests, and is the only one that carries the model's label: the service, the router, the
telemetry and the health gate see one pod for each replica, as everywhere else.
Fields: lws.sigs.k8s.io, "LeaderWorkerSet API".
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..capacity import nodes_per_replica
from ..contract.typed import Contract, Model
from ..loading import load_seconds
from ..names import (
    GROUP_LABEL,
    LWS_API,
    LWS_KIND,
    MODELS_NAMESPACE,
    REVISION_ANNOTATION,
    labels,
    model_set,
)
from ..release import engine_image
from .engine import Spread, launch, spread
from .workload import revision_of, serving_pod

Manifest = dict[str, Any]


def leader_worker_set(
    contract: Contract,
    model: Model,
    release: Mapping[str, Any],
    replicas: int,
    version: int | None = None,
) -> Manifest:
    """Groups of an engine's pods, each pod with its part of the replica's GPUs.

    A group lives and dies as one: when a container of it restarts, all its pods are made anew
    (``RecreateGroupOnPodRestart``), for an engine that lost a part of the model cannot go on. A rollout goes as with a
    Deployment, in groups; but there is no ``minReadySeconds``, so nothing holds the next group back once one is ready.

    :param replicas: how many groups; where an autoscaler is in the same set, only what a new one starts with.
    :param version: of the prerequisites.
    :raises UnsupportedSourceError: the engine is not started on several nodes here.
    """
    name, nodes, load = str(model["name"]), nodes_per_replica(model), load_seconds(model)
    start = spread(model, nodes, load)
    leader = _leader(contract, model, start, engine_image(contract, release, model["engine"]), load, version)
    worker = _worker(leader, start)
    revision = revision_of(leader, worker)
    common = labels(model_set(name), name, model=name)
    member = {**labels(model_set(name), name), GROUP_LABEL: name}
    marks = {REVISION_ANNOTATION: revision}
    return {
        "apiVersion": LWS_API,
        "kind": LWS_KIND,
        "metadata": {
            "name": name,
            "namespace": MODELS_NAMESPACE,
            "labels": common,
            "annotations": marks,
        },
        "spec": {
            "replicas": replicas,
            # Workers do not wait for a leader that is ready: it is ready only once they have joined.
            "startupPolicy": "LeaderCreated",
            # The service of all groups would be named after the set, and that name is the model's own service's.
            "networkConfig": {"subdomainPolicy": "UniquePerReplica"},
            "rolloutStrategy": rolling_by(0, 1),
            "leaderWorkerTemplate": {
                "size": nodes,
                "restartPolicy": "RecreateGroupOnPodRestart",
                "leaderTemplate": {"metadata": {"labels": {**common, **member}, "annotations": marks}, "spec": leader},
                "workerTemplate": {"metadata": {"labels": member, "annotations": marks}, "spec": worker},
            },
        },
    }


def rolling_by(surge: int | str, unavailable: int | str) -> Manifest:
    """The ``rolloutStrategy`` that adds and takes away so many groups at a time."""
    how = {"partition": 0, "maxSurge": surge, "maxUnavailable": unavailable}
    return {"type": "RollingUpdate", "rollingUpdateConfiguration": how}


def _leader(contract: Contract, model: Model, start: Spread, image: str, load: int, version: int | None) -> Manifest:
    serving = replace(launch(model), command=start.leader, environment=start.environment)
    return serving_pod(contract, model, serving, image, load, version)


def _worker(leader: Manifest, start: Spread) -> Manifest:
    """As the leader's pod but for its command, and that nothing is asked of it."""
    worker = copy.deepcopy(leader)
    [engine] = worker["containers"]
    for key in ("ports", "startupProbe", "readinessProbe", "livenessProbe"):
        del engine[key]
    engine["command"] = start.worker
    return worker
