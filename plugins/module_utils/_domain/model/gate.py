# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The health gate: what a new replica must show before it counts. Pure: what was seen goes in, a verdict comes out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .heartbeat import Pulse, standstill

PASSED, WAITING, FAILED, UNPROVEN = "passed", "waiting", "failed", "unproven"

CANARY_TRIES = 3
"""A replica that has just become ready may refuse a request once; one that refuses three is not good."""
RESTARTS_ALLOWED = 1
"""One restart may be the node's; the second is the version's."""
_BROKEN_IMAGE = ("ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError")
_BROKEN_START = ("CrashLoopBackOff", "CreateContainerConfigError", "CreateContainerError", "RunContainerError")


@dataclass(frozen=True)
class Canary:
    """What became of the one-token requests to a replica."""

    answered: bool = False
    tries: int = 0
    error: str = ""


@dataclass(frozen=True)
class Seen:
    """What was seen of the replicas beside their pods, by the name of the pod.

    :param unsent: why no requests are sent; empty where they are. Without them nothing proves that a replica answers.
    """

    unsent: str = ""
    canaries: Mapping[str, Canary] = field(default_factory=dict)
    pulses: Mapping[str, Pulse] = field(default_factory=dict)


@dataclass(frozen=True)
class Gate:
    """What the contract asks of a replica. ``grace``: seconds that tokens may stand still while there are requests."""

    canary: bool = True
    grace: float = 120.0


@dataclass(frozen=True)
class Verdict:
    """A state, and why; of several replicas the worst, with the reason of each.

    :param held: an admission policy lets no new version begin, which says nothing of the version.
    """

    state: str
    why: str = ""
    replicas: tuple[Mapping[str, str], ...] = ()
    held: bool = False


def is_living(pod: Mapping[str, Any]) -> bool:
    """Whether a pod is to be judged: one that is on its way out, or was evicted, says nothing about its version."""
    phase = (pod.get("status") or {}).get("phase")
    return not (pod.get("metadata") or {}).get("deletionTimestamp") and phase not in ("Failed", "Succeeded")


def is_ready(pod: Mapping[str, Any]) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)


def judge(pods: Iterable[Mapping[str, Any]], seen: Seen, gate: Gate, *, wanted: int, now: float) -> Verdict:
    """The verdict on the new replicas.

    :param pods: the pods of the new version, raw. :param wanted: how many there should be.
    """
    judged = [(str(pod["metadata"]["name"]), _judge_one(pod, seen, gate, now)) for pod in pods if is_living(pod)]
    replicas = tuple({"replica": name, "state": verdict.state, "why": verdict.why} for name, verdict in judged)
    for state in (FAILED, WAITING):
        reasons = [f"{name}: {verdict.why}" for name, verdict in judged if verdict.state == state]
        if reasons:
            return Verdict(state, "; ".join(reasons[:3]), replicas)
    if len(judged) < wanted:
        return Verdict(WAITING, f"{len(judged)} of {wanted} new replicas are there", replicas)
    unproven = sorted({verdict.why for _name, verdict in judged if verdict.state == UNPROVEN})
    if unproven:
        return Verdict(UNPROVEN, "; ".join(unproven), replicas)
    return Verdict(PASSED, f"{wanted} of {wanted} replicas", replicas)


def _judge_one(pod: Mapping[str, Any], seen: Seen, gate: Gate, now: float) -> Verdict:
    name, status = str(pod["metadata"]["name"]), pod.get("status") or {}
    broken = _broken((status.get("containerStatuses") or ()), (status.get("initContainerStatuses") or ()))
    if broken:
        return Verdict(FAILED, broken)
    if not is_ready(pod):
        return Verdict(WAITING, _not_ready(status))
    still = standstill(seen.pulses, name, now)
    if still >= gate.grace:
        return Verdict(
            FAILED, f"hangs: it has requests, and no token came for {still:.0f} s (grace {gate.grace:.0f} s)"
        )
    if seen.unsent:
        return Verdict(UNPROVEN, f"ready; whether it answers is unproven: {seen.unsent}")
    if gate.canary:
        canary = seen.canaries.get(name, Canary())
        if canary.tries >= CANARY_TRIES and not canary.answered:
            return Verdict(
                FAILED, f"is ready and did not answer {canary.tries} requests for one token ({canary.error})"
            )
        if not canary.answered:
            return Verdict(WAITING, f"has not answered a request for one token yet{_after(canary)}")
    elif name not in seen.pulses:
        return Verdict(UNPROVEN, "ready; no request was sent, and its metrics show no heartbeat")
    return Verdict(PASSED, "ready, and answers")


def _broken(containers: Sequence[Mapping[str, Any]], inits: Sequence[Mapping[str, Any]]) -> str:
    for container in [*inits, *containers]:
        waiting = (container.get("state") or {}).get("waiting") or {}
        reason, name = str(waiting.get("reason", "")), container.get("name")
        if reason in _BROKEN_IMAGE:
            return f"its image cannot be used: {reason} {waiting.get('message', '')}".rstrip()
        if reason in _BROKEN_START:
            return f"container {name} does not start: {reason}{_ended(container)}"
    for container in containers:
        if int(container.get("restartCount") or 0) > RESTARTS_ALLOWED:
            return (
                f"container {container.get('name')} was restarted {container['restartCount']} times{_ended(container)}"
            )
    return ""


def _ended(container: Mapping[str, Any]) -> str:
    last = (container.get("lastState") or {}).get("terminated") or {}
    said = str(last.get("message") or "").strip().splitlines()
    how = f"ended with {last.get('reason') or 'an error'}, exit code {last.get('exitCode')}"
    return f" ({how}{': ' + said[-1] if said else ''})" if last else ""


def _not_ready(status: Mapping[str, Any]) -> str:
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return f"cannot be scheduled: {condition.get('message') or condition.get('reason')}"
    return "is not ready yet"


def _after(canary: Canary) -> str:
    return f" ({canary.tries} tries, the last: {canary.error})" if canary.tries else ""
