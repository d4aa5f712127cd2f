# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A unit: the whole list of manifests of a model's set, which is applied, recorded and restored together."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..._vocabulary.listing import amount
from ..names import CANDIDATE_LABEL, GPU_PRODUCT_LABEL, LWS_KIND, MODEL_LABEL
from ..views import pod_gpus
from .group import rolling_by

Manifest = dict[str, Any]
Unit = list[Manifest]

DEPLOYMENT = "Deployment"
WORKLOADS = (DEPLOYMENT, LWS_KIND)
"""The kinds that run a model's replicas: each on one node, or each a group of pods on several."""
JOB = "Job"
SCALERS = ("HorizontalPodAutoscaler", "ScaledObject")
"""Kinds of what scales a model."""


class UnfitUnitError(ValueError):
    """Manifests that cannot be recorded as a revision."""


@dataclass(frozen=True)
class Shape:
    """What a workload takes: its replicas, the GPUs of each of their pods, and their product.

    nodes: the pods of one replica, each with its GPUs on one node.
    """

    replicas: int
    gpus: int
    product: str
    nodes: int = 1

    @property
    def each(self) -> str:
        """What one replica takes, in words."""
        return f"{amount(self.gpus, 'GPU')}{'' if self.nodes == 1 else f' on each of {self.nodes} nodes'}"


def as_unit(manifests: Iterable[Mapping[str, Any]]) -> Unit:
    """Manifests in an order that does not depend on who listed them, as plain data.

    :raises UnfitUnitError: a Secret among them: a revision would show it to everybody who may read revisions.
    """
    unit: Unit = sorted(json.loads(json.dumps(list(manifests), sort_keys=True)), key=_place)
    secrets = [manifest["metadata"]["name"] for manifest in unit if manifest.get("kind") == "Secret"]
    if secrets:
        raise UnfitUnitError(f"a unit is recorded in the clear and holds no Secret; this one has {', '.join(secrets)}")
    return unit


def digest(unit: Unit) -> str:
    """A name for exactly these manifests."""
    return hashlib.sha256(json.dumps(unit, sort_keys=True).encode()).hexdigest()[:16]


def workload(unit: Iterable[Manifest]) -> Manifest | None:
    """What runs the replicas; ``None`` where a unit has none."""
    return next((manifest for manifest in unit if manifest.get("kind") in WORKLOADS), None)


def template_of(deployment: Mapping[str, Any]) -> Mapping[str, Any]:
    """The pod template of a workload: of a group's leader, which is marked with a digest of the others too."""
    spec = deployment.get("spec") or {}
    group = spec.get("leaderWorkerTemplate")
    return (spec.get("template") if group is None else group.get("leaderTemplate")) or {}


def priority_class_of(unit: Iterable[Manifest]) -> str:
    """The priority class of a unit's pods, by which quotas count them; empty where it has none."""
    return str((template_of(workload(unit) or {}).get("spec") or {}).get("priorityClassName", ""))


def selector_of(deployment: Mapping[str, Any]) -> Mapping[str, str]:
    """The labels by which the pods of a workload are found that take requests."""
    if is_group(deployment):
        return {MODEL_LABEL: template_of(deployment)["metadata"]["labels"][MODEL_LABEL]}
    found: Mapping[str, str] = deployment["spec"]["selector"]["matchLabels"]
    return found


def available(deployment: Mapping[str, Any]) -> int:
    """The replicas of a live workload that serve."""
    status = deployment.get("status") or {}
    return int(status.get("readyReplicas" if is_group(deployment) else "availableReplicas") or 0)


def is_group(deployment: Mapping[str, Any]) -> bool:
    """Whether the replicas of a workload span nodes."""
    return "leaderWorkerTemplate" in (deployment.get("spec") or {})


def jobs_of(unit: Iterable[Manifest]) -> Unit:
    """What of a unit has to have ended before its replicas start."""
    return [manifest for manifest in unit if manifest.get("kind") == JOB]


def with_jobs(current: Unit, target: Unit) -> Unit:
    """The current unit with the Jobs of the target beside its own."""
    there = {manifest["metadata"]["name"] for manifest in jobs_of(current)}
    coming = [manifest for manifest in jobs_of(target) if manifest["metadata"]["name"] not in there]
    return copy.deepcopy([*current, *coming])


def is_scaled(unit: Iterable[Manifest]) -> bool:
    """Whether an autoscaler of the unit's own says how many replicas there are; the workload says the first ones."""
    return any(manifest.get("kind") in SCALERS for manifest in unit)


def without_bounds(unit: Iterable[Manifest]) -> Unit:
    """A unit less what says how many replicas there are: its autoscaler, and the number in its workload."""
    rest = copy.deepcopy([manifest for manifest in unit if manifest.get("kind") not in SCALERS])
    if serving := workload(rest):
        (serving.get("spec") or {}).pop("replicas", None)
    return rest


def wanted_shape(unit: Unit, live: Mapping[str, Any]) -> Shape:
    """What a unit's workload is going to take, where ``live`` (empty: nothing) runs now."""
    target = workload(unit) or {}
    return shape_of(target if not live or not is_scaled(unit) else {**target, "spec": {**target["spec"], **_now(live)}})


