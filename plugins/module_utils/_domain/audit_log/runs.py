# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The runs that records tell of, and whether a call can be one of theirs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from ..._vocabulary.actions import DELETED, EVICTED, RECREATED, UPDATED
from ..._vocabulary.times import rfc3339
from ..identities.needs import OPERATOR
from ..identities.playbooks import ADMINISTRATOR, PLAYBOOKS
from .reading import Call, Place, moment
from .rights import SETUP, gives_itself_up, keeps_records

Record = Mapping[str, Any]

SLACK = timedelta(seconds=60)
"""A record begins by the API server's clock and ends by the controller's."""
_LATER = timedelta(seconds=300)
"""What comes after the record: the head of the records, and the end of a setup grant."""
_CLOCKS_DIFFER = timedelta(seconds=5)
_REMOVING = ("delete", "deletecollection")


class Run:
    """One recorded operation."""

    def __init__(self, record: Record) -> None:
        self.id, self.operation = str(record["run"]), str(record["operation"])
        self.clause, self.contract = str(record["clause"]), str(record["contract"])
        self.started, self.ended = moment(record["started"]), moment(record["ended"])
        self.actions = {place: str(each["action"]) for each in record["objects"] for place in places(each["object"])}
        self.objects = [str(each["object"]) for each in record["objects"]]

    def identities(self) -> tuple[str, ...]:
        """Who may do this operation, the one whose playbook it is first."""
        own = PLAYBOOKS.get(self.operation, OPERATOR)
        return () if own == ADMINISTRATOR else tuple(dict.fromkeys((own, OPERATOR, SETUP)))

    def doubt(self, call: Call, identity: str) -> str:
        """Why the call is none of this run's, whatever it is about; empty where it can be."""
        if identity not in self.identities():
            who = self.identities()[0] if self.identities() else "the customer's administrator"
            return f"run {self.id} is {who}'s, by its record ({self.operation})"
        slack = _LATER if _comes_after(call) else SLACK
        if not self.started - SLACK <= call.at <= self.ended + slack:
            return f"run {self.id} was from {rfc3339(self.started)} to {rfc3339(self.ended)}, by its record"
        return ""

    def other_object(self, call: Call, about: Iterable[Call]) -> str:
        """What the record says against it; empty where it is about an object that the run wrote, and did that.

        :param about: the calls of this run about the same object.
        """
        if _comes_after(call):
            return ""
        action = self.actions.get(call.place)
        if action is None:
            return f"the record of run {self.id} does not have this object"
        removed = call.verb in _REMOVING and not call.subresource
        # Before there was a word for it, what was deleted and made again was recorded as updated.
        made_again = action in (RECREATED, UPDATED) and any(_made_after(call, each) for each in about)
        evicted = call.subresource == "eviction"
        if (removed and action != DELETED and not made_again) or (evicted and action not in (EVICTED, DELETED)):
            return f"by the record of run {self.id} this object was {action}"
        return ""


def _comes_after(call: Call) -> bool:
    return keeps_records(call) or gives_itself_up(call)


def _made_after(deletion: Call, call: Call) -> bool:
    """Whether a call made the object again. Two API servers may differ in what time it is."""
    return call.code == 201 and call.at > deletion.at - _CLOCKS_DIFFER


def runs_of(records: Iterable[Record]) -> dict[str, list[Run]]:
    """The recorded operations by the id of their run; AWX may give several to one."""
    found: dict[str, list[Run]] = {}
    for record in records:
        found.setdefault(str(record["run"]), []).append(Run(record))
    return found


def the_only_identity(calls: Iterable[tuple[str, Call]], runs: Sequence[Run]) -> str:
    """The one identity that a run used, for it has one credential for a cluster: the one that kept its record.

    :param calls: of the run, each with the identity that made it.
    """
    allowed = {each for run in runs for each in run.identities()}
    made = list(calls)
    for those in ([who for who, call in made if who in allowed and keeps_records(call)],
                  [who for who, _call in made if who in allowed], [who for who, _call in made]):  # fmt: skip
        if those:
            return max(those, key=those.count)
    return ""


def places(called: str) -> tuple[Place, ...]:
    """An object as records call it, as an audit log would: a kind that was not known is its plural already."""
    kind, _space, rest = called.partition(" ")
    namespace, _slash, name = rest.rpartition("/")
    return tuple((resource, namespace, name) for resource in (_plural(kind.lower()), kind.lower()))


def _plural(kind: str) -> str:
    if kind.endswith("y") and kind[-2] not in "aeiou":
        return f"{kind[:-1]}ies"
    return f"{kind}es" if kind.endswith(("s", "x", "ch")) else f"{kind}s"
