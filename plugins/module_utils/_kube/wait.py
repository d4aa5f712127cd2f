# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wait until objects are ready or gone: a pure predicate over watch events, plus a deadline."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .._vocabulary.listing import amount
from .discovery import Resource
from .errors import NotFoundError
from .objects import Ref
from .readiness import TAKES_TIME, Readiness, pod_trouble, readiness
from .session import Session
from .staying import why_it_stays
from .waits import SAY_SECONDS

REST_SECONDS = 0.1
_REFUSED_SECONDS = 1.5
"""After so long a refusal is not of the version before: its controller has seen the change long since."""


_Seen = dict[Ref, tuple[Readiness, Mapping[str, Any]]]


@dataclass(frozen=True)
class Awaited:
    """One object to wait for."""

    ref: Ref
    resource: Resource


def wait_ready(session: Session, awaited: Iterable[Awaited], *, seconds: float) -> dict[Ref, Readiness]:
    """Wait until every object is ready, one says that it failed, or the time is over.

    :returns: the readiness of each object as last seen; the reason of one that is not ready tells what its pods
        wait for.
    """
    deadline = time.monotonic() + seconds
    slow = [a for a in awaited if a.ref.group_kind in TAKES_TIME or a.resource.group not in _BUILT_IN]
    collections: dict[tuple[Resource, str], set[str]] = {}
    for one in slow:
        collections.setdefault((one.resource, one.ref.namespace), set()).add(one.ref.name)

    def follow(item: tuple[tuple[Resource, str], set[str]]) -> dict[Ref, tuple[Readiness, Mapping[str, Any]]]:
        (resource, namespace), names = item
        try:
            return _follow(session, resource, namespace, names, deadline)
        finally:
            session.waits.over()

    seen: dict[Ref, tuple[Readiness, Mapping[str, Any]]] = {}
    for part in session.in_parallel(follow, collections.items()):
        seen.update(part)
    late = [(ref, live) for ref, (state, live) in seen.items() if not state.ready]
    explained = dict(session.in_parallel(lambda one: (one[0], _pods_say(session, *one)), late))
    return {
        ref: replace(state, reason=f"{state.reason}{explained.get(ref, '')}") for ref, (state, _live) in seen.items()
    }


_BUILT_IN = frozenset(
    {"", "apps", "batch", "policy", "rbac.authorization.k8s.io", "networking.k8s.io", "scheduling.k8s.io",
     "storage.k8s.io", "autoscaling", "admissionregistration.k8s.io", "coordination.k8s.io"}
)  # fmt: skip


def _follow(
    session: Session, resource: Resource, namespace: str, names: set[str], deadline: float
) -> dict[Ref, tuple[Readiness, Mapping[str, Any]]]:
    """List, then watch, then list again, until all of ``names`` are ready, one failed or the deadline is here."""
    path = resource.path(namespace)
    refused: dict[Ref, float] = {}
    while True:
        version, seen = _look(session, path, resource, namespace, names)
        seen = _without_hope(seen, refused)
        left = deadline - time.monotonic()
        if _decided(seen) or left <= 0:
            return seen
        session.waits.on("; ".join(f"{ref}: {state.reason}" for ref, (state, _live) in seen.items() if not state.ready))
        for event in session.watch(path, {"resourceVersion": version}, _watched(left, refused)):
            live = event.get("object") or {}
            if event.get("type") == "ERROR":
                break  # the version is too old: list again
            ref = _ref(resource, live)
            if event.get("type") != "BOOKMARK" and ref in seen:
                gone = event.get("type") == "DELETED"
                seen[ref] = (Readiness(False, "was deleted") if gone else readiness(live), live)
                if _decided(seen):
                    return seen
                if seen[ref][0].refusal and ref not in refused:
                    break  # it is looked at again soon, to see whether that stays
            if time.monotonic() > deadline:
                break
        time.sleep(REST_SECONDS)  # a server that ends every watch at once must not be asked in a tight loop


def _watched(left: float, refused: Mapping[Ref, float]) -> float:
    return min(left, _REFUSED_SECONDS if refused else SAY_SECONDS)


