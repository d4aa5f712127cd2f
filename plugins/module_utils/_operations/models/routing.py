# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells the routers which models there are, and sees that each of them goes by it.

What is told follows from the models' Services in the cluster, so that it is right after a rollout, a rollback and a
retirement alike, and after a run that was killed in the middle of one.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..._domain.names import (
    CLUSTER_DOMAIN_ANNOTATION,
    COMPONENT_LABEL,
    MODEL_LABEL,
    MODELS_NAMESPACE,
    ROUTER,
    ROUTER_MODELS,
    ROUTER_STATUS_PORT,
    SYSTEM_NAMESPACE,
)
from ..._domain.router.compiled import CLUSTER_DOMAIN, is_routed, models_part, served_by, version_of
from ..._domain.router.telling import Shown, Told, asked, shown
from ..._kube.errors import ForbiddenError, KubeError, NotFoundError
from ..._kube.objects import Manifest
from ..._kube.over import apply_over
from ..._kube.plan import REPLACE, UPDATE, Plan
from ..._kube.refusals import RefusedError
from ..._kube.session import Session
from ..._vocabulary.owner import Owner

_CORE = f"/api/v1/namespaces/{SYSTEM_NAMESPACE}"
_PLACE = f"{_CORE}/configmaps/{ROUTER_MODELS}"
_SERVICES = f"/api/v1/namespaces/{MODELS_NAMESPACE}/services"
_MANAGER = "fireworks-byoc-models"
"""Another field manager than the stack's: whoever applies that leaves alone what is told here."""
_LONGEST_SECONDS = 180.0
"""A kubelet brings a changed ConfigMap into its pods within a minute and a half."""
_SILENT_SECONDS = 3.0
_REST_SECONDS = 0.5
_ASKED_SECONDS = 5.0


class RouterError(KubeError):
    """Routers do not go by what they were told; the models themselves are as they should be."""

    code = "router_behind"


@dataclass
class Routing:
    """What the routers are told, and what came of it.

    :param live: the ConfigMap as it is; empty where there is no router to tell.
    :param comes: it will be there by then. :param models: the names of those that are routed then.
    :param shown: what the routers show, or why that is not known.
    :param proved: every one of them was seen to go by it.
    """

    live: Manifest
    wanted: dict[str, str] = field(default_factory=dict)
    comes: bool = False
    models: tuple[str, ...] = ()
    shown: str = ""
    proved: bool = False

    @property
    def changed(self) -> bool:
        return self.comes or (bool(self.live) and (self.live.get("data") or {}) != self.wanted)

    @property
    def otherwise(self) -> list[str]:
        """The files that are not what the models' Services make of them. Of no models nobody has to be told."""
        told = self.live.get("data") or {}
        if not self.live or (not told and not self.models):
            return []
        return sorted(key for key in {*told, *self.wanted} if told.get(key) != self.wanted.get(key))

    def unproven(self) -> list[str]:
        """What was written and not seen to be gone by; empty before it is told, and where there is no router."""
        return [f"that the routers are up to date: {self.shown}"] if self.shown and not self.proved else []

    def written(self) -> list[dict[str, Any]]:
        """The object that is written, as an operation tells it."""
        one = {"kind": "ConfigMap", "namespace": SYSTEM_NAMESPACE, "name": ROUTER_MODELS, "action": UPDATE}
        return [one] if self.changed else []


def routing(
    session: Session,
    coming: Iterable[Mapping[str, Any]] = (),
    without: Collection[str] = (),
    *,
    comes: bool = False,
) -> Routing:
    """What the routers are to be told.

    :param coming: manifests that are about to be applied. :param without: models that are not routed any more.
    :param comes: the stack, and with it the routers, would be there by then.
    """
    try:
        live = session.get(_PLACE)
    except NotFoundError:
        return Routing({}, comes=comes)
    services = {one["metadata"]["name"]: one for one in session.list_items(_SERVICES, {"labelSelector": MODEL_LABEL})}
    services |= {one["metadata"]["name"]: one for one in coming if one["kind"] == "Service"}
    known = [one for name, one in services.items() if name not in without]
    domain = (live["metadata"].get("annotations") or {}).get(CLUSTER_DOMAIN_ANNOTATION) or CLUSTER_DOMAIN
    served = served_by(known)
    return Routing(live, models_part(served, str(domain)), models=tuple(one.model for one in served))


