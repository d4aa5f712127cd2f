# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation behind ``model_retire``: a model taken out of a cluster, traffic first, and proved gone."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from .._connection import CONNECTION_SPEC, open_session
from .._domain.model.exposure import RETIRED
from .._domain.model.revision import Revision
from .._domain.names import GROUP_LABEL, MODEL_LABEL, MODELS_NAMESPACE, SYSTEM_NAMESPACE, model_set
from .._kube.apply import SetApplier
from .._kube.discovery import Discovery, Resource, metadata_of
from .._kube.errors import DeadlineError, ForbiddenError, KubeError
from .._kube.objects import Ref
from .._kube.over import apply_over, delete_over
from .._kube.plan import DELETE, Change, Plan, diff_of, parent_told, told
from .._kube.removal import Doomed, require_removable
from .._kube.session import FIELD_MANAGER, Session
from .._kube.set_options import SetOptions
from .._operation import Context, Operation
from .models.reading import REVISIONS, read_revisions
from .models.routing import Routing, routing, tell

ARGUMENT_SPEC: dict[str, Any] = {
    "connection": CONNECTION_SPEC,
    "name": {"type": "str", "required": True},
    "drain_timeout": {"type": "int", "default": 60},
    "wait_timeout": {"type": "int", "default": 600},
    "http_request": {"type": "bool", "default": True},
}
_SLICES = f"/apis/discovery.k8s.io/v1/namespaces/{MODELS_NAMESPACE}/endpointslices"
_REST_SECONDS = 0.5
_CLEAN_UP_SECONDS = 30.0
#: Where requests come in, and what would start replicas again.
_TRAFFIC = frozenset({"HTTPRoute", "Route"})
_SCALERS = frozenset({"ScaledObject", "HorizontalPodAutoscaler"})
#: What marks what is a model's: all of it, and the pods of its replicas that take no requests.
_LABELS = (MODEL_LABEL, GROUP_LABEL)
#: What a Service selects when it is to select nothing: without a selector its endpoints would stay as they are.
#: What controllers make for a model, and what is recorded of it: looked for at the end, beside the set's own kinds.
_TRACES = ("Pod", "ReplicaSet.apps", "ControllerRevision.apps", "EndpointSlice.discovery.k8s.io")
#: What the controllers of others' kinds make for them, with the labels of what it is made for.
_MADE_FOR = {
    "LeaderWorkerSet.leaderworkerset.x-k8s.io": "StatefulSet.apps",
    "ScaledObject.keda.sh": "HorizontalPodAutoscaler.autoscaling",
}

_REVISION = {"kind": "ControllerRevision", "namespace": MODELS_NAMESPACE, "action": DELETE}


def run(parameters: dict[str, Any], context: Context) -> dict[str, Any]:
    """Take the model's traffic away, then its pods, then the rest; and prove that nothing is left."""
    session = open_session(parameters["connection"], context)
    session.require_expected_cluster()
    name = parameters["name"]
    discovery = Discovery.of(session)
    parent = Ref("ConfigMap", "", SYSTEM_NAMESPACE, model_set(name))
    applier = SetApplier(session, discovery, parent, SetOptions({}))
    revisions = read_revisions(session, name).get(name, [])
    # Where the parent is gone already, the revisions tell where to look.
    plan = applier.plan_absent([manifest for revision in revisions for manifest in revision.unit])
    routers = routing(session, without=[name])
    changed = bool(plan.changes or plan.parent_before or revisions or routers.changed)
    result: dict[str, Any] = {
        "changed": changed,
        "set": parent.name,
        "revisions": [revision.number for revision in revisions],
        "objects": [told(change) for change in plan.changes],
        "also": [
            *parent_told(plan),
            *({**_REVISION, "name": revision.name} for revision in revisions),
            *routers.written(),
        ],
    }
    if context.diff_mode:
        result["diff"] = diff_of(plan.changes)
    require_removable(session, plan, [_doomed(revision) for revision in revisions])
    if not changed or context.check_mode:
        return {**result, "steps": [], "unproven": []}
    # First of all: a request that comes now is told that there is no such model, and none is cut short.
    tell(session, routers, asks=parameters["http_request"])
    steps = [_routed_no_more(routers)] if routers.live else []
    closed, plan = _close(session, plan, parameters["drain_timeout"])
    applier.apply_absent(plan, seconds=parameters["wait_timeout"])
    steps += [closed, f"{len(plan.changes)} objects deleted, and seen gone"]
    session.in_parallel(lambda r: delete_over(session, f"{REVISIONS}/{r.name}", r.seen), revisions)
    steps.append(f"recorded revisions deleted: {len(revisions)}")
    steps.append(_prove(session, discovery, name, plan))
    return {**result, "steps": steps, "unproven": routers.unproven()}


def _doomed(revision: Revision) -> Doomed:
    ref = Ref("ControllerRevision", "apps", MODELS_NAMESPACE, revision.name)
    return ref, f"{REVISIONS}/{revision.name}", dict(revision.seen)


def _routed_no_more(routers: Routing) -> str:
    if routers.proved:
        return f"the routers do not know it any more: {routers.shown}"
    return "the routers were told to forget it"  # that they have is what is not proved


