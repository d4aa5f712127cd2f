# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether each contract keeps to what its customer's credentials are.

A contract is a customer's file. What it names on the machine that runs Ansible is used with that machine's rights, and
a credential that it names goes to the server that it names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from ..contract.errors import Asked, Problem
from ..contract.typed import Contract
from .lines import entry, line, line_for
from .patterns import matches
from .references import Reference, gives_token, references_of
from .root import LookupRoot, Root

Contracts = Mapping[str, Contract]


def outside(
    contracts: Contracts, roots: Mapping[str, Root], *, real: Callable[[str], str], source: str
) -> dict[str, list[Problem]]:
    """The problems of each contract that uses what its customer was not given, by its file.

    :param contracts: valid ones, by their files. :param roots: by customer.
    :param real: gives the absolute path without links. :param source: the name of the file with the option.
    """
    references = {
        path: references_of(contract, base_dir=str(PurePosixPath(path).parent), real=real)
        for path, contract in contracts.items()
    }
    users, claimants = _users(contracts, references, roots), _claimants(roots)
    found = {}
    for path, contract in contracts.items():
        judge = _Judge(path, contract, references[path], claimants(PurePosixPath(path).name), source)
        root = roots.get(contract["identity"]["customer"])
        if problems := list(judge.problems(root, users)):
            found[path] = problems
    return found


def _claimants(roots: Mapping[str, Root]) -> Callable[[str], set[str]]:
    """Whose contract a file may be, by its name. A fleet has hundreds of customers: most are told by a beginning."""
    exact: dict[str, set[str]] = {}
    wide: list[tuple[str, str, str]] = []
    for customer, root in roots.items():
        for pattern in root.contracts:
            exact.setdefault(pattern, set()).add(customer)
            if "*" in pattern:
                wide.append((pattern.partition("*")[0], pattern, customer))

    def of(file: str) -> set[str]:
        found = {customer for begins, pattern, customer in wide if file.startswith(begins) and matches([pattern], file)}
        return found | exact.get(file, set())

    return of


def _users(
    contracts: Contracts, references: Mapping[str, list[Reference]], roots: Mapping[str, Root]
) -> dict[tuple[str, ...], set[str]]:
    """The customers whose contracts refer to each credential. Who may not refer to it takes it from nobody."""
    users: dict[tuple[str, ...], set[str]] = {}
    for path, contract in contracts.items():
        customer = contract["identity"]["customer"]
        for reference in references[path]:
            if customer in roots and _is_allowed(reference, roots[customer]):
                users.setdefault(reference.name, set()).add(customer)
    return users


class _Judge:
    """One contract against its customer's root."""

    def __init__(
        self,
        path: str,
        contract: Contract,
        references: list[Reference],
        claimants: set[str],
        source: str,
    ) -> None:
        self._path, self._contract, self._references, self._claimants = path, contract, references, claimants
        self._file, self._customer = PurePosixPath(path).name, contract["identity"]["customer"]
        self._source = source

    def problems(self, root: Root | None, users: Mapping[tuple[str, ...], set[str]]) -> Iterator[Problem]:
        if root is None:
            what = f"the fleet's owner has not said which credentials the contracts of '{self._customer}' may use"
            yield self._problem("identity.customer", what, entry(self._file, self._contract, self._references))
            return
        if self._customer not in self._claimants:
            what = f"the fleet's owner has not said that this file may be a contract of '{self._customer}'"
            yield self._added("identity.customer", what, line("contracts", [self._file]))
        elif others := sorted(self._claimants - {self._customer}):
            what = f"by its name, this file may be a contract of {' and '.join(others)} too, so whose is not known"
            yield self._problem("identity.customer", f"{what}: make the patterns in {self._source} narrower")
        for reference in self._references:
            if not _is_allowed(reference, root):
                yield self._added(
                    reference.place, f"is not among the credentials of '{self._customer}'", line_for(reference)
                )
        yield from self._endpoint(root)
        shared = [one for one in self._references if one.is_credential and len(users.get(one.name, ())) > 1]
        yield from self._context(root, shared, users)

    def _endpoint(self, root: Root) -> Iterator[Problem]:
        server = self._contract["access"].get("server")
        if gives_token(self._contract) and server not in root.servers:
            what = f"no token of '{self._customer}' may be sent there"
            yield self._added("access.server", what, line("servers", [server]))

    def _context(
        self, root: Root, shared: list[Reference], users: Mapping[tuple[str, ...], set[str]]
    ) -> Iterator[Problem]:
        if gives_token(self._contract):
            for one in shared:
                what = f"{self._too(users[one.name])}, and a token is for one server"
                yield self._problem(one.place, f"{what}: give each customer a token of their own")
            return
        context = self._contract["access"].get("context")
        if root.contexts is None:
            for one in shared:
                what = f"{self._too(users[one.name])}, so each of these customers needs contexts of their own"
                yield self._added(one.place, what, line("contexts", [context or "<a pattern of theirs>"]))
        elif context is None:
            what = f"is missing: it is one of those of '{self._customer}' ({', '.join(root.contexts)})"
            yield Problem(self._path, "access.context", None, what)
        elif not matches(root.contexts, context):
            yield self._added(
                "access.context", f"is not among the contexts of '{self._customer}'", line("contexts", [context])
            )

    def _too(self, customers: set[str]) -> str:
        others = sorted(customers - {self._customer})
        few = [*others[:3], *([f"{len(others) - 3} more"] if len(others) > 3 else [])]
        return f"contracts of {' and '.join(few)} refer to it too"

    def _added(self, place: str, what: str, added: str) -> Problem:
        return self._problem(place, what, f"credential_roots: {{{self._customer}: {{{added}}}}}")

    def _problem(self, place: str, what: str, added: str = "") -> Problem:
        advice = f". If intended, add to {self._source}:\n{_indented(added)}" if added else ""
        return Problem(self._path, place, None, what + advice, Asked.PERMISSION)


def _indented(text: str) -> str:
    return "\n".join(f"      {each}" for each in text.splitlines())


def _is_allowed(reference: Reference, root: Root) -> bool:
    if reference.key == "directories":
        return any(PurePosixPath(directory) in PurePosixPath(reference.value).parents for directory in root.directories)
    if reference.key == "environment":
        return matches(root.environment, reference.value)
    return any(_is_allowed_lookup(reference.value, one) for one in root.lookups)


def _is_allowed_lookup(lookup: Mapping[str, Any], one: LookupRoot) -> bool:
    return (
        lookup["plugin"] == one.plugin
        and all(matches(one.terms, term) for term in lookup["terms"])
        and all(matches(one.options.get(name, ()), _written(value)) for name, value in lookup["options"].items())
    )


def _written(value: Any) -> str:
    """An option's value as YAML has it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
