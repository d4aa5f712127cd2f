# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What modules about capacity share: one cluster read at once, and a plan as a result tells it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .._domain.capacity import may_span_nodes
from .._domain.contract.typed import Contract
from .._domain.names import LWS_API, LWS_PLURAL, MODEL_LABEL, MODELS_NAMESPACE
from .._domain.placement.carrying import last_moved
from .._domain.placement.fragmentation import fragmentation
from .._domain.placement.models import Learned
from .._domain.placement.plan import Plan
from .._domain.placement.reading import scene_of
from .._domain.placement.scene import Scene
from .._kube.errors import ForbiddenError, KubeError, NotFoundError
from .._kube.session import Session
from .._vocabulary.owner import Owner

_DEPLOYMENTS = f"/apis/apps/v1/namespaces/{MODELS_NAMESPACE}/deployments"
_BUDGETS = f"/apis/policy/v1/namespaces/{MODELS_NAMESPACE}/poddisruptionbudgets"
_QUOTAS = f"/api/v1/namespaces/{MODELS_NAMESPACE}/resourcequotas"
_GROUPS = f"/apis/{LWS_API}/namespaces/{MODELS_NAMESPACE}/{LWS_PLURAL}"


class InputError(KubeError):
    """What was given cannot be used here."""

    code = "invalid_input"


@dataclass(frozen=True)
class Read:
    """A cluster at one moment: as a scene, and its nodes as the API server lists them. uids: of pods, by their keys."""

    scene: Scene
    nodes: Sequence[Mapping[str, Any]]
    uids: Mapping[str, str]


def read_cluster(session: Session, contract: Contract, known: Mapping[str, Learned]) -> Read:
    """Everything of a cluster that a plan rests on, in parallel.

    :param known: of its models, see :func:`learned`.
    """
    spans = may_span_nodes(contract)
    reads: list[Callable[[], list[Any]]] = [
        lambda: list(session.list_items("/api/v1/nodes")),
        lambda: _pods(session),
        lambda: _there(session, _DEPLOYMENTS),
        lambda: _there(session, _GROUPS) if spans else [],
        lambda: _there(session, _BUDGETS),
        lambda: _there(session, _QUOTAS),
    ]
    nodes, pods, deployments, groups, budgets, quotas = session.in_parallel(lambda one: one(), reads)
    scene = scene_of(
        taken=time.time(),
        nodes=nodes,
        pods=pods,
        contract=contract,
        workloads=[one for one in (*deployments, *groups) if MODEL_LABEL in (one["metadata"].get("labels") or {})],
        budgets=budgets,
        quotas=quotas,
        learned=known,
    )
    uids = {f"{one['metadata']['namespace']}/{one['metadata']['name']}": one["metadata"]["uid"] for one in pods}
    return Read(replace(scene, consolidated=last_moved(scene.pods)), nodes, uids)


def _pods(session: Session) -> list[Any]:
    """Of everybody: what others take is not free, and where that is not seen nothing is known to fit."""
    try:
        return list(session.list_items("/api/v1/pods"))
    except ForbiddenError as error:
        raise ForbiddenError(
            f"what pods of other namespaces take cannot be read, so that nothing is known to fit: {error.what}",
            status=error.status,
            body=error.body,
            where=session.where,
            next_step="let the observer list them by health.observer_may_list: [pods], or the node medic by "
            "efficiency.mode: execute, and apply the presetup again",
            owner=Owner.CUSTOMER,
        ) from None


def _there(session: Session, path: str) -> list[Any]:
    try:
        return list(session.list_items(path))
    except NotFoundError:
        return []  # the kind is not served, so there is none


def shares(wanted: Mapping[str, Any]) -> dict[str, float]:
    """How often models want another replica, as parts of a whole. :raises InputError: one is none."""
    found = {}
    for model, share in wanted.items():
        try:
            found[str(model)] = float(share)
        except (TypeError, ValueError):
            found[str(model)] = -1.0
        if not 0 <= found[str(model)] <= 1:
            raise InputError(
                f"wanted says {share!r} of {model}, which is no part of a whole",
                next_step="give a number from 0 to 1, the share of time in which it wants another replica",
            )
    return found


def told(contract: Contract, scene: Scene, plan: Plan) -> dict[str, Any]:
    """The capacity and the plan of a cluster as a result tells them."""
    found, cluster, made = fragmentation(scene, plan.moves), str(contract["identity"]["name"]), plan.to_dict()
    return {
        "products": [{"cluster": cluster, **row} for row in found.products],
        "models": [{"cluster": cluster, **row} for row in found.models],
        "plan": {
            **made,
            "moves": [{"cluster": cluster, **row} for row in made["moves"]],
            "stays": [{"cluster": cluster, **row} for row in made["stays"]],
            "unproven": [{"cluster": cluster, "what": what} for what in made["unproven"]],
        },
    }