def _close(session: Session, plan: Plan, seconds: int) -> tuple[str, Plan]:
    """Let no new request in, and wait until no endpoint is left that one could go to. What was done, and what is left.

    :raises DeadlineError: endpoints are left; only the entry points were deleted.
    """
    started = time.monotonic()
    services = [c for c in plan.of(DELETE) if c.ref.kind == "Service" and c.ref.namespace == MODELS_NAMESPACE]
    # One with an address is of an earlier version, and the guardrails let nobody change it any more.
    addressed = [c for c in services if c.before["spec"].get("clusterIP") != "None"]
    entry_points = [*(c for c in plan.of(DELETE) if c.ref.kind in _TRAFFIC | _SCALERS), *addressed]
    session.in_parallel(lambda c: delete_over(session, _path_of(c), c.before), entry_points)
    rest = [c for c in services if c not in addressed]
    closed = {change.ref: change for change in session.in_parallel(lambda c: _select_nothing(session, c), rest)}
    names = [change.ref.name for change in services]
    while endpoints := _endpoints(session, names):
        if time.monotonic() - started > seconds:
            raise DeadlineError(
                f"{endpoints} endpoints of {', '.join(names)} are still there after {seconds} s",
                where=session.where,
                next_step="look at the EndpointSlices of the service, then run again; the pods still run",
            )
        session.waits.on(f"{endpoints} endpoints of {', '.join(names)} to be gone")
        time.sleep(_REST_SECONDS)
    session.waits.over()
    ways = ", ".join(str(c.ref) for c in [*entry_points, *rest]) or "none"
    said = f"the entry points are removed ({ways}); no endpoint left after {time.monotonic() - started:.1f} s"
    return said, replace(plan, changes=tuple(closed.get(change.ref, change) for change in plan.changes))


def _select_nothing(session: Session, change: Change) -> Change:
    """Applied like everything else of the set, so that deploying the model again would undo it."""
    live = change.before
    kept = {key: live["metadata"][key] for key in ("labels", "annotations") if live["metadata"].get(key)}
    spec = {key: live["spec"][key] for key in ("type", "clusterIP", "ports") if key in live["spec"]}
    body = {
        "apiVersion": live["apiVersion"],
        "kind": live["kind"],
        "metadata": {"name": change.ref.name, "namespace": change.ref.namespace, **kept},
        "spec": {**spec, "selector": RETIRED},
    }
    query = {"fieldManager": FIELD_MANAGER, "force": "true"}
    return replace(change, before=apply_over(session, _path_of(change), body, live, query))


def _path_of(change: Change) -> str:
    return change.resource.path(change.ref.namespace, change.ref.name)


def _endpoints(session: Session, services: list[str]) -> int:
    found = 0
    for name in services:
        selector = {"labelSelector": f"kubernetes.io/service-name={name}"}
        found += sum(len(each.get("endpoints") or ()) for each in session.list_items(_SLICES, selector))
    return found


def _prove(session: Session, discovery: Discovery, name: str, plan: Plan) -> str:
    """Look for anything that carries the model's label; what controllers clean up gets a while for it.

    :raises KubeError: naming what is left.
    """
    known = plan.known.group_kinds
    kinds = sorted({*_TRACES, *known, *(made for kind, made in _MADE_FOR.items() if kind in known)})
    resources = [found for kind in kinds if (found := discovery.find_group_kind(kind))]
    deadline = time.monotonic() + _CLEAN_UP_SECONDS
    while True:
        left, unseen = _traces(session, resources, name)
        if not left:
            session.waits.over()
            blind = f"; not looked at, for want of the right: {', '.join(unseen)}" if unseen else ""
            return f"nothing carries its label any more, of {len(resources)} kinds{blind}"
        if time.monotonic() > deadline:
            raise KubeError(
                f"{len(left)} objects of model {name} are left: {', '.join(left[:10])}",
                where=session.where,
                next_step="they were not in its set; delete them, or take the model's label off them",
            )
        session.waits.on(f"what controllers remove of model {name}: {', '.join(left[:10])}")
        time.sleep(_REST_SECONDS)


def _traces(session: Session, resources: list[Resource], name: str) -> tuple[list[str], list[str]]:
    """The objects with the model's label, and the kinds that may not be listed."""
    left: list[str] = []
    unseen: list[str] = []
    for resource in resources:
        for namespace in (MODELS_NAMESPACE, SYSTEM_NAMESPACE):
            try:
                found = [
                    each
                    for label in _LABELS
                    for each in metadata_of(session, resource, namespace, {"labelSelector": f"{label}={name}"})
                ]
            except ForbiddenError:
                # A kind that it deploys in one of the two namespaces only, it may list in that one only.
                unseen.append(f"{resource.kind} in {namespace}")
                continue
            left += [str(Ref(resource.kind, resource.group, namespace, o["metadata"]["name"])) for o in found]
    return list(dict.fromkeys(left)), unseen


OPERATION = Operation(argument_spec=ARGUMENT_SPEC, run=run, rules={})
