# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rights that a contract takes from an identity (``access.dropped_rights``). Nothing here can add one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .contract.typed import Contract, DroppedRight
from .names import SETUP_NAMESPACE, account_user

if TYPE_CHECKING:
    from .identities.needs import Need

Place = tuple[str, str, str]
"""Namespace (empty: the cluster), API group, resource."""

#: As every API server says it; the namespace is missing where the right is cluster-wide.
_REFUSAL = re.compile(
    r'User "([^"]+)" cannot (\w+) resource "([^"]+)" in API group "([^"]*)"(?: in the namespace "([^"]+)")?'
)
_ONBOARDS = "operator"
"""Whose rights a setup grant has."""


def entries_of(contract: Contract) -> list[DroppedRight]:
    """What the contract says of it."""
    return list(contract["access"].get("dropped_rights") or ())


def place_of(entry: DroppedRight) -> Place:
    """Where the rights of an entry are; a resource is written as kubectl does, ``deployments.apps``."""
    resource, _dot, group = str(entry["resource"]).partition(".")
    return str(entry.get("namespace") or ""), group, resource


def resource_text(place: Place) -> str:
    """The resource of a place as an entry has it."""
    return f"{place[2]}.{place[1]}" if place[1] else place[2]


def as_entry(identity: str, place: Place, verbs: Iterable[str]) -> dict[str, Any]:
    """Rights as an entry of a contract."""
    said = {"identity": identity, "resource": resource_text(place), "verbs": list(verbs)}
    return {**said, "namespace": place[0]} if place[0] else said


def by_place(needs: Iterable[Need]) -> dict[Place, tuple[str, ...]]:
    """The verbs at each place, whatever names they are limited to."""
    found: dict[Place, tuple[str, ...]] = {}
    for need in needs:
        for resource in need.resources:
            place = (need.scope, need.group, resource)
            found[place] = tuple(dict.fromkeys((*found.get(place, ()), *need.verbs)))
    return found


def less(needs: Iterable[Need], contract: Contract, identity: str) -> tuple[Need, ...]:
    """These needs of an identity, without what the contract drops."""
    dropped: dict[Place, set[str]] = {}
    for entry in entries_of(contract):
        if entry["identity"] == identity:
            dropped.setdefault(place_of(entry), set()).update(entry["verbs"])
    return tuple(left for need in needs for left in _less(need, dropped))


def refusals_in(text: str) -> Iterator[tuple[str, str, Place]]:
    """Whom an API server refuses which verb where, by its words, whatever is around them."""
    for user, verb, resource, group, namespace in _REFUSAL.findall(text):
        yield user, verb, (namespace, group, resource)


def dropped_by(contract: Contract, refusal: str) -> str:
    """The clause of the contract that takes away the right which an API server says is missing; empty where none does.

    :param refusal: the API server's words, whatever is around them.
    """
    for user, verb, (namespace, group, resource) in refusals_in(refusal):
        for index, entry in enumerate(entries_of(contract)):
            if place_of(entry) == (namespace, group, resource) and verb in entry["verbs"] and _is(user, entry):
                return f"access.dropped_rights[{index}]"
    return ""


def _is(user: str, entry: DroppedRight) -> bool:
    by_grant = user.startswith(account_user("", SETUP_NAMESPACE)) and entry["identity"] == _ONBOARDS
    return by_grant or user == account_user(entry["identity"])


def _less(need: Need, dropped: Mapping[Place, set[str]]) -> list[Need]:
    """What is left of one need: resources that keep the same verbs stay together."""
    kept: dict[tuple[str, ...], list[str]] = {}
    for resource in need.resources:
        gone = dropped.get((need.scope, need.group, resource), set())
        kept.setdefault(tuple(verb for verb in need.verbs if verb not in gone), []).append(resource)
    return [replace(need, resources=tuple(resources), verbs=verbs) for verbs, resources in kept.items() if verbs]
