# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the operations on models read of a cluster, each once: recorded revisions, and where there is room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..._domain.model.revision import Revision, by_model
from ..._domain.model.room import Room, room_of
from ..._domain.names import MODELS_NAMESPACE, NAMESPACES, REVISION_OF_LABEL
from ..._domain.views import node_view, pod_view
from ..._kube.errors import ForbiddenError, NotFoundError
from ..._kube.session import Session

REVISIONS = f"/apis/apps/v1/namespaces/{MODELS_NAMESPACE}/controllerrevisions"
_CORE = f"/api/v1/namespaces/{MODELS_NAMESPACE}"
_HOLDING_PODS = {"fieldSelector": "status.phase!=Succeeded,status.phase!=Failed"}


def read_revisions(session: Session, model: str = "") -> dict[str, list[Revision]]:
    """The revisions of all models, or of one, oldest first."""
    selector = f"{REVISION_OF_LABEL}={model}" if model else REVISION_OF_LABEL
    return by_model(session.list_items(REVISIONS, {"labelSelector": selector}))


def missing_namespaces(session: Session) -> list[dict[str, Any]]:
    """Our namespaces that are not there yet, as manifests: so that check mode can preview what goes into them."""
    missing = []
    for name in NAMESPACES:
        try:
            session.get(f"/api/v1/namespaces/{name}")
        except NotFoundError:
            missing.append({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    return missing


@dataclass(frozen=True)
class Surroundings:
    """The nodes, the pods that hold something on them, and the quotas of the models' namespace, at one moment."""

    nodes: Sequence[Mapping[str, Any]]
    pods: Sequence[Mapping[str, Any]]
    quotas: Sequence[Mapping[str, Any]]
    whole: bool

    @classmethod
    def read(cls, session: Session) -> Surroundings:
        """Pods of all namespaces where the identity may see them, otherwise those of the models."""
        whole = True
        try:
            pods = [pod_view(pod) for pod in session.list_items("/api/v1/pods", _HOLDING_PODS)]
        except ForbiddenError:
            whole = False
            pods = [pod_view(pod) for pod in session.list_items(f"{_CORE}/pods", _HOLDING_PODS)]
        nodes = [node_view(node) for node in session.list_items("/api/v1/nodes")]
        return cls(nodes, pods, list(session.list_items(f"{_CORE}/resourcequotas")), whole)

    def room(self, model: str, product: str, priority: str) -> Room:
        """The room for the replicas of one model, whose pods have this priority class."""
        return room_of(
            model,
            product,
            [dict(node) for node in self.nodes],
            [dict(pod) for pod in self.pods],
            self.quotas,
            whole=self.whole,
            priority=priority,
        )