def _without_hope(seen: _Seen, refused: dict[Ref, float]) -> _Seen:
    """The same, where a refusal that stays is a failure. :param refused: since when each was; kept up here."""
    now = time.monotonic()
    for ref, (state, _live) in seen.items():
        refused.pop(ref, None) if not state.refusal else refused.setdefault(ref, now)
    return {
        ref: (replace(state, failed=state.failed or now - refused.get(ref, now) >= _REFUSED_SECONDS), live)
        for ref, (state, live) in seen.items()
    }


def _look(
    session: Session, path: str, resource: Resource, namespace: str, names: set[str]
) -> tuple[str, dict[Ref, tuple[Readiness, Mapping[str, Any]]]]:
    # A list by name keeps a wait for one object out of a large namespace cheap.
    query = {"fieldSelector": f"metadata.name={next(iter(names))}"} if len(names) == 1 else {}
    refs = {Ref(resource.kind, resource.group, namespace, name) for name in names}
    seen: dict[Ref, tuple[Readiness, Mapping[str, Any]]] = {r: (Readiness(False, "does not exist"), {}) for r in refs}
    version = ""
    for page in session.list_pages(path, query):
        version = page.get("metadata", {}).get("resourceVersion", "")
        for live in page["items"]:
            ref = _ref(resource, live)
            if ref in seen:
                seen[ref] = (readiness(live), live)
    return version, seen


def _ref(resource: Resource, live: Mapping[str, Any]) -> Ref:
    metadata = live.get("metadata") or {}
    return Ref(resource.kind, resource.group, metadata.get("namespace") or "", metadata.get("name") or "")


def _decided(seen: Mapping[Ref, tuple[Readiness, Mapping[str, Any]]]) -> bool:
    states = [state for state, _live in seen.values()]
    return all(state.ready for state in states) or any(state.failed for state in states)


def _pods_say(session: Session, ref: Ref, live: Mapping[str, Any]) -> str:
    """What the pods of a workload that is late wait for, the commonest trouble first."""
    labels = ((live.get("spec") or {}).get("selector") or {}).get("matchLabels") or {}
    if not labels or not ref.namespace:
        return ""
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    counts: dict[str, int] = {}
    for pod in session.list_items(f"/api/v1/namespaces/{ref.namespace}/pods", {"labelSelector": selector}):
        trouble = pod_trouble(pod.get("status") or {})
        if trouble:
            counts[trouble] = counts.get(trouble, 0) + 1
    if not counts:
        return ""
    trouble, number = max(counts.items(), key=lambda item: (item[1], item[0]))
    return f" ({amount(number, 'pod')}: {trouble})"


def wait_gone(session: Session, awaited: Iterable[Awaited], *, seconds: float) -> dict[Ref, Mapping[str, Any]]:
    """Wait until every object is gone, or the time is over.

    :returns: the objects that are still there, as they are.
    """
    deadline = time.monotonic() + seconds

    def still_there(one: Awaited) -> tuple[Ref, Mapping[str, Any]] | None:
        try:
            return after_all(one)
        finally:
            session.waits.over()

    def after_all(one: Awaited) -> tuple[Ref, Mapping[str, Any]] | None:
        path = one.resource.path(one.ref.namespace)
        query = {"fieldSelector": f"metadata.name={one.ref.name}"}
        while True:
            try:
                listed = session.get(path, query)
            except NotFoundError:
                return None  # the kind itself is gone, and its objects with it
            if not listed.get("items"):
                return None
            left = deadline - time.monotonic()
            live = {"kind": one.ref.kind, **listed["items"][0]}
            if left <= 0:
                return one.ref, live
            version = listed.get("metadata", {}).get("resourceVersion", "")
            why = why_it_stays(live)
            session.waits.on(f"{one.ref} to be gone" + (f": {why}" if why else ""))
            for event in session.watch(path, {**query, "resourceVersion": version}, min(left, SAY_SECONDS)):
                if event.get("type") in ("DELETED", "ERROR"):
                    break
            time.sleep(REST_SECONDS)

    return dict(found for found in session.in_parallel(still_there, awaited) if found is not None)
