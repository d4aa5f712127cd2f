# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which rights a contract may drop: those that an identity has, and that its playbooks can do without."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..contract.errors import shown
from ..contract.names import did_you_mean
from .dropped import Place, entries_of, place_of
from .needs import ALWAYS, CONNECTING, IDENTITIES, Identity, Need, held
from .playbooks import PLAYBOOKS

Data = Mapping[str, Any]
Found = Iterator[tuple[tuple[Any, ...], str]]
_SHOWN = 12


def dropped_rights_are_there(contract: Data) -> Found:
    """Each right that is dropped is one that the identity has by this contract, and its playbooks can do without it."""
    for index, entry in enumerate(entries_of(contract)):
        for key, message in _doubts(contract, entry):
            yield ("access", "dropped_rights", index, key), message


def needed_always(place: Place, verb: str) -> bool:
    """Whether every playbook of an identity that has this right uses it, sooner or later."""
    return verb in _by_place(ALWAYS).get(place, ())


def _doubts(contract: Data, entry: Data) -> Iterator[tuple[str, str]]:
    name, place = str(entry["identity"]), place_of(entry)
    if name not in CONNECTING:
        yield "identity", f"there is no identity {shown(name)} that connects: {did_you_mean(name, CONNECTING)}"
        return
    [identity] = [each for each in IDENTITIES if each.name == name]
    has = _by_place(held(contract, identity)) if identity.applies(contract) else {}
    if place not in has:
        yield "resource", _unknown(name, place, has)
        return
    absent = [verb for verb in entry["verbs"] if verb not in has[place]]
    if absent:
        there = ", ".join(has[place])
        yield "verbs", f"{name} may not {', '.join(absent)} {_said(place)}, so nothing can be dropped: it has {there}"
    elif musts := [verb for verb in entry["verbs"] if needed_always(place, verb)]:
        yield "verbs", f"{', '.join(musts)} {_said(place)} is needed by {_playbooks(identity)}: leave it out"


def _unknown(name: str, place: Place, has: Mapping[Place, Iterable[str]]) -> str:
    there = [_resource(each) for each in has if each[0] == place[0]]
    told = ", ".join(there[:_SHOWN]) + (f" and {len(there) - _SHOWN} more" if len(there) > _SHOWN else "")
    return (
        f"{name} has no right to {_said(place)}, so nothing can be dropped: there it has rights to {told or 'nothing'}"
    )


def _by_place(needs: Iterable[Need]) -> dict[Place, tuple[str, ...]]:
    found: dict[Place, tuple[str, ...]] = {}
    for need in needs:
        for resource in need.resources:
            place = (need.scope, need.group, resource)
            found[place] = tuple(dict.fromkeys((*found.get(place, ()), *need.verbs)))
    return found


def _playbooks(identity: Identity) -> str:
    return ", ".join(playbook for playbook, who in PLAYBOOKS.items() if who == identity.name) or "what it is for"


def _said(place: Place) -> str:
    return f"{_resource(place)} in {place[0] or 'the cluster'}"


def _resource(place: Place) -> str:
    return f"{place[2]}.{place[1]}" if place[1] else place[2]


DROPPED_RULES = (dropped_rights_are_there,)
