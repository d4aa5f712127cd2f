# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof of one identity under one contract: mutants are drawn, judged, tried, and what is wrong is made small."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from .answers import ADMITTED, Answer
from .asking import Caller
from .bases import Base, Mutants, bases
from .edits import Mutation, edited, general
from .mutants import drawn
from .oracle.bounds import Bounds, bounds_of
from .oracle.judge import Verdict, judge
from .oracle.rows import FORBIDDEN, NEEDED, Asked

WRITERS = {"operator": "fireworks-system", "deployer": "fireworks-system", "upgrader": "fireworks-system",
           "node-medic": "fireworks-system"}  # fmt: skip
READERS = {"observer": "fireworks-system", "metrics-reader": "fireworks-system", "router": "fireworks-system",
           "telemetry": "fireworks-system", "engine": "fireworks-models"}  # fmt: skip
NOT_MUTATED: Mapping[str, str] = {
    "pods/eviction": "an eviction has nothing but a pod's name and a grace period, and asks the customer's budgets",
    "pods/proxy": "a connection, which has no object",
    "services/proxy": "a connection, which has no object",
    "routes/custom-host": "what OpenShift asks for besides; the route itself is mutated",
    "selfsubjectreviews": "a question",
    "selfsubjectaccessreviews": "a question",
    "selfsubjectrulesreviews": "a question",
    "horizontalpodautoscalers": "where the cluster has KEDA, the router's and the models' are rendered or not there",
    "leaderworkersets": "only of a contract with such a model",
}
"""Resources that an identity may write and that may be without a base, with the reason."""
_THREADS = 8
_WHOLE = 300
"""Bases with no more mutants than so many have all of them tried."""


@dataclass(frozen=True)
class Tried:
    """One mutant: what must have become of it, and what did."""

    base: Base
    verb: str
    mutation: Mutation
    verdict: Verdict
    answer: Answer

    @property
    def wrong(self) -> bool:
        if self.verdict.standing == FORBIDDEN:
            return self.answer.admitted
        return self.verdict.standing == NEEDED and self.answer.guarded


@dataclass
class Report:
    """What was tried of one identity under one contract."""

    contract: str
    identity: str
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    wrong: list[Tried] = field(default_factory=list)

    def add(self, tried: Tried) -> None:
        counted = self.counts.setdefault(tried.base.kind, Counter())
        counted["mutants"] += 1
        if tried.answer.admitted:
            counted[f"{ADMITTED} {tried.verdict.standing}"] += 1
        else:
            counted[tried.answer.layer] += 1
        if tried.wrong and tried.verdict.standing == NEEDED:
            counted["needed refused"] += 1
        if tried.wrong:
            self.wrong.append(tried)

    @property
    def mutants(self) -> int:
        return sum(counted["mutants"] for counted in self.counts.values())


@dataclass(frozen=True)
class Hole:
    """What is wrong in one way: the clause that is not enforced on a kind, or a need that is not met."""

    kind: str
    clause: str


