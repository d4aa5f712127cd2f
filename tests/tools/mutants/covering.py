# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which test files run a function of the collection: measured once, and kept beside this file for the slow ones."""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from .catalogue import Mutant
from .scratch import SITE, Scratch

OURS = "ansible_collections.fireworks.byoc."
#: What a comprehension or a lambda runs, its function runs.
_INNER = ("<lambda>", "<genexpr>", "<listcomp>", "<setcomp>", "<dictcomp>", "<locals>")

#: Seconds that pytest needs before a file's first test.
_START = 2


class Covering:
    """Seconds and entered functions of each test file."""

    def __init__(self, measured: Mapping[str, Mapping[str, Any]]) -> None:
        self.measured = {test: dict(entry) for test, entry in sorted(measured.items())}

    @classmethod
    def load(cls, *paths: Path) -> Covering:
        found: dict[str, Any] = {}
        for path in paths:
            if path.exists():
                found.update(json.loads(path.read_text()))
        return cls(found)

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = (f" {json.dumps(test)}: {json.dumps(entry, sort_keys=True)}" for test, entry in self.measured.items())
        path.write_text("{\n" + ",\n".join(lines) + "\n}\n")

    def of(self, tree: Path, mutant: Mutant) -> list[str]:
        """The test files that run a mutant."""
        if mutant.in_function:
            return self.of_function(mutant.file, mutant.qualname)
        return self.of_module(tree, mutant.file)

    def of_function(self, file: str, qualname: str) -> list[str]:
        """The test files that run this function, the likeliest to be about it first."""
        return self._narrowest(t for t, e in self.measured.items() if qualname in e["functions"].get(file, ()))

    def of_module(self, tree: Path, file: str) -> list[str]:
        """The test files that run what a module does when it is imported."""
        importers = {test for test in self.measured if file in imported(tree, test)}
        running = {test for test, entry in self.measured.items() if file in entry["functions"]}
        return self._narrowest(importers | running)

    def _narrowest(self, tests: Iterable[str]) -> list[str]:
        """Those that run least else, and are fast, before the others."""
        return sorted(tests, key=lambda test: (self._breadth(test) * (_START + self.seconds(test)), test))

    def _breadth(self, test: str) -> int:
        return sum(map(len, self.measured[test]["functions"].values()))

    def missing(self, tree: Path) -> list[str]:
        """The files of integration tests that were not measured."""
        files = (path.relative_to(tree).as_posix() for path in (tree / "tests" / "integration").glob("test_*.py"))
        return sorted(file for file in files if file not in self.measured)

    def part(self, folder: str) -> Covering:
        """Only the tests below a folder."""
        return Covering({test: entry for test, entry in self.measured.items() if test.startswith(folder)})

    def seconds(self, test: str) -> float:
        return float(self.measured[test]["seconds"])


def plain(qualname: str) -> str:
    """A code object's qualified name as the path of the definitions around it."""
    parts = [part for part in qualname.split(".") if part not in _INNER]
    return ".".join(parts) or "<module>"


def measure_units(scratch: Scratch, place: Path, *, seconds: float = 1200) -> Covering:
    """Run the unit tests once, on one process, and gather what each of their files entered."""
    place.mkdir(parents=True, exist_ok=True)
    ended = scratch.pytest_traced(["tests/unit"], _variables(scratch, place), seconds=seconds)
    return gathered(place, ended.output)


def measure_file(scratch: Scratch, place: Path, test: str, *, seconds: float = 1800) -> Covering:
    """Run one file of integration tests, and gather what it and all that it started entered."""
    place.mkdir(parents=True, exist_ok=True)
    (place / test.replace("/", "+")).unlink(missing_ok=True)
    variables = {**_variables(scratch, place), "BYOC_TRACE_AS": test}
    ended = scratch.pytest_traced([test], variables, seconds=seconds)
    return gathered(place, ended.output)


def _variables(scratch: Scratch, place: Path) -> dict[str, str]:
    path = os.pathsep.join([str(SITE), str(scratch.root / "tests" / "testbed")])
    return {"BYOC_TRACE_TO": str(place), "BYOC_TRACE_ROOT": str(scratch.root), "PYTHONPATH": path}


def gathered(place: Path, output: str = "") -> Covering:
    """What byoc_tracing wrote into a folder, of one run or of several."""
    measured: dict[str, Any] = {}
    for path in sorted(place.iterdir()):
        seconds, failed = None, []
        functions: dict[str, set[str]] = {}
        for line in path.read_text().splitlines():
            file, _tab, qualname = line.partition("\t")
            if file == "seconds":
                seconds = float(qualname)
            elif file == "failed":
                failed.append(qualname)
            elif plain(qualname) != "<module>":
                functions.setdefault(file, set()).add(plain(qualname))
            else:
                functions.setdefault(file, set())
        if failed:
            raise SystemExit(f"these fail without any mutant: {', '.join(failed)}\n{output[-3000:]}")
        if seconds is not None:
            sorted_ = {file: sorted(names) for file, names in sorted(functions.items())}
            measured[path.name.replace("+", "/")] = {"seconds": seconds, "functions": sorted_}
    if not measured:
        raise SystemExit(f"no test was run:\n{output[-3000:]}")
    return Covering(measured)


@cache
def imported(tree: Path, start: str) -> set[str]:
    """The collection's files that importing this one imports, itself included."""
    found: set[str] = set()
    left = [start]
    while left:
        file = left.pop()
        if file not in found and (tree / file).is_file():
            found.add(file)
            left.extend(_imports(tree, file))
    return found


@cache
def _imports(tree: Path, file: str) -> list[str]:
    found = []
    for node in ast.walk(ast.parse((tree / file).read_bytes())):
        if isinstance(node, ast.ImportFrom):
            base = _base(file, node)
            found += [base, *(f"{base}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
    paths = []
    for name in found:
        parts = name.removeprefix(OURS).split(".")
        for end in range(1, len(parts) + 1):
            path = "/".join(parts[:end])
            paths += [f"{path}.py", f"{path}/__init__.py"]
    return paths


def _base(file: str, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    parts = Path(file).parts[: -node.level]
    return ".".join([*parts, *([node.module] if node.module else [])])
