# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Are these manifests a set that can be applied at all? Checked before the API server is asked anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .._vocabulary.listing import few
from .discovery import Discovery, Resource
from .errors import KubeError
from .manifest_yaml import documents, json_value
from .objects import DEFINITION, Manifest, Ref, as_stored


class ManifestError(KubeError):
    """Manifests that cannot be a set; the message lists every problem."""

    code = "invalid_manifest"


@dataclass(frozen=True)
class Member:
    """One manifest of the set, with the resource it is one of.

    :param served: false for a custom resource whose definition comes with this very set.
    """

    ref: Ref
    manifest: Manifest
    resource: Resource
    served: bool = True


def parse_definition(definition: Any, *, where: str = "") -> list[Any]:
    """Manifests from what a user may give: nothing, one mapping, a list, or a text with many documents.

    A list of Kubernetes' (``List``, ``RoleList``) counts as its items.

    :param where: the file that it is from.
    :raises ManifestError: a text that kubectl could not read either, or a list that is none.
    """
    try:
        return [one for document in _given(definition) for one in _items_of(document)]
    except ValueError as error:
        next_step = "correct it there; a value that is meant as text may need quotes"
        raise ManifestError(f"the manifests cannot be read: {error}", where=where, next_step=next_step) from None


def _given(definition: Any) -> list[Any]:
    if isinstance(definition, str):
        return documents(definition)
    many = definition if isinstance(definition, list) else [definition]
    return [json_value(document, f"manifest {at}") for at, document in enumerate(many, 1) if document]


def _items_of(document: Any) -> list[Any]:
    """A manifest as it is, or the items of what has any. Of a typed list they may leave out what they are."""
    if not isinstance(document, Mapping) or "items" not in document:
        return [document]
    kind, items = str(document.get("kind")), document["items"] or []
    if not isinstance(items, list) or not all(isinstance(item, Mapping) and "items" not in item for item in items):
        raise ValueError(f"the items of {kind} are no list of manifests, of which none is a list itself")
    known = {"apiVersion": document.get("apiVersion"), "kind": kind.removesuffix("List")}
    return [item if item.get("kind") or item.get("apiVersion") else {**known, **item} for item in items]


def to_members(manifests: Iterable[object], discovery: Discovery, *, where: str) -> list[Member]:
    """Each manifest with its resource.

    :raises ManifestError: what is no manifest, has no name, is there twice, lacks its namespace, or is of a kind
        that the cluster does not serve.
    """
    problems: list[str] = []
    usable: list[Manifest] = []
    for number, manifest in enumerate(manifests, start=1):
        problem = _problem_of(manifest)
        if problem:
            problems.append(f"manifest {number}: {problem}")
        else:
            usable.append(manifest)  # type: ignore[arg-type]
    coming = {key: res for m in usable if Ref.of(m).group_kind == DEFINITION for key, res in _defined_by(m)}
    members: dict[Ref, Member] = {}
    for manifest in usable:
        ref = Ref.of(manifest)
        key = (manifest["apiVersion"], manifest["kind"])
        served = discovery.find(*key)
        resource = served or coming.get(key)
        if resource and not resource.namespaced:
            ref = replace(ref, namespace="")
        if resource is None:
            problems.append(f"{ref}: the cluster does not serve {key[1]} of {key[0]}")
        elif resource.namespaced and not ref.namespace:
            problems.append(f"{ref}: has no metadata.namespace")
        elif ref in members:
            problems.append(f"{ref}: is in the set twice")
        else:
            members[ref] = Member(ref, as_stored(manifest), resource, served is not None)
    if problems:
        raise ManifestError(
            "the set cannot be applied, nothing was written: " + few(problems),
            where=where,
            next_step="correct the manifests named above, or install what defines the missing kinds",
        )
    return list(members.values())


def _problem_of(manifest: object) -> str:
    if not isinstance(manifest, Mapping):
        return f"is not a mapping but {type(manifest).__name__}"
    for key in ("apiVersion", "kind"):
        if not isinstance(manifest.get(key), str) or not manifest[key]:
            return f"has no {key}"
    metadata = manifest.get("metadata")
    if not isinstance(metadata, Mapping) or not isinstance(metadata.get("name"), str) or not metadata["name"]:
        return f"{manifest['kind']} has no metadata.name"
    if not isinstance(metadata.get("namespace") or "", str):
        return f"{manifest['kind']} {metadata['name']} has a metadata.namespace that is not text"
    return ""


def _defined_by(definition: Mapping[str, Any]) -> Iterable[tuple[tuple[str, str], Resource]]:
    spec = definition.get("spec") or {}
    names = spec.get("names") or {}
    for version in spec.get("versions") or []:
        resource = Resource(
            group=spec.get("group", ""),
            version=version.get("name", ""),
            kind=names.get("kind", ""),
            plural=names.get("plural", ""),
            namespaced=spec.get("scope") == "Namespaced",
            verbs=("delete", "get", "list", "patch", "watch"),
            preferred=bool(version.get("storage")),
        )
        yield (resource.api_version, resource.kind), resource


def role_of(member: Member) -> Ref | None:
    """The role that a binding binds; ``None`` of everything else."""
    if member.ref.kind not in ("RoleBinding", "ClusterRoleBinding"):
        return None
    role = member.manifest.get("roleRef") or {}
    namespace = member.ref.namespace if role.get("kind") == "Role" else ""
    return Ref(str(role.get("kind")), member.ref.group, namespace, str(role.get("name")))