def require_no_interruption(session: Session, model: str, plan: Plan) -> None:
    """That no Service is made anew through which routers find replicas: for a moment they would find none.

    :raises RefusedError: nothing was written.
    """
    anew = [str(change.ref) for change in plan.of(REPLACE)]
    if not anew or not _routes(session, model):
        return
    raise RefusedError(
        f"model {model}: {', '.join(anew)} has an address of its own and is to have none. Kubernetes keeps an address"
        " as long as a Service lives, so it would be deleted and made again, and for about a second routers may answer"
        " 503 to requests for this model; nothing of it was written",
        where=session.where,
        next_step="allow rollout.downtime for this model in the contract, or retire the model and deploy it again",
        owner=Owner.CUSTOMER,
    )


def _routes(session: Session, model: str) -> bool:
    try:
        return is_routed(session.get(_PLACE).get("data") or {}, model)
    except NotFoundError:
        return False


def tell(session: Session, told: Routing, *, asks: bool) -> Routing:
    """Write it, and wait until every router shows it. Where none of them says anything, it is told as not proved.

    :param asks: whether routers may be asked. :raises RouterError: one goes by something else.
    """
    if not told.live:
        return told
    if told.changed:
        # Without the domain, which is the stack's.
        manifest = {"apiVersion": "v1", "kind": "ConfigMap", "data": told.wanted}
        manifest["metadata"] = {"name": ROUTER_MODELS, "namespace": SYSTEM_NAMESPACE}
        apply_over(session, _PLACE, manifest, told.live, {"fieldManager": _MANAGER, "force": "true"})
    if not asks:
        told.shown = "no router was asked"
        return told
    seen = _wait(session, version_of(told.wanted), patient=told.changed)
    told.shown, told.proved = seen.told(), seen.proved
    return told


def _wait(session: Session, wanted: Mapping[str, str], *, patient: bool) -> Shown:
    """What the routers show in the end. Where none of them says anything, they are not waited for for long."""
    started = time.monotonic()
    while True:
        now = _ask(session, wanted)
        waited = time.monotonic() - started
        silent = not now.right and not now.late and (not patient or waited > _SILENT_SECONDS)
        if now.proved or now.forbidden or silent:
            session.waits.over()
            return now
        if waited > _LONGEST_SECONDS:
            session.waits.over()
            raise RouterError(
                f"routers do not go by the models that are deployed after {_LONGEST_SECONDS:.0f} s: {now.told()}",
                where=session.where,
                next_step="look at the router's pods and their logs, then run again; the models are as they should be",
            )
        session.waits.on(f"the routers: {now.told()}")
        time.sleep(_REST_SECONDS)


def _ask(session: Session, wanted: Mapping[str, str]) -> Shown:
    selector = {"labelSelector": f"{COMPONENT_LABEL}={ROUTER}"}
    try:
        names = asked(session.list_items(f"{_CORE}/pods", selector))
    except ForbiddenError:
        return Shown(forbidden=True)
    return shown(wanted, dict(session.in_parallel(lambda name: (name, _told(session, name)), names)))


def _told(session: Session, pod: str) -> Told:
    path = f"{_CORE}/pods/{pod}:{ROUTER_STATUS_PORT}/proxy/configuration"
    try:
        answer = session.exchange("GET", path, accept="text/plain", retry=False, read_seconds=_ASKED_SECONDS)
    except KubeError as error:
        return Told(error=str(error.what))
    if answer.status == 200:
        return Told(answer.data.decode(errors="replace"))
    return Told(error=answer.why(), forbidden=answer.status == 403 and bool(answer.refused()))