def shape_of(deployment: Mapping[str, Any]) -> Shape:
    """What a workload takes."""
    spec = template_of(deployment).get("spec") or {}
    replicas = (deployment.get("spec") or {}).get("replicas")
    return Shape(
        replicas=1 if replicas is None else int(replicas),
        gpus=pod_gpus(spec),
        product=str((spec.get("nodeSelector") or {}).get(GPU_PRODUCT_LABEL, "")),
        nodes=int(((deployment.get("spec") or {}).get("leaderWorkerTemplate") or {}).get("size", 1)),
    )


def may_be_away(unit: Iterable[Manifest], replicas: int) -> int:
    """How many replicas the unit's PodDisruptionBudget lets be away at once; all of them where there is none."""
    spec = next((m.get("spec") or {} for m in unit if m.get("kind") == "PodDisruptionBudget"), None)
    if spec is None:
        return replicas
    if spec.get("maxUnavailable") is not None:
        return _share(spec["maxUnavailable"], replicas)
    return max(0, replicas - _share(spec.get("minAvailable", 0), replicas))


def is_of(pod: Mapping[str, Any], template: Mapping[str, Any]) -> bool:
    """Whether a pod was made from this template: it carries all that the template marks its pods with.

    A model's template marks them with a digest of their spec, so pods of another version differ.
    """
    metadata, wanted = pod.get("metadata") or {}, template.get("metadata") or {}
    return all(
        (wanted.get(section) or {}).items() <= (metadata.get(section) or {}).items()
        for section in ("labels", "annotations")
    )


def while_rolling(unit: Unit, strategy: Mapping[str, Any], hold: int) -> Unit:
    """The unit as it is applied during a rollout.

    :param strategy: the Deployment's ``spec.strategy``.
    :param hold: seconds that a new replica has to be ready before the next one is replaced. Kubernetes itself keeps to
        it (``minReadySeconds``), so a rollout whose run was killed goes no faster. A LeaderWorkerSet has no such.
    """
    rolling = copy.deepcopy(unit)
    deployment = workload(rolling)
    if deployment is not None and is_group(deployment):
        how = strategy["rollingUpdate"]
        deployment["spec"]["rolloutStrategy"] = rolling_by(how["maxSurge"], how["maxUnavailable"])
    elif deployment is not None:
        spec = deployment["spec"]
        spec["strategy"] = dict(strategy)
        if hold:
            spec["minReadySeconds"] = hold
            spec["progressDeadlineSeconds"] = int(spec.get("progressDeadlineSeconds", 600)) + hold
    return rolling


def with_history(unit: Unit, revisions: int) -> Unit:
    """The unit as it is applied: Kubernetes keeps a ReplicaSet for each of so many revisions.

    A rollback then scales an old one up again. A new one would be a new version, which the API server may hold.
    """
    kept = copy.deepcopy(unit)
    deployment = workload(kept)
    if deployment is not None and not is_group(deployment):
        spec = deployment["spec"]
        spec["revisionHistoryLimit"] = max(revisions, int(spec.get("revisionHistoryLimit", 0)))
    return kept


def with_candidate(current: Unit, target: Unit, *, fewer: bool) -> Unit:
    """The current unit with one replica of the target beside it that gets no traffic.

    It is named after its target: the candidate of another version may still be on its way out.

    :param fewer: make room for it: one replica less of the current version.
    """
    unit = with_jobs(current, target)
    serving, wanted = workload(unit), copy.deepcopy(workload(target))
    if serving is None or wanted is None or is_group(serving) or is_group(wanted):
        raise UnfitUnitError("only a Deployment can have a candidate")
    if fewer:
        serving["spec"]["replicas"] = int(serving["spec"]["replicas"]) - 1
    name = wanted["metadata"]["name"]
    labels = {k: v for k, v in template_of(wanted)["metadata"]["labels"].items() if k != MODEL_LABEL}
    candidate = f"{name}-candidate-{digest(target)[:8]}"
    marks = {**labels, CANDIDATE_LABEL: candidate}
    wanted["metadata"] = {**wanted["metadata"], "name": candidate, "labels": marks}
    wanted["spec"] |= {"replicas": 1, "selector": {"matchLabels": {CANDIDATE_LABEL: candidate}}}
    wanted["spec"]["template"]["metadata"]["labels"] = marks
    return [*unit, wanted]


def _place(manifest: Mapping[str, Any]) -> tuple[str, str, str]:
    metadata = manifest.get("metadata") or {}
    return str(manifest.get("kind")), str(metadata.get("namespace", "")), str(metadata.get("name"))


def _share(value: object, replicas: int) -> int:
    """A count, or a percentage of the replicas; rounded up, as Kubernetes does."""
    text = str(value)
    return -(-replicas * int(text[:-1]) // 100) if text.endswith("%") else int(text)


def _now(live: Mapping[str, Any]) -> dict[str, Any]:
    return {"replicas": (live.get("spec") or {}).get("replicas", 1)}
