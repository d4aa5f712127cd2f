# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What our guardrails cost a write: the same writes where there are none, and with those of each version.

make bench PARTS=admission, or python -m tests.benchmarks admission. One API server is asked in turns, in short blocks,
each round beginning with another version, so that a machine whose speed drifts is the same for all; nothing but its
admission policies is exchanged. The table is printed and in build/admission.md.

Of the API server's own metrics, that of the plugin which asks policies is used. Those of CEL
(``apiserver_cel_*_duration_seconds``) are not fed by policies, and that of a policy's checks only by refusals, with the
seconds of one expression: the last line says what they counted.
"""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from byoc_testbed import Testbed
from tests.benchmarks.admission import cost
from tests.benchmarks.admission.figures import BUDGET, EXPRESSION, HEAD, OTHERS, Cell, Cost, counted, noted, row, table
from tests.benchmarks.admission.site import ALL, NEWEST, NONE, SPEC, Guardrails, Site
from tests.benchmarks.admission.writes import Live, Write, install, large, send, writes
from tests.integration.ansible_runs import ROOT

TABLE = ROOT / "build" / "admission.md"
#: Writes in a row, after so many that do not count.
BLOCK, WARMING = 20, 1
#: How many environment variables more a Deployment is written with, to see how its policies' cost grows.
VARIABLES = 200


@dataclass
class Measured:
    """By write and guardrails."""

    cells: dict[tuple[str, Guardrails], Cell] = field(default_factory=lambda: defaultdict(Cell))
    costs: dict[str, dict[str, Cost]] = field(default_factory=dict)
    #: Seconds of the API server's processor that went into putting guardrails into force, each time.
    compiling: dict[Guardrails, list[float]] = field(default_factory=lambda: defaultdict(list))
    loads: list[float] = field(default_factory=list)
    unused: str = ""

    def text(self) -> str:
        """The tables."""
        return "\n".join([self._loads(), self._writes(), self._compiling(), self._costs(), self.unused])

    def _loads(self) -> str:
        few, many = min(self.loads), max(self.loads)
        return f"{os.cpu_count()} cores, load {few:.1f} to {many:.1f} meanwhile (the load of one minute).\n"

    def _writes(self) -> str:
        kinds = dict.fromkeys(what for what, _guardrails in self.cells)
        rows = [
            row(
                what,
                str(guardrails),
                self.cells[what, guardrails],
                self.cells[what, NONE],
                self._asked(what, guardrails),
            )
            for what in kinds
            for guardrails in ALL
            if (what, guardrails) in self.cells
        ]
        return table(HEAD, rows)

    def _asked(self, what: str, guardrails: Guardrails) -> str:
        return str(len(self.costs[what])) if guardrails == NEWEST and what in self.costs else ""

    def _compiling(self) -> str:
        rows = [(str(one), f"{len(one.objects) // 2}", f"{min(taken):.1f}") for one, taken in self.compiling.items()]
        return table(("guardrails", "policies", "seconds of processor time to put them into force"), rows)

    def _costs(self) -> str:
        rows = [
            (what, policy, *each.words)
            for what, of in self.costs.items()
            for policy, each in sorted(of.items(), key=lambda one: -(BUDGET if one[1].units is None else one[1].units))
        ]
        head = (
            "write",
            "policy",
            "units of CEL",
            f"of a policy's {BUDGET}",
            f"of an expression's {EXPRESSION}, at most",
        )
        return table(head, rows)


def measure(
    site: Site,
    live: Live,
    rounds: int,
    block: int = BLOCK,
    kinds: tuple[Guardrails, ...] = ALL,
    keep: Callable[[Measured], None] | None = None,
) -> Measured:
    """Blocks of writes, round after round, each beginning with other guardrails.

    :param keep: is given what there is after each round: on a busy machine a run takes long.
    """
    measured = Measured()
    before = site.metrics()
    for turn in range(rounds):
        for guardrails in (*kinds[turn % len(kinds) :], *kinds[: turn % len(kinds)]):
            _put_in_force(site, guardrails, measured)
            for write in writes(guardrails, live):
                _block(site, write, measured.cells[write.what, guardrails], block)
        if keep:
            keep(measured)
    measured.unused = _unused(before, site.metrics())
    return measured


def _keep(measured: Measured) -> None:
    TABLE.parent.mkdir(exist_ok=True)
    TABLE.write_text(measured.text())


def costed(live: Live) -> Iterator[Write]:
    """The writes of which the cost in CEL is found: those that are measured, and a large one."""
    for number, write in enumerate(writes(NEWEST, live)):
        yield write
        if not number:
            yield large(write, VARIABLES)


def _put_in_force(site: Site, guardrails: Guardrails, measured: Measured) -> None:
    started = site.processor()
    site.guard_by(guardrails)
    measured.compiling[guardrails].append(site.processor() - started)
    measured.loads.append(os.getloadavg()[0])


def _block(site: Site, write: Write, cell: Cell, block: int) -> None:
    for _each in range(WARMING):
        send(site, write)
    before, processor = counted(site.metrics()), site.processor()
    taken = [_seconds(site, write) for _each in range(block)]
    processor = site.processor() - processor
    cell.add(taken, processor, counted(site.metrics()) - before)


def _seconds(site: Site, write: Write) -> float:
    started = time.perf_counter()
    send(site, write)
    return time.perf_counter() - started


def _unused(before: str, after: str) -> str:
    """What the metrics counted that say nothing about a write that is let in."""
    said = []
    for name in OTHERS:
        then, now = noted(name, before), noted(name, after)
        said.append(f"{name}: " + ("not published" if now is None else f"fed {now - (then or 0)} times"))
    return "Other metrics, over all these writes and probes: " + "; ".join(said) + ".\n"


def main(rounds: int) -> None:
    with Testbed.start([SPEC]) as bed:
        site = Site(bed[SPEC.name])
        try:
            live = install(site, NONE)
            measured = measure(site, live, rounds, keep=_keep)
            measured.costs = cost.costs(site, NEWEST.objects, [*costed(live)])
        finally:
            site.close()
    _keep(measured)
    print(f"\n{measured.text()}", flush=True)