class Prover:
    """A cluster that is governed by a contract, and who is tried in it."""

    def __init__(self, cluster: Any, contract: Mapping[str, Any], name: str) -> None:
        self.name = name
        self.bounds: Bounds = bounds_of(contract)
        self.bases = bases(cluster, contract)
        self._cluster = cluster
        self._mutants = Mutants(cluster)

    def caller(self, identity: str) -> Caller:
        seconds = min(3600, self.bounds.token_seconds)
        return Caller(self._cluster, identity, {**WRITERS, **READERS}[identity], seconds)

    def prove(self, identity: str, number: int, seed: str) -> Report:
        """Try so many mutants as an identity, and every object that it may delete."""
        report, chance = Report(self.name, identity), random.Random(f"{seed} {self.name} {identity}")  # noqa: S311
        caller = self.caller(identity)
        try:
            report = self._tried(caller, [*self._chosen(caller, number, chance), *self._deletions(caller)], report)
            report.wrong = [self._smallest(caller, each) for each in report.wrong]
        finally:
            caller.close()
        return report

    def forbidden_bases(self) -> list[str]:
        """What the product makes and the oracle forbids."""
        judged = {
            str(base): judge(self._asked("operator" if base.kind != "Pod" else "node-medic", verb, base, base.thing))
            for base in self.bases
            for verb in _verbs(base)
            if not base.foreign
        }
        return [f"{base}: {verdict}" for base, verdict in judged.items() if verdict.standing == FORBIDDEN]

    def without_a_base(self, caller: Caller) -> list[str]:
        """What an identity may write of which nothing is mutated, and nobody said why."""
        tried = {caller._place(base) for base in self.bases}
        return sorted(
            f"{right.verb} {right.resource}.{right.group}"
            for right in caller.rights
            if (right.group, right.resource) not in tried and right.resource not in NOT_MUTATED
        )

    def attempt(self, caller: Caller, base: Base, verb: str, mutation: Mutation) -> Tried:
        """One mutant, judged and tried."""
        new = edited(base.thing, mutation)
        verdict, answer = judge(self._asked(caller.identity, verb, base, new)), caller.write(verb, base, new)
        if verdict.standing == FORBIDDEN and answer.admitted and verb != "delete" and base.kind != "TokenRequest":
            # What the server drops was admitted in vain. Of what is there already a change shows what it would keep,
            # or, where nobody may change it so, another one of the same kind.
            stored = answer.stored or (caller.write("patch", base, new).stored if base.live else None)
            stored = stored or caller.kept(base, new)
            verdict = judge(self._asked(caller.identity, verb, base, stored)) if stored else verdict
        return Tried(base, verb, mutation, verdict, answer)

    def _asked(self, identity: str, verb: str, base: Base, new: Any) -> Asked:
        return Asked(identity, verb, base.namespace, base.kind, new, self.bounds, old=base.thing)

    def _pools(self, caller: Caller) -> list[tuple[Base, str]]:
        return [(base, verb) for base in self.bases for verb in _verbs(base) if caller.may(verb, base)]

    def _chosen(self, caller: Caller, number: int, chance: random.Random) -> list[tuple[Base, str, Mutation]]:
        """Of small bases all mutants, of the others as many as are left, in proportion; first each base as it is."""
        pools = [(base, verb, self._for(verb, base)) for base, verb in self._pools(caller)]
        found = [(base, verb, Mutation(())) for base, verb, _singles in pools if not base.foreign]
        small = [pool for pool in pools if len(pool[2]) <= min(_WHOLE, number / max(1, len(pools)))]
        large = [pool for pool in pools if pool not in small]
        left = number - len(found) - sum(len(singles) for _base, _verb, singles in small)
        whole = sum(len(singles) for _base, _verb, singles in large)
        for base, verb, singles in small:
            found += [(base, verb, mutation) for mutation in singles]
        for base, verb, singles in large:
            share = max(1, round(left * len(singles) / whole))
            found += [(base, verb, mutation) for mutation in drawn(singles, share, chance)]
        return found

    def _for(self, verb: str, base: Base) -> list[Mutation]:
        names = ("metadata", "name"), ("metadata", "generateName")
        found = self._mutants.of(base)
        return found if verb == "create" else [each for each in found if general(each.path) not in names]

    def _deletions(self, caller: Caller) -> list[tuple[Base, str, Mutation]]:
        live = [base for base in self.bases if base.live and caller.may("delete", base)]
        return [(base, "delete", Mutation(())) for base in live]

    def _tried(self, caller: Caller, chosen: Iterable[tuple[Base, str, Mutation]], report: Report) -> Report:
        with ThreadPoolExecutor(_THREADS) as workers:
            for tried in workers.map(lambda each: self.attempt(caller, *each), chosen):
                report.add(tried)
        return report

    def _smallest(self, caller: Caller, tried: Tried) -> Tried:
        """The same wrong with as few edits as show it."""
        edits = tried.mutation.edits
        for number in range(len(edits)):
            fewer = Mutation((*edits[:number], *edits[number + 1 :]))
            if not fewer.edits:
                continue
            try:
                again = self.attempt(caller, tried.base, tried.verb, fewer)
            except (KeyError, IndexError, TypeError):
                continue  # what was left out made the place for the rest
            if again.wrong and again.verdict.standing == tried.verdict.standing:
                return self._smallest(caller, again)
        return tried


def _verbs(base: Base) -> tuple[str, ...]:
    if base.kind == "Node" or (base.kind == "Pod" and base.live):
        return ("patch",)
    return ("create", "patch") if base.live else ("create",)


def ways(tried: Tried) -> list[Hole]:
    """All that is wrong with what is wrong: every clause that it breaks, or that it is needed."""
    return [Hole(tried.base.kind, clause) for clause in tried.verdict.clauses or (tried.verdict.standing,)]


def holes(wrong: Iterable[Tried]) -> dict[Hole, list[Tried]]:
    """What is wrong, by the way in which it is."""
    found: dict[Hole, list[Tried]] = {}
    for tried in wrong:
        found.setdefault(ways(tried)[0], []).append(tried)
    return found


def told(tried: Tried, identity: str) -> str:
    """What is wrong, for people."""
    what = "was admitted" if tried.answer.admitted else f"was refused by {tried.answer.layer}: {tried.answer.said}"
    return f"{identity}: {tried.verb} {tried.base} with {str(tried.mutation)[:300]} {what}; it is {tried.verdict}"


def shown(found: Mapping[Hole, list[Tried]], identity: str) -> str:
    """Each way, by the places where it shows, with the smallest mutation at each."""
    lines = []
    for hole, all_of_it in sorted(found.items(), key=lambda each: (each[0].kind, each[0].clause)):
        lines.append(f"{hole.kind}: {hole.clause} ({len(all_of_it)} mutants)")
        places: dict[str, Tried] = {}
        for tried in sorted(all_of_it, key=lambda each: len(str(each.mutation))):
            places.setdefault(" ".join(general(tried.mutation.path)), tried)
        lines += [f"    {told(tried, identity)}" for _place, tried in sorted(places.items())]
    return "\n".join(lines)
