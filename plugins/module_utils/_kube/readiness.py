# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is this object ready? Pure, generation-aware predicates: a status written for an older spec proves nothing.

The rules are those of ``kubectl rollout status`` and of kstatus
(https://github.com/kubernetes-sigs/cli-utils/tree/master/pkg/kstatus).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .._vocabulary.listing import amount
from .objects import Ref
from .staying import why_it_stays


@dataclass(frozen=True)
class Readiness:
    """Whether an object is ready, and if not what it waits for.

    :param failed: it says itself that it will not become ready; waiting on is pointless.
    :param refusal: what an admission policy says that lets no new version of it begin. It may be of the version before,
        until its controller has seen the change.
    """

    ready: bool
    reason: str = ""
    failed: bool = False
    refusal: str = ""


READY = Readiness(True)


def readiness(live: Mapping[str, Any]) -> Readiness:
    """The readiness of one live object of any kind. Kinds without a status are ready as soon as they exist."""
    metadata = live.get("metadata") or {}
    if metadata.get("deletionTimestamp"):
        why = why_it_stays(live)
        return Readiness(False, f"is being deleted: {why}" if why else "is being deleted")
    status = live.get("status") or {}
    observed = status.get("observedGeneration")
    group_kind = Ref.of(live).group_kind
    rule = _RULES.get(group_kind)
    if refusal := _refusal(status):
        return Readiness(False, f"its new version was refused: {refusal}", refusal=refusal)
    if observed is not None and observed < metadata.get("generation", 0):
        return Readiness(False, "its controller has not seen the change yet")
    if rule is None:
        return _by_conditions(status)
    if observed is None and group_kind in _REPORTS_GENERATION:
        return Readiness(False, "its controller has not looked at it yet")
    return rule(live.get("spec") or {}, status)


def _refusal(status: Mapping[str, Any]) -> str:
    """The words of an admission policy that refused a Deployment's new ReplicaSet. To its controller that is unseen."""
    progressing = _condition(status, "Progressing")
    said = str(progressing.get("message", ""))
    return said if progressing.get("reason") == "ReplicaSetCreateError" and _BY_POLICY in said else ""


_BY_POLICY = "ValidatingAdmissionPolicy '"
Rule = Callable[[Mapping[str, Any], Mapping[str, Any]], Readiness]


def _deployment(spec: Mapping[str, Any], status: Mapping[str, Any]) -> Readiness:
    wanted = spec.get("replicas", 1)
    progressing = _condition(status, "Progressing")
    if progressing.get("reason") == "ProgressDeadlineExceeded":
        return Readiness(False, f"gave up: {progressing.get('message', 'progress deadline exceeded')}", failed=True)
    updated, total = status.get("updatedReplicas", 0), status.get("replicas", 0)
    available = status.get("availableReplicas", 0)
    if updated < wanted:
        return Readiness(False, f"{updated} of {wanted} replicas are of the new version")
    if total > updated:
        return Readiness(False, f"{amount(total - updated, 'replica')} of the old version not gone yet")
    if available < wanted:
        return Readiness(False, f"{available} of {wanted} replicas are available")
    return READY


def _leader_worker_set(spec: Mapping[str, Any], status: Mapping[str, Any]) -> Readiness:
    """A replica is a group of pods. Which of them its controller has seen, only newer versions of it say."""
    wanted = spec.get("replicas", 1)
    updated, total, ready = (status.get(key, 0) for key in ("updatedReplicas", "replicas", "readyReplicas"))
    if updated < wanted:
        return Readiness(False, f"{updated} of {wanted} groups are of the new version")
    if total > wanted:
        return Readiness(False, f"{amount(total - wanted, 'group')} more than wanted")
    if ready < wanted:
        return Readiness(False, f"{ready} of {wanted} groups are ready")
    if _condition(status, "UpdateInProgress").get("status") == "True":
        return Readiness(False, "its update has not ended")
    return _by_conditions(status)


def _stateful_set(spec: Mapping[str, Any], status: Mapping[str, Any]) -> Readiness:
    wanted = spec.get("replicas", 1)
    ready, updated = status.get("readyReplicas", 0), status.get("updatedReplicas", 0)
    if ready < wanted:
        return Readiness(False, f"{ready} of {wanted} replicas are ready")
    if (spec.get("updateStrategy") or {}).get("type") == "OnDelete":
        return READY
    partition = ((spec.get("updateStrategy") or {}).get("rollingUpdate") or {}).get("partition", 0)
    if updated < wanted - partition:
        return Readiness(False, f"{updated} of {wanted - partition} replicas are of the new version")
    return READY


def _daemon_set(spec: Mapping[str, Any], status: Mapping[str, Any]) -> Readiness:
    wanted = status.get("desiredNumberScheduled", 0)
    updated, available = status.get("updatedNumberScheduled", 0), status.get("numberAvailable", 0)
    if (spec.get("updateStrategy") or {}).get("type") != "OnDelete" and updated < wanted:
        return Readiness(False, f"{updated} of {wanted} nodes run the new version")
    if available < wanted:
        return Readiness(False, f"available on {available} of {wanted} nodes")
    return READY


def _job(_spec: Mapping[str, Any], status: Mapping[str, Any]) -> Readiness:
    failed = _condition(status, "Failed")
    if failed.get("status") == "True":
        return Readiness(False, f"failed: {failed.get('message') or failed.get('reason')}", failed=True)
    if _condition(status, "Complete").get("status") == "True":
        return READY
    return Readiness(False, f"{amount(status.get('active', 0), 'pod')} still at work")


def _pod(_spec: Mapping[str, Any], status: Mapping[str, Any]) -> Readiness:
    if status.get("phase") == "Succeeded" or _condition(status, "Ready").get("status") == "True":
        return READY
    return Readiness(False, pod_trouble(status) or "is not ready", failed=status.get("phase") == "Failed")


def _volume_claim(_spec: Mapping[str, Any], status: Mapping[str, Any]) -> Readiness:
    phase = status.get("phase", "Pending")
    # A claim that waits for its first consumer is Pending by design; its pod is what will be waited for.
    return READY if phase in ("Bound", "Pending") else Readiness(False, f"is {phase}", failed=phase == "Lost")


def _namespace(_spec: Mapping[str, Any], status: Mapping[str, Any]) -> Readiness:
    phase = status.get("phase", "")
    return READY if phase == "Active" else Readiness(False, f"is {phase or 'not active yet'}")


def _definition(_spec: Mapping[str, Any], status: Mapping[str, Any]) -> Readiness:
    names = _condition(status, "NamesAccepted")
    if names.get("status") == "False":
        return Readiness(False, f"names refused: {names.get('message')}", failed=True)
    if _condition(status, "Established").get("status") == "True":
        return READY
    return Readiness(False, "is not established yet")


def _disruption_budget(_spec: Mapping[str, Any], _status: Mapping[str, Any]) -> Readiness:
    return READY  # seen by its controller, which the generation check above has shown


def _by_conditions(status: Mapping[str, Any]) -> Readiness:
    """Custom resources: a ``Ready`` or ``Available`` condition, when there is one, must be true."""
    for kind in ("Ready", "Available"):
        found = _condition(status, kind)
        if found and found.get("status") != "True":
            said = found.get("message") or found.get("reason") or found.get("status")
            return Readiness(False, f"{kind} is not true: {said}")
    return READY


#: By kind and group: of a kind that only has the same name nothing is known but its conditions.
_RULES: dict[str, Rule] = {
    "Deployment.apps": _deployment,
    "LeaderWorkerSet.leaderworkerset.x-k8s.io": _leader_worker_set,
    "StatefulSet.apps": _stateful_set,
    "DaemonSet.apps": _daemon_set,
    "Job.batch": _job,
    "Pod": _pod,
    "PersistentVolumeClaim": _volume_claim,
    "Namespace": _namespace,
    "CustomResourceDefinition.apiextensions.k8s.io": _definition,
    "PodDisruptionBudget.policy": _disruption_budget,
}
_REPORTS_GENERATION = frozenset({"Deployment.apps", "StatefulSet.apps", "DaemonSet.apps", "PodDisruptionBudget.policy"})
#: Kinds that become ready some time after they exist; everything else is ready when applied.
TAKES_TIME = frozenset(_RULES) - {"PersistentVolumeClaim"}


def pod_trouble(status: Mapping[str, Any]) -> str:
    """What keeps a pod from being ready, in its own words; empty when it only needs time."""
    scheduled = _condition(status, "PodScheduled")
    if scheduled.get("status") == "False":
        return f"cannot be scheduled: {scheduled.get('message') or scheduled.get('reason')}"
    for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        state = container.get("state") or {}
        waiting, ended = state.get("waiting") or {}, state.get("terminated") or {}
        if waiting.get("reason") not in (None, "ContainerCreating", "PodInitializing"):
            return f"container {container.get('name')}: {waiting['reason']} {waiting.get('message', '')}".rstrip()
        if ended and ended.get("exitCode"):
            said = str(ended.get("message") or "").strip().splitlines()
            why = said[-1] if said else ended.get("reason") or f"exit code {ended['exitCode']}"
            return f"container {container.get('name')} ended: {why}"
    if status.get("phase") == "Failed":
        return str(status.get("message") or status.get("reason") or "failed")
    return ""


def _condition(status: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    conditions: list[Mapping[str, Any]] = status.get("conditions") or []
    return next((condition for condition in conditions if condition.get("type") == kind), {})
