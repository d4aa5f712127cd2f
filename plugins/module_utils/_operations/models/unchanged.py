# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which models need nothing at all, found with one list for each kind instead of a dry-run for each object.

Where a model's last good revision is exactly what is wanted, the last apply wrote exactly these fields. So whoever
finds each of them as it should be (``compare``), and no other member in the set, need not ask what an apply would do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..._domain.model.unit import Unit, is_scaled
from ..._domain.names import MODELS_NAMESPACE, SYSTEM_NAMESPACE, model_set
from ..._kube.applyset import MANAGED_BY, applyset_id, membership_of, read_membership, set_of
from ..._kube.compare import differences
from ..._kube.discovery import Discovery, Resource, items_of
from ..._kube.objects import Manifest, Ref
from ..._kube.readiness import readiness
from ..._kube.session import FIELD_MANAGER, Session
from ..._vocabulary.applyset_keys import ID_LABEL

_PARENTS = f"/api/v1/namespaces/{SYSTEM_NAMESPACE}/configmaps"
_OURS = {"labelSelector": ",".join(f"{key}={value}" for key, value in MANAGED_BY.items())}


def unchanged(session: Session, discovery: Discovery, units: Mapping[str, Unit]) -> set[str]:
    """The models whose set is there exactly as its unit says, and ready.

    :param units: by model, the unit of its last good revision, which is what is wanted.
    """
    if not units:
        return set()
    places = _places(discovery, (manifest for unit in units.values() for manifest in unit))
    if places is None:
        return set()
    live: dict[Ref, Manifest] = {}
    for found in session.in_parallel(lambda place: _list(session, *place), places):
        live.update(found)
    parents = {one["metadata"]["name"]: one for one in session.list_items(_PARENTS, {"labelSelector": ID_LABEL})}
    members: dict[str, set[Ref]] = {}
    for ref, one in live.items():
        members.setdefault(set_of(one), set()).add(ref)
    return {
        model
        for model, unit in units.items()
        if _as_wanted(unit, live, parents.get(model_set(model)), members.get(_set_id(model), set()))
    }


def _as_wanted(unit: Unit, live: Mapping[Ref, Manifest], parent: Manifest | None, members: set[Ref]) -> bool:
    wanted = {Ref.of(manifest): manifest for manifest in unit}
    if parent is None or members != set(wanted):
        return False
    known, expected = read_membership(parent), membership_of(wanted)
    if known.group_kinds != expected.group_kinds or not expected.namespaces <= {*known.namespaces, SYSTEM_NAMESPACE}:
        return False
    return all(
        readiness(live[ref]).ready and not _drift(manifest, live[ref], scaled=is_scaled(unit))
        for ref, manifest in wanted.items()
    )


def _drift(manifest: Manifest, live: Manifest, *, scaled: bool) -> list[dict[str, Any]]:
    """What differs; how many replicas an autoscaler has made of them is no difference."""
    found = differences(manifest, live, manager=FIELD_MANAGER)
    return [each for each in found if not (scaled and each["field"] == "spec.replicas")]


def _places(discovery: Discovery, manifests: Iterable[Manifest]) -> list[tuple[Resource, str]] | None:
    """Where objects of these kinds live; ``None`` where a kind is not served, which an apply will say better."""
    places: dict[tuple[Resource, str], None] = {}
    for manifest in manifests:
        resource = discovery.find(manifest["apiVersion"], manifest["kind"])
        if resource is None:
            return None
        for namespace in (MODELS_NAMESPACE, SYSTEM_NAMESPACE):
            if manifest["metadata"].get("namespace") == namespace:
                places[resource, namespace] = None
    return list(places)


def _list(session: Session, resource: Resource, namespace: str) -> dict[Ref, Manifest]:
    return {Ref.of(one): one for one in items_of(session, resource, namespace, _OURS)}


def _set_id(model: str) -> str:
    return applyset_id(Ref("ConfigMap", "", SYSTEM_NAMESPACE, model_set(model)))
