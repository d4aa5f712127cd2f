# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which clause of the contract lets an identity make a call, and which of its rights it never used."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping

from ..contract.typed import Contract
from ..dropped_rights import Place, as_entry, by_place, resource_text
from ..identities.customers import granted_by_customer
from ..identities.dropped_rules import playbooks_text
from ..identities.needs import CONNECTING, LEASE_GROUP, Identity, Need, granted, identities_of, on_grant
from ..identities.permissions import onboarding_needs
from ..identities.uses import needed_by
from ..names import LOCK, RECORDS, SETUP_NAMESPACE, account_user
from ..presetup_version import NEWEST
from .reading import Call, Right

SETUP = "setup grant"
"""Stands for the account of any setup grant."""

#: A resource has no slash in front.
_DISCOVERY = ("/api", "/openapi", "/version", "/healthz", "/livez", "/readyz", "/.well-known/", "/openid/")
#: Which cluster it is, before anything else.
_FIRST_READ: Right = ("", "", "namespaces", "get")

#: What the contract says of a kind by itself; of all others the clause is that of the operation.
_CLAUSES = {
    "nodes": "actions",
    "pods": "actions",
    "pods/eviction": "actions.drain",
    "serviceaccounts/token": "access.token_lifetime",
    "httproutes": "networking.gateway",
    "routes": "networking.domain",
    "horizontalpodautoscalers": "scaling",
    "scaledobjects": "scaling",
    "leaderworkersets": "capacity.gpus",
}


class Rights:
    """What each identity of a contract may do, as its roles are compiled."""

    def __init__(self, contract: Contract) -> None:
        applying = identities_of(contract)
        self._needs = {account_user(each.name, each.home): granted(contract, each) for each in applying}
        self._may = {account_user(each.name, each.home): _ever(contract, each) for each in applying}
        self._names = {account_user(each.name, each.home): each.name for each in applying}
        self._setup = onboarding_needs(contract)

    def identity(self, user: str) -> str:
        """The identity that a user is; empty for one that the contract does not have."""
        return SETUP if _is_setup(user) else self._names.get(user, "")

    def allow(self, call: Call) -> bool:
        """Whether a role of the contract has the right that the call took."""
        if _is_everybodys(call) or _is_its_own(call):
            return True
        needs = self._setup if _is_setup(call.user) else self._may.get(call.user, ())
        return any(_covers(need, call) for need in needs)

    def unused(self, used: Mapping[str, Collection[Right]]) -> Iterator[dict[str, str]]:
        """A row for each place where an identity that connects has rights that it never used.

        Every run begins with a read. Of an identity without one nothing is known: it was not there, or the log leaves
        reads out.
        """
        for user, needs in self._needs.items():
            if self._names[user] not in CONNECTING:
                continue
            if _FIRST_READ not in used.get(user, ()):
                yield _unused(self._names[user], "not known: this log has no read of it")
                continue
            for place, verbs in by_place(needs).items():
                if never := [verb for verb in verbs if (*place, verb) not in used[user]]:
                    yield _never(self._names[user], place, never, _names_at(place, needs))


def clause_of(call: Call, operation: str) -> str:
    """The clause that allows it.

    :param operation: the clause of its operation, as recorded.
    """
    return _CLAUSES.get(call.resource, operation)


def keeps_apart(call: Call) -> bool:
    """Whether it takes or releases the operation lock: a run that then has nothing to do leaves no record."""
    return (call.group, call.resource, call.name) == (LEASE_GROUP, "leases", LOCK)


def keeps_records(call: Call) -> bool:
    """Whether it writes the head of the records, which comes after the record. Nobody of ours deletes it."""
    return call.verb != "delete" and (call.group, call.resource, call.name) == ("", "configmaps", RECORDS)


def connects(call: Call) -> bool:
    """Whether it asks something behind the API server, which writes no object."""
    return call.subresource == "proxy"


def gives_itself_up(call: Call) -> bool:
    """Whether a setup grant ends itself, the last thing of an onboarding."""
    return call.verb == "delete" and _is_its_own(call)


def _is_its_own(call: Call) -> bool:
    """Whether a setup grant reads or ends its own account."""
    named = account_user(call.name, SETUP_NAMESPACE) == call.user and call.namespace == SETUP_NAMESPACE
    return named and call.verb in ("get", "delete") and (call.group, call.resource) == ("", "serviceaccounts")


def _is_everybodys(call: Call) -> bool:
    """Whether it reads what any client may: what the API server is and serves, and what the client itself may do
    (system:discovery, system:basic-user)."""
    if call.group in ("authentication.k8s.io", "authorization.k8s.io"):
        return call.resource.startswith("selfsubject")
    return call.verb in ("get", "head") and call.resource.startswith(_DISCOVERY)


def _ever(contract: Contract, identity: Identity) -> tuple[Need, ...]:
    """What an identity has by prerequisites of any version, by the customer's own grants, or for a while."""
    versions = (granted(contract, identity, version) for version in range(1, NEWEST + 1))
    found = (*(need for needs in versions for need in needs), *on_grant(contract, identity))
    return tuple(dict.fromkeys((*found, *granted_by_customer(contract, identity))))


def _is_setup(user: str) -> bool:
    return user.startswith(account_user("", SETUP_NAMESPACE))


def _covers(need: Need, call: Call) -> bool:
    named = not need.names or call.name in need.names
    asked = (call.namespace, call.group) == (need.scope, need.group) and call.resource in need.resources
    return asked and named and call.verb in need.verbs


def _never(identity: str, place: Place, verbs: list[str], names: str) -> dict[str, str]:
    spare = [verb for verb in verbs if not needed_by(identity, place, verb)]
    return {
        **_unused(identity, f"{', '.join(verbs)} {resource_text(place)}"),
        "only": names,
        "where": place[0] or "the cluster",
        "needed_by": playbooks_text(identity, place, verbs),
        "drop": json.dumps(as_entry(identity, place, spare)) if spare else "",
    }


def _unused(identity: str, right: str) -> dict[str, str]:
    return {"identity": identity, "right": right, "only": "", "where": "", "needed_by": "", "drop": ""}


def _names_at(place: Place, needs: Collection[Need]) -> str:
    """The names that all rights at a place are limited to; none where one of them is not."""
    there = [need.names for need in needs if (need.scope, need.group) == place[:2] and place[2] in need.resources]
    return ", ".join(dict.fromkeys(name for names in there for name in names)) if all(there) else ""
