# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Deployment of a model, and the pod of one replica."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from ..capacity import gpus_per_pod
from ..contract.defaults import said
from ..contract.schema_models import MODEL
from ..contract.typed import Contract, Model
from ..counted import class_for
from ..loading import load_deadline, load_seconds
from ..names import (
    GPU,
    GPU_PRODUCT_LABEL,
    MODEL_LABEL,
    MODELS_NAMESPACE,
    REVISION_ANNOTATION,
    SERVING_PORT,
    labels,
    model_set,
)
from ..release import engine_image
from ..tolerations import OF_MODELS
from .birthplace import preferences
from .credential import account_of, credential_mounts, credential_volumes
from .engine import CACHE, SCRATCH, SHARED_MEMORY, Launch, launch
from .pod_security import container_security, pod_security
from .staged import is_staged
from .staging import verifying

Manifest = dict[str, Any]

REQUESTS = {"cpu": "2", "memory": "8Gi"}
"""What the pod of a replica requests beside its GPUs."""
_STARTUP_PERIOD = 5


def deployment(
    contract: Contract,
    model: Model,
    release: Mapping[str, Any],
    replicas: int,
    version: int | None = None,
) -> Manifest:
    """Replicas of an engine, each with its GPUs on one node of the right product.

    A rollout replaces one replica after the other without surge: a surge needs free GPUs, how many there are changes by
    the minute, and with none free it never ends. A rollout that has them may choose otherwise.

    :param replicas: how many; where an autoscaler is in the same set, only what a new Deployment starts with.
    :param version: of the prerequisites.
    """
    name = str(model["name"])
    start = launch(model)
    load = load_seconds(model)
    pod = serving_pod(contract, model, start, engine_image(contract, release, model["engine"]), load, version)
    pod |= preferences(name, str(said(model, MODEL, "priority")))
    revision = revision_of(pod)
    selector = {MODEL_LABEL: name}
    common = labels(model_set(name), name, model=name)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": name,
            "namespace": MODELS_NAMESPACE,
            "labels": common,
            "annotations": {REVISION_ANNOTATION: revision},
        },
        "spec": {
            "replicas": replicas,
            "revisionHistoryLimit": 5,
            "progressDeadlineSeconds": load_deadline(model),
            "selector": {"matchLabels": selector},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}},
            "template": {
                "metadata": {"labels": common, "annotations": {REVISION_ANNOTATION: revision}},
                "spec": pod,
            },
        },
    }


def revision_of(*pods: Manifest) -> str:
    """A digest of what a replica's pods are, which they are marked with: pods of another version differ in it."""
    described = pods[0] if len(pods) == 1 else pods
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()[:12]


def serving_pod(
    contract: Contract,
    model: Model,
    start: Launch,
    image: str,
    load: int,
    version: int | None = None,
) -> Manifest:
    """The spec of a pod that takes requests.

    :param load: seconds that it may take until it does.
    :param version: of the prerequisites, which say by what its GPUs are counted.
    """
    product = str(model["gpu"]["product"])
    volumes: list[Manifest] = [
        {"name": "cache", **_cache(model)},
        {"name": "tmp", "emptyDir": {}},
        # Engines that spread a model over GPUs talk through shared memory; the default 64 MiB hangs them.
        {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "16Gi"}},
        *([] if is_staged(model) else credential_volumes(model)),
    ]
    mounts: list[Manifest] = [
        {"name": "cache", "mountPath": CACHE},
        {"name": "tmp", "mountPath": SCRATCH},
        {"name": "shm", "mountPath": SHARED_MEMORY},
        *([] if is_staged(model) else credential_mounts(model)),
    ]
    for volume in start.volumes:
        volumes.append({"name": volume.name, "persistentVolumeClaim": {"claimName": volume.claim, "readOnly": True}})
        mounts.append({"name": volume.name, "mountPath": volume.path, "readOnly": True})
    return {
        "serviceAccountName": account_of(model),
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "priorityClassName": class_for(contract, product, str(said(model, MODEL, "priority")), version),
        "nodeSelector": {GPU_PRODUCT_LABEL: product},
        "tolerations": [dict(one) for one in OF_MODELS],
        "terminationGracePeriodSeconds": 120,
        "securityContext": pod_security(contract),
        **verifying(model, image),
        "containers": [
            {
                "name": "engine",
                "image": image,
                "command": start.command,
                "env": [{"name": key, "value": value} for key, value in sorted(_environment(start).items())],
                "ports": [{"name": "http", "containerPort": SERVING_PORT, "protocol": "TCP"}],
                "resources": {
                    "requests": {**REQUESTS, GPU: str(gpus_per_pod(model))},
                    "limits": {GPU: str(gpus_per_pod(model))},
                },
                "securityContext": container_security(),
                "volumeMounts": mounts,
                # Pods leave the endpoints at once and finish what they are generating.
                "lifecycle": {"preStop": {"sleep": {"seconds": 10}}},
                **_probes(start, load),
            }
        ],
        "volumes": volumes,
    }


def _cache(model: Model) -> Manifest:
    """Where what was downloaded and compiled is kept: with the pod, or on the customer's volume beyond its life.

    A claim with staged weights is only read.
    """
    kept = model.get("weights_cache") if not is_staged(model) else None
    return {"persistentVolumeClaim": {"claimName": kept["claim"]}} if kept else {"emptyDir": {}}


def _environment(start: Launch) -> dict[str, str]:
    # The image expects root and its home; neither is there under restricted Pod Security.
    return {"HOME": CACHE, "USER": "engine", "LOGNAME": "engine", "XDG_CACHE_HOME": CACHE, **start.environment}


def _probes(start: Launch, load: int) -> dict[str, Manifest]:
    """Startup waits as long as the contract lets a model load; after it, liveness is for a dead process only.

    An engine answers its health path while it hangs, and late while it is merely saturated: a strict liveness probe
    misses the first and kills the second. A hung engine is found by its heartbeat metric, not here.
    """
    get = {"httpGet": {"path": start.health_path, "port": "http"}}
    return {
        "startupProbe": {
            **get,
            "periodSeconds": _STARTUP_PERIOD,
            "timeoutSeconds": 5,
            "failureThreshold": max(1, -(-load // _STARTUP_PERIOD)),
        },
        "readinessProbe": {**get, "periodSeconds": 5, "timeoutSeconds": 10, "failureThreshold": 3},
        "livenessProbe": {**get, "periodSeconds": 30, "timeoutSeconds": 30, "failureThreshold": 6},
    }
