# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mutants of the collection against its tests: ``python -m tests.tools.mutants <command>``.

::

    measure  which functions each test file runs; without files, the unit tests. Files of integration tests are added
             to covered.json beside this file. Any run of pytest can be measured on the way, with almost no delay:

                 BYOC_TRACE_TO=<new folder> BYOC_TRACE_ROOT=$PWD PYTHONPATH=tests/tools/mutants/site:tests/testbed
                 .venv/bin/python -m pytest -p byoc_tracing ...

             and then: measure --trace <folder>
    run      a seeded choice of mutants (--count, --seed), or those of an earlier result (--again FILE). A tree's
             results are in build/mutants/<its hash>.jsonl, and a run that was cut short goes on where it was.
    report   the table of a result, and the mutants that no test notices.
    compare  two results: nothing that was killed before may survive after.

It needs Python 3.12 (sys.monitoring). The tree is only read: mutants are put into a copy.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .catalogue import Mutant, all_mutants, choose, found_again, means_something_else
from .covering import Covering, gathered, measure_file, measure_units
from .reporting import compare, report
from .running import Budget, Results, Runner, run_all
from .scratch import Scratch

ROOT = Path(__file__).resolve().parents[3]
COVERED = Path(__file__).with_name("covered.json")
EQUIVALENT = Path(__file__).with_name("equivalent.json")
BUILD = ROOT / "build" / "mutants"


def main(arguments: list[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)
    if asked.command == "measure":
        return _measure(asked)
    if asked.command == "run":
        return _run(asked)
    equivalent = json.loads(EQUIVALENT.read_text())
    if asked.command == "report":
        path = Path(asked.result) if asked.result else BUILD / f"{_hash(asked.tree)}.jsonl"
        print(report(Results(path).read().values(), equivalent))
        return 0
    text, kept = compare(Results(asked.before).read(), Results(asked.after).read(), equivalent)
    print(text)
    return 0 if kept else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tests.tools.mutants", description=__doc__, formatter_class=_Plain)
    commands = parser.add_subparsers(dest="command", required=True)
    measuring = commands.add_parser("measure")
    measuring.add_argument("files", nargs="*")
    measuring.add_argument("--trace", type=Path, help="what byoc_tracing wrote in a run of pytest")
    running = commands.add_parser("run")
    running.add_argument("--count", type=int, default=150)
    running.add_argument("--seed", type=int, default=14)
    running.add_argument("--by", choices=("unit", "integration"), help="of those that such a test runs")
    running.add_argument("--again", type=Path, help="a result whose mutants are tried here")
    running.add_argument("--only", action="append", help="of --again: those with this result")
    running.add_argument("--match", default="", help="those with this in their names")
    running.add_argument("--shard", default="1/1", help="which part of how many, as 1/4")
    running.add_argument("--slowest", type=float, default=0, help="seconds of integration test files that are run too")
    running.add_argument("--result", type=Path)
    for each in (measuring, running, commands.add_parser("report")):
        each.add_argument("--tree", type=Path, default=ROOT)
    commands.choices["report"].add_argument("result", nargs="?")
    comparing = commands.add_parser("compare")
    comparing.add_argument("before", type=Path)
    comparing.add_argument("after", type=Path)
    return parser


class _Plain(argparse.RawDescriptionHelpFormatter):
    """The module's own text, as it is written."""


def _measure(asked: argparse.Namespace) -> int:
    if asked.trace:
        found = gathered(asked.trace)
        found.part("tests/unit/").save(_units(asked.tree))
        _add(found.part("tests/integration/"))
        return 0
    with tempfile.TemporaryDirectory(prefix="byoc-mutants-") as name:
        scratch = Scratch(asked.tree, Path(name) / "tree")
        if not asked.files:
            measure_units(scratch, Path(name) / "trace").save(_units(asked.tree))
        for number, test in enumerate(asked.files):
            found = measure_file(scratch, Path(name) / f"trace-{number}", test)
            _add(found)
            print(f"{test}: {found.seconds(test):.0f} s", flush=True)
    return 0


def _add(found: Covering) -> None:
    Covering({**Covering.load(COVERED).measured, **found.measured}).save(COVERED)


def _run(asked: argparse.Namespace) -> int:
    if not _units(asked.tree).exists():
        _measure(argparse.Namespace(tree=asked.tree, files=[], trace=None))
    covering = Covering.load(COVERED, _units(asked.tree))
    results = Results(asked.result or BUILD / f"{_hash(asked.tree)}.jsonl")
    part, parts = map(int, asked.shard.split("/"))
    wanted = [pair for pair in _wanted(asked) if asked.match in pair[0]][part - 1 :: parts]
    with tempfile.TemporaryDirectory(prefix="byoc-mutants-") as name:
        scratch = Scratch(asked.tree, Path(name) / "tree")
        runner = Runner(scratch, covering, Budget(slowest=asked.slowest))
        run_all(wanted, runner, results, lambda line: print(line, flush=True))
        scratch.close()
    print(f"results: {results.path}")
    return 0


def _wanted(asked: argparse.Namespace) -> Iterator[tuple[str, Mutant | None]]:
    known = all_mutants(asked.tree)
    if asked.again is None:
        # A few proposals are no Python: as many more are chosen.
        if asked.by:
            part = Covering.load(COVERED, _units(asked.tree)).part(f"tests/{asked.by}/")
            known = [mutant for mutant in known if part.of(asked.tree, mutant)]
        chosen = choose(known, asked.count + asked.count // 5, asked.seed)
        sound = [m for m in chosen if means_something_else(m, (asked.tree / m.file).read_bytes())]
        yield from ((mutant.id, mutant) for mutant in sound[: asked.count])
        return
    earlier = [
        entry for entry in Results(asked.again).read().values() if not asked.only or entry["result"] in asked.only
    ]
    yield from found_again(earlier, known)


def _units(tree: Path) -> Path:
    return BUILD / f"{_hash(tree)}-units.json"


def _hash(tree: Path) -> str:
    """Of all that decides what becomes of a mutant."""
    found = hashlib.sha256()
    for folder in ("plugins", "playbooks", "roles", "tests/unit", "tests/integration"):
        for path in sorted((tree / folder).rglob("*")):
            if path.is_file() and path.suffix != ".pyc":
                found.update(f"{path.relative_to(tree)}\0".encode() + path.read_bytes())
    return found.hexdigest()[:12]


if __name__ == "__main__":
    sys.exit(main())
