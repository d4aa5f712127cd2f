# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What else lives in a namespace that a set owns: it would be deleted with the namespace, so the set refuses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._vocabulary.applyset_keys import PART_OF_LABEL
from .applyset import MANAGED_BY
from .discovery import Discovery, Resource, metadata_of
from .objects import Ref
from .session import Session

#: What Kubernetes and OpenShift put into every namespace by themselves.
_FURNITURE = frozenset(
    {("ConfigMap", "kube-root-ca.crt"), ("ConfigMap", "openshift-service-ca.crt"), ("ServiceAccount", "default"),
     ("ServiceAccount", "builder"), ("ServiceAccount", "deployer")}
)  # fmt: skip
_DERIVED_KINDS = frozenset({"Event", "Endpoints", "EndpointSlice", "PodMetrics", "ControllerRevision"})


def foreign_occupants(session: Session, discovery: Discovery, namespace: str) -> list[Ref]:
    """The objects in a namespace that are neither ours, nor made by a controller, nor part of every namespace."""

    def look(resource: Resource) -> list[Ref]:
        found = metadata_of(session, resource, namespace)
        return [
            Ref(resource.kind, resource.group, namespace, one["metadata"]["name"])
            for one in found
            if not _expected(resource.kind, one["metadata"])
        ]

    kinds = [r for r in discovery.listable() if r.namespaced and "delete" in r.verbs and r.kind not in _DERIVED_KINDS]
    return sorted(ref for refs in session.in_parallel(look, kinds) for ref in refs)


def _expected(kind: str, metadata: Mapping[str, Any]) -> bool:
    labels = metadata.get("labels") or {}
    ours = PART_OF_LABEL in labels or MANAGED_BY.items() <= labels.items()
    made_by_controller = bool(metadata.get("ownerReferences"))
    by_system = kind in ("RoleBinding", "Role") and str(metadata.get("name", "")).startswith("system:")
    return ours or made_by_controller or by_system or (kind, metadata.get("name")) in _FURNITURE
