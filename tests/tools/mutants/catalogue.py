# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All mutants of a tree, each with a name that survives a change of the lines above it, and which of them are tried."""

from __future__ import annotations

import ast
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from .operators import OPERATORS, Source

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class Mutant:
    """One fault in one place.

    :param ordinal: which one of the operator's in this function.
    :param twin: which one of those with the same text.
    """

    file: str
    qualname: str
    in_function: bool
    operator: str
    ordinal: int
    twin: int
    before: str
    after: str
    start: int
    end: int

    @property
    def id(self) -> str:
        text = hashlib.sha256(f"{self.before}\0{self.after}".encode()).hexdigest()[:8]
        return f"{self.file}::{self.qualname}::{self.operator}::{text}.{self.twin}"

    @property
    def package(self) -> str:
        parts = PurePosixPath(self.file).parts
        if parts[1] != "module_utils":
            return "shells"
        return parts[2] if len(parts) > 3 else "module_utils"

    def to_dict(self) -> dict[str, Any]:
        """What tells it from others in a later version of the tree, and shows it."""
        kept = {key: value for key, value in asdict(self).items() if key not in {"start", "end"}}
        return {"id": self.id, **kept}

    def applied(self, content: bytes) -> bytes:
        return content[: self.start] + self.after.encode() + content[self.end :]


def mutants_of(file: str, content: bytes) -> list[Mutant]:
    """Every edit that an operator proposes for one file; :func:`means_something_else` tells which are mutants."""
    source = Source(file, content)
    ordinals: Counter[tuple[str, str]] = Counter()
    twins: Counter[tuple[str, str, str, str]] = Counter()
    found = []
    for qualname, in_function, node in _walk(source.tree, (), False):
        for operator, propose in OPERATORS.items():
            for edit in propose(source, node):
                before, after = content[edit.start : edit.end].decode(), edit.text.decode()
                place = (qualname, operator)
                same = (*place, before, after)
                found.append(
                    Mutant(
                        file,
                        qualname,
                        in_function,
                        operator,
                        ordinals[place],
                        twins[same],
                        before,
                        after,
                        edit.start,
                        edit.end,
                    )
                )
                ordinals[place] += 1
                twins[same] += 1
    return found


def means_something_else(mutant: Mutant, content: bytes) -> bool:
    """Whether the mutant is Python, and another program than before."""
    try:
        return ast.dump(ast.parse(mutant.applied(content))) != ast.dump(ast.parse(content))
    except SyntaxError:
        return False


def _walk(node: ast.AST, path: tuple[str, ...], in_function: bool) -> Iterator[tuple[str, bool, ast.AST]]:
    """Each node that does something, with the definitions around it."""
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns", "decorator_list", "type_params"} or isinstance(node, ast.JoinedStr):
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or _only_types(child):
                continue
            yield ".".join(path) or "<module>", in_function, child
            inner = (*path, child.name) if isinstance(child, _DEFINITIONS) else path
            is_function = in_function or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
            yield from _walk(child, inner, is_function)


def _only_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def all_mutants(tree: Path) -> list[Mutant]:
    """Every mutant of a tree's plugins."""
    files = sorted(path.relative_to(tree).as_posix() for path in (tree / "plugins").rglob("*.py"))
    return [mutant for file in files for mutant in mutants_of(file, (tree / file).read_bytes())]


def choose(mutants: Iterable[Mutant], count: int, seed: int) -> list[Mutant]:
    """So many of them, in turn from each operator and package. A choice lasts when other mutants come or go."""
    cells: dict[tuple[str, str], list[Mutant]] = {}
    for mutant in mutants:
        cells.setdefault((mutant.operator, mutant.package), []).append(mutant)
    for cell in cells.values():
        cell.sort(key=lambda mutant: _rank(seed, mutant.id))
    order = sorted(cells, key=lambda cell: _rank(seed, "/".join(cell)))
    chosen: list[Mutant] = []
    turn = 0
    while len(chosen) < count and any(len(cell) > turn for cell in cells.values()):
        chosen += [cells[cell][turn] for cell in order if len(cells[cell]) > turn]
        turn += 1
    return chosen[:count]


def _rank(seed: int, text: str) -> str:
    return hashlib.sha256(f"{seed}/{text}".encode()).hexdigest()


def found_again(earlier: Iterable[Mapping[str, Any]], mutants: Iterable[Mutant]) -> Iterator[tuple[str, Mutant | None]]:
    """Mutants of an earlier tree in this one: by name; else in another file; else in the same place of the same
    function with other words. None for one that is gone."""
    here = list(mutants)
    by_id = {mutant.id: mutant for mutant in here}
    for entry in earlier:
        same = by_id.get(entry["id"])
        if same is None:
            alike = [m for m in here if _about(m) == _about(entry)]
            words = (entry["before"], entry["after"], entry["twin"])
            moved = [m for m in alike if (m.before, m.after, m.twin) == words]
            reworded = [m for m in alike if (m.file, m.ordinal) == (entry["file"], entry["ordinal"])]
            same = next(iter([*moved, *reworded]), None)
        yield entry["id"], same


def _about(mutant: Mutant | Mapping[str, Any]) -> tuple[str, str]:
    if isinstance(mutant, Mutant):
        return mutant.qualname, mutant.operator
    return mutant["qualname"], mutant["operator"]
