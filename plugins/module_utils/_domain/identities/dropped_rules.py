# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which rights a contract may drop: those that an identity has, and that some of its playbooks can do without.

A customer may want to do without a playbook: what only some of them need is dropped, and told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..contract.errors import shown
from ..contract.names import did_you_mean
from ..contract.typed import Contract, DroppedRight
from ..dropped_rights import Place, by_place, entries_of, place_of, resource_text
from .needs import CONNECTING, IDENTITIES, held
from .playbooks import PLAYBOOKS
from .uses import ONLY_FOR, needed_always, needed_by

Data = Mapping[str, Any]
Found = Iterator[tuple[tuple[Any, ...], str]]
_SHOWN = 12


def dropped_rights_are_there(contract: Contract) -> Found:
    """Each right that is dropped is one that the identity has by this contract, and not all its playbooks need it."""
    for index, entry in enumerate(entries_of(contract)):
        for key, message in _doubts(contract, entry):
            yield ("access", "dropped_rights", index, key), message


def needed_and_dropped(contracts: Iterable[Contract]) -> list[dict[str, str]]:
    """A row for each right that a contract drops and that playbooks need: which of them stop working."""
    return [row for contract in contracts for entry in entries_of(contract) for row in _stopped(contract, entry)]


def playbooks_text(identity: str, place: Place, verbs: Iterable[str]) -> str:
    """The playbooks that use any of these rights, and for what, where that is nothing that every cluster has."""
    using = {playbook for verb in verbs for playbook in needed_by(identity, place, verb)}
    playbooks = [playbook for playbook in PLAYBOOKS if playbook in using]
    only = ONLY_FOR.get(resource_text(place))
    return ", ".join(playbooks) + (f" (for {only})" if only and playbooks else "")


def _stopped(contract: Contract, entry: DroppedRight) -> Iterator[dict[str, str]]:
    identity, place = str(entry["identity"]), place_of(entry)
    verbs = [verb for verb in entry["verbs"] if needed_by(identity, place, verb)]
    if verbs:
        yield {
            "cluster": str(contract["identity"]["name"]),
            "identity": identity,
            "right": f"{', '.join(verbs)} {resource_text(place)}",
            "where": place[0] or "the cluster",
            "stops": playbooks_text(identity, place, verbs),
        }


def _doubts(contract: Contract, entry: DroppedRight) -> Iterator[tuple[str, str]]:
    name, place = str(entry["identity"]), place_of(entry)
    if name not in CONNECTING:
        yield "identity", f"there is no identity {shown(name)} that connects: {did_you_mean(name, CONNECTING)}"
        return
    [identity] = [each for each in IDENTITIES if each.name == name]
    has = by_place(held(contract, identity)) if identity.applies(contract) else {}
    if place not in has:
        yield "resource", _unknown(name, place, has)
        return
    absent = [verb for verb in entry["verbs"] if verb not in has[place]]
    if absent:
        there = ", ".join(has[place])
        yield "verbs", f"{name} may not {', '.join(absent)} {_said(place)}, so nothing can be dropped: it has {there}"
    elif musts := [verb for verb in entry["verbs"] if needed_always(place, verb)]:
        needing = playbooks_text(name, place, musts) or "whatever connects as it"
        yield "verbs", f"{', '.join(musts)} {_said(place)} is needed by {needing}: leave it out"


def _unknown(name: str, place: Place, has: Mapping[Place, Iterable[str]]) -> str:
    there = [resource_text(each) for each in has if each[0] == place[0]]
    told = ", ".join(there[:_SHOWN]) + (f" and {len(there) - _SHOWN} more" if len(there) > _SHOWN else "")
    return (
        f"{name} has no right to {_said(place)}, so nothing can be dropped: there it has rights to {told or 'nothing'}"
    )


def _said(place: Place) -> str:
    return f"{resource_text(place)} in {place[0] or 'the cluster'}"


DROPPED_RULES = (dropped_rights_are_there,)
