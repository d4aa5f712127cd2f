# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Job that fetches a model's weights onto its claim once, and the container that compares them at each start.

Both run the same program in the engine's own image. Only the Job has the credential, and only its pod writes.
"""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from ..._in_pods import stage_weights
from ..contract.typed import Contract, Model
from ..loading import load_deadline
from ..names import MODELS_NAMESPACE, STAGES_LABEL, labels, model_set
from ..release import engine_image
from ..tolerations import OF_MODELS
from .credential import account_of, credential_environment, credential_mounts, credential_volumes
from .engine_adapter import literal
from .pod_security import container_security, pod_security
from .staged import WEIGHTS, is_staged, staged_claim, staged_folder

Manifest = dict[str, Any]

TRIES = 3
"""Pods that may fail, one after the other; each goes on where the one before was cut."""


def staging_job(contract: Contract, model: Model, release: Mapping[str, Any]) -> list[Manifest]:
    """The Job, where the model's weights are staged. Its name says all that it is: what a Job runs cannot be changed.

    It has no GPU, and no label by which the model's pods are found. It stays when it has ended: that it was there shows
    that the weights are.
    """
    if not is_staged(model):
        return []
    name = str(model["name"])
    pod = _pod(contract, model, engine_image(contract, release, model["engine"]))
    described = hashlib.sha256(json.dumps(pod, sort_keys=True).encode()).hexdigest()[:8]
    common = labels(model_set(name), name)
    return [
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": f"{name}-weights-{described}", "namespace": MODELS_NAMESPACE, "labels": common},
            "spec": {
                "parallelism": 1,
                "completions": 1,
                "backoffLimit": TRIES - 1,
                "activeDeadlineSeconds": load_deadline(model),
                "template": {"metadata": {"labels": {**common, STAGES_LABEL: name}}, "spec": pod},
            },
        }
    ]


def verifying(model: Model, image: str) -> dict[str, list[Manifest]]:
    """What the pod of a replica has beside its engine: nothing, where its weights are not staged."""
    if not is_staged(model):
        return {}
    return {"initContainers": [_container(model, image, "verify", {"readOnly": True})]}


def _pod(contract: Contract, model: Model, image: str) -> Manifest:
    fetching = _container(model, image, "stage", {})
    fetching["env"] = [{"name": key, "value": value} for key, value in credential_environment(model).items()]
    fetching["volumeMounts"] += credential_mounts(model)
    claim = {"name": "weights", "persistentVolumeClaim": {"claimName": staged_claim(model)}}
    return {
        "serviceAccountName": account_of(model),
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "restartPolicy": "Never",
        "tolerations": [dict(one) for one in OF_MODELS],
        "securityContext": pod_security(contract),
        "containers": [fetching],
        "volumes": [claim, *credential_volumes(model)],
    }


def _container(model: Model, image: str, mode: str, mounted: Manifest) -> Manifest:
    source = model["source"]
    repository = str(source["uri"]).removeprefix("hf://")
    words = [mode, WEIGHTS, staged_folder(model), repository, str(source["revision"]), str(source.get("digest") or "")]
    return {
        "name": mode,
        "image": image,
        "command": ["python3", "-c", *map(literal, (_program(), *words))],
        "resources": {"requests": {"cpu": "1", "memory": "1Gi"}},
        "securityContext": container_security(),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [{"name": "weights", "mountPath": WEIGHTS, **mounted}],
    }


@cache
def _program() -> str:
    return inspect.getsource(stage_weights)
