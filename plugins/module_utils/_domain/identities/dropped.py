# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rights that a contract takes from an identity (``access.dropped_rights``). Nothing here can add one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .needs import Need

Place = tuple[str, str, str]
"""Namespace (empty: the cluster), API group, resource."""


def entries_of(contract: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What the contract says of it."""
    return list((contract.get("access") or {}).get("dropped_rights") or ())


def place_of(entry: Mapping[str, Any]) -> Place:
    """Where the rights of an entry are; a resource is written as kubectl does, ``deployments.apps``."""
    resource, _dot, group = str(entry["resource"]).partition(".")
    return str(entry.get("namespace") or ""), group, resource


def as_entry(identity: str, place: Place, verbs: Iterable[str]) -> dict[str, Any]:
    """Rights as an entry of a contract."""
    namespace, group, resource = place
    said = {"identity": identity, "resource": f"{resource}.{group}" if group else resource, "verbs": list(verbs)}
    return {**said, "namespace": namespace} if namespace else said


def less(needs: Iterable[Need], contract: Mapping[str, Any], identity: str) -> tuple[Need, ...]:
    """These needs of an identity, without what the contract drops."""
    dropped: dict[Place, set[str]] = {}
    for entry in entries_of(contract):
        if entry["identity"] == identity:
            dropped.setdefault(place_of(entry), set()).update(entry["verbs"])
    return tuple(left for need in needs for left in _less(need, dropped))


def _less(need: Need, dropped: Mapping[Place, set[str]]) -> list[Need]:
    """What is left of one need: resources that keep the same verbs stay together."""
    kept: dict[tuple[str, ...], list[str]] = {}
    for resource in need.resources:
        gone = dropped.get((need.scope, need.group, resource), set())
        kept.setdefault(tuple(verb for verb in need.verbs if verb not in gone), []).append(resource)
    return [replace(need, resources=tuple(resources), verbs=verbs) for verbs, resources in kept.items() if verbs]
