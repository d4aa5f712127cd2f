# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ApplySets: how a set of objects remembers its members, so that kubectl understands it too.

Specification: KEP-3659, https://github.com/kubernetes/enhancements/tree/master/keps/sig-cli/3659-kubectl-apply-prune
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .._vocabulary.applyset_keys import (
    GROUP_KINDS_ANNOTATION,
    ID_LABEL,
    NAMESPACES_ANNOTATION,
    PART_OF_LABEL,
    TOOL,
    TOOLING_ANNOTATION,
)
from .objects import Manifest, Ref

TOOLING = f"{TOOL}/v1"
MANAGED_BY = {"app.kubernetes.io/managed-by": "fireworks-byoc"}


def parent_path(parent: Ref) -> str:
    """Where the API server has a set's parent."""
    return f"/api/v1/namespaces/{parent.namespace}/configmaps/{parent.name}"


def applyset_id(parent: Ref) -> str:
    """The set's ID: a hash of its parent's name, namespace, kind and group, in exactly the KEP's form."""
    unique = f"{parent.name}.{parent.namespace}.{parent.kind}.{parent.group}"
    digest = base64.urlsafe_b64encode(hashlib.sha256(unique.encode()).digest()).decode().rstrip("=")
    return f"applyset-{digest}-v1"


@dataclass(frozen=True)
class Membership:
    """Where a set's members may be found: its kinds (``Deployment.apps``) and the namespaces beside its parent's."""

    group_kinds: frozenset[str]
    namespaces: frozenset[str]

    def union(self, other: Membership) -> Membership:
        return Membership(self.group_kinds | other.group_kinds, self.namespaces | other.namespaces)


def membership_of(refs: Iterable[Ref]) -> Membership:
    refs = list(refs)
    return Membership(frozenset(r.group_kind for r in refs), frozenset(r.namespace for r in refs if r.namespace))


def read_membership(parent: Mapping[str, Any] | None) -> Membership:
    """What the parent's annotations say; empty when there is no parent."""
    annotations = ((parent or {}).get("metadata") or {}).get("annotations") or {}
    return Membership(_split(annotations.get(GROUP_KINDS_ANNOTATION)), _split(annotations.get(NAMESPACES_ANNOTATION)))


def parent_manifest(parent: Ref, membership: Membership, annotations: Mapping[str, str]) -> Manifest:
    """The set's parent, a ConfigMap.

    :param annotations: what the caller wants to remember with the set, for instance its release.
    """
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": parent.name,
            "namespace": parent.namespace,
            "labels": {ID_LABEL: applyset_id(parent), **MANAGED_BY},
            "annotations": {
                **annotations,
                TOOLING_ANNOTATION: TOOLING,
                GROUP_KINDS_ANNOTATION: ",".join(sorted(membership.group_kinds)),
                NAMESPACES_ANNOTATION: ",".join(sorted(membership.namespaces - {parent.namespace})),
            },
        },
    }


def foreign_tooling(parent: Mapping[str, Any] | None) -> str | None:
    """The other tool that owns this parent, if any: the specification forbids us to touch its set."""
    metadata = (parent or {}).get("metadata") or {}
    tooling = (metadata.get("annotations") or {}).get(TOOLING_ANNOTATION)
    if not parent or (tooling and tooling.startswith(TOOL + "/")):
        return None
    return tooling or "somebody who made a ConfigMap of that name"


def set_of(live: Mapping[str, Any]) -> str:
    """The id of the set that a live object is a member of; empty if it is of none.

    What a controller makes for a member is none, whatever labels it has: LeaderWorkerSet's StatefulSets and KEDA's HPAs
    have all those of what they are made for, and go with it.
    """
    metadata = live["metadata"]
    if any(owner.get("controller") for owner in metadata.get("ownerReferences") or ()):
        return ""
    return str((metadata.get("labels") or {}).get(PART_OF_LABEL, ""))


def as_member(manifest: Mapping[str, Any], set_id: str) -> Manifest:
    """The manifest with the labels that make it a member of the set, and ours."""
    metadata = dict(manifest.get("metadata") or {})
    metadata["labels"] = {**MANAGED_BY, **(metadata.get("labels") or {}), PART_OF_LABEL: set_id}
    return {**manifest, "metadata": metadata}


def _split(text: str | None) -> frozenset[str]:
    return frozenset(part for part in (text or "").split(",") if part)
