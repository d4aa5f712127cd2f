# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The oracle: whether a write must be refused, must be allowed, or is neither, and by which clause.

It knows the contract, the documentation, and what the product renders. It was written without a look at what compiles
contracts into policies, and must stay so: what both had from one source, neither could show to be wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from ..edits import ABSENT, Path, changed, general, leaves, spelled
from . import changes
from .kinds import POD_SPECS, ROWS, WHOLE
from .pods import clause_of
from .rows import FORBIDDEN, FREE, NEEDED, UNLISTED, Asked, Finding, Row, matches, unset

_BY_CHANGE = {"Node": changes.node, "TokenRequest": changes.token}
_SERVERS = (
    ("apiVersion",),
    ("kind",),
    ("metadata", "namespace"),
    ("metadata", "creationTimestamp"),
    ("metadata", "generation"),
    ("metadata", "managedFields"),
    ("metadata", "resourceVersion"),
    ("metadata", "uid"),
    ("status",),
)


@dataclass(frozen=True)
class Verdict:
    """What must become of a write; of one that is forbidden, everything that it breaks."""

    standing: str
    findings: tuple[Finding, ...] = ()

    @property
    def clauses(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(finding.clause for finding in self.findings))

    def __str__(self) -> str:
        said = "; ".join(f"{each.clause} at {spelled(each.path)}: {each.why}" for each in self.findings[:3])
        return f"{self.standing}{f' ({said})' if said else ''}"


def judge(asked: Asked) -> Verdict:
    """What must become of a write."""
    found = tuple(_findings(asked))
    if found:
        return Verdict(FORBIDDEN, found)
    return Verdict(NEEDED if _needed(asked) else FREE)


def _findings(asked: Asked) -> Iterator[Finding]:
    if asked.verb == "delete":
        yield from changes.deletion(asked)
    elif asked.kind in _BY_CHANGE:
        yield from _BY_CHANGE[asked.kind](asked)
    elif asked.kind == "Pod" and asked.verb == "patch":
        yield from changes.pod(asked)
    elif changes.is_head_of_records(asked):
        yield from changes.head_of_records(asked)
    else:
        yield from _by_rows(asked)
        for rule in WHOLE[asked.kind]:
            yield from rule(asked)


def _by_rows(asked: Asked) -> Iterator[Finding]:
    for path, value in leaves(asked.new):
        where = _place(path)
        if not where:
            continue
        row = row_for(asked.kind, where)
        if row is None:
            if not unset(value, asked, path):
                yield Finding(_unlisted(asked.kind, where), path, "the product uses no such field")
        elif row.holds is not None and not row.holds(value, asked, path):
            yield Finding(row.clause, path, row.why or "it must not be set")


@cache
def _place(path: Path) -> tuple[str, ...]:
    """A place without the numbers of items; nothing where the server says what is there."""
    where = general(path)
    return () if any(where[: len(each)] == each for each in _SERVERS) else where


@cache
def row_for(kind: str, where: tuple[str, ...]) -> Row | None:
    """The first row for a place."""
    return next((row for row, pattern in _patterns(kind) if matches(pattern, where)), None)


@cache
def _patterns(kind: str) -> tuple[tuple[Row, tuple[str, ...]], ...]:
    return tuple((row, tuple(row.where.split())) for row in ROWS[kind])


def _unlisted(kind: str, where: tuple[str, ...]) -> str:
    for spec in POD_SPECS.get(kind, ()):
        if where[: len(spec)] == spec:
            return clause_of(where[len(spec) :])
    return next((name for step, name in _CALLED.items() if step in where), UNLISTED)


_CALLED: Mapping[str, str] = {
    "finalizers": "finalizers",
    "ownerReferences": "owners",
    "filters": "route.filters",
    "backendRefs": "route.backends",
    "alternateBackends": "route.backends",
    "authenticationRef": "scaling.triggers",
    "triggers": "scaling.triggers",
    "externalName": "service.addresses",
    "externalIPs": "service.addresses",
    "loadBalancerIP": "service.addresses",
    "subdomain": "route.hosts",
    "minAvailable": "budget.drains",
}
"""Clauses by which what is not listed is called, by a step on the way to it."""


def _needed(asked: Asked) -> bool:
    """Whether all that differs from what the product made is what it makes of it, too."""
    if asked.old is None:
        return asked.kind == "TokenRequest"
    differ = changed(asked.old, asked.new)
    if asked.verb == "delete" or changes.is_head_of_records(asked):
        return False
    if asked.kind in _BY_CHANGE:
        return changes.is_needed(asked, differ)
    return all(_needs(asked, path, value) for path, value in differ)


def _needs(asked: Asked, path: Path, value: Any) -> bool:
    row = row_for(asked.kind, general(path))
    return value is not ABSENT and row is not None and row.needs is not None and row.needs(value, asked, path)
