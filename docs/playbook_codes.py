# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which codes a playbook may end with: those that its tasks, modules, filters and lookups can reach, by their sources.

Where a name may mean several things all of them count, so a playbook ends with no code that is not told here.
"""

from __future__ import annotations

import ast
import re
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

#: How Python says a code: of an error, an outcome, a blocker, a decision, or a refusal.
SAID = re.compile(
    r"""^\s+code(?::\ \w+)?\ =\ "(\w+)"             # of an error, or before it is used
      | \bcode="(\w+)"
      | "code":\ "(\w+)"
      | (?:Blocker|_refused)\(\s*"(\w+)"
      | Decision\(\w+,\ "(\w+)"
      | \(Result\.(?:FAILED|REFUSED|WAITING|SKIPPED|NOT_BEGUN),\ "(\w+)"
      | \(contract,\ Result\.\w+,\ "(\w+)"
      | ^\s+code,\ reason\ =\ "(\w+)"
      | ^(?:[A-Z]+_(?:FAILED|LOST|OUTCOME)|ERROR_BUDGET)\ =\ "(\w+)"
      | return\ \[\("(\w+)",\ (?:what|f")""",
    re.MULTILINE | re.VERBOSE,
)
IN_YAML = re.compile(r"^\s+code: (\w+)$", re.MULTILINE)

_COLLECTION = "ansible_collections.fireworks.byoc.plugins."
_OURS = re.compile(r"fireworks\.byoc\.(\w+)")
_INCLUDED = re.compile(r"[\w/]+\.yml")
_COMMENT = re.compile(r"^\s*#.*$", re.MULTILINE)
Name = tuple[str, str]
"""A module, by its dotted path below plugins, and what it defines."""


def said_in(text: str) -> set[str]:
    """The codes that Python sources say."""
    return {next(filter(None, each)) for each in SAID.findall(text)}


@dataclass
class _Module:
    """What one file defines and imports. codes and uses: by definition."""

    codes: dict[str, set[str]] = field(default_factory=dict)
    uses: dict[str, set[Name]] = field(default_factory=dict)
    imports: dict[str, Name] = field(default_factory=dict)


class Codes:
    """The codes of each playbook.

    :param root: of the collection. :param known: every code. Those that no source says are what constants stand for.
    """

    def __init__(self, root: Path, known: Collection[str]) -> None:
        self._root = root
        files = sorted((root / "plugins").rglob("*.py"))
        unsaid = set(known) - said_in("\n".join(path.read_text(encoding="utf-8") for path in files))
        self._modules = dict(_read(path, root / "plugins", unsaid) for path in files)

    def of(self, playbook: str) -> set[str]:
        """Those that it may end with."""
        texts = [_COMMENT.sub("", path.read_text(encoding="utf-8")) for path in self._files(playbook)]
        found = {code for text in texts for code in IN_YAML.findall(text)}
        called = {name for text in texts for name in _OURS.findall(text)}
        return found | self._reached(begin for name in called for begin in self._begins(name))

    def _files(self, playbook: str) -> list[Path]:
        """The playbook's, and all that they include."""
        found, new = [], deque([self._root / "playbooks" / f"{playbook}.yml"])
        while new:
            path = new.popleft()
            if path in found or not path.is_file():
                continue
            found.append(path)
            text = _COMMENT.sub("", path.read_text(encoding="utf-8"))
            new += [folder / each for each in _INCLUDED.findall(text) for folder in self._folders(path)]
            for name in _OURS.findall(text):
                new += sorted((self._root / "roles" / name / "tasks").rglob("*.yml"))
        return found

    def _folders(self, path: Path) -> tuple[Path, ...]:
        playbooks = self._root / "playbooks"
        return (path.parent, playbooks, playbooks / "tasks") if path.is_relative_to(playbooks) else (path.parent,)

    def _begins(self, name: str) -> Iterator[Name]:
        """What is run where a playbook calls something of ours by its name."""
        for kind in ("action", "lookup"):
            for each in self._modules.get(f"{kind}.{name}", _Module()).uses:
                yield f"{kind}.{name}", each
        for path in self._modules:
            if path.startswith("filter."):
                yield path, f'"{name}"'

    def _reached(self, begins: Iterable[Name]) -> set[str]:
        codes: set[str] = set()
        seen, new = set(), deque(begins)
        while new:
            module, name = new.popleft()
            if (module, name) in seen or module not in self._modules:
                continue
            seen.add((module, name))
            there = self._modules[module]
            if name in there.imports:
                new.append(there.imports[name])
            codes |= there.codes.get(name, set())
            new += there.uses.get(name, ())
        return codes


def _read(path: Path, plugins: Path, unsaid: Collection[str]) -> tuple[str, _Module]:
    parts = path.relative_to(plugins).with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    text = path.read_text(encoding="utf-8")
    lines, module = text.splitlines(), _Module()
    package = parts[:-1]
    body = ast.parse(text).body
    for node in body:
        if isinstance(node, ast.ImportFrom):
            source = _source(node, package)
            module.imports |= {each.asname or each.name: (source, each.name) for each in node.names}
    for node in body:
        for defined in _defined(node):
            said = said_in("\n".join(lines[node.lineno - 1 : node.end_lineno]))
            module.codes[defined] = said | (_constants(node) & set(unsaid))
            module.uses[defined] = set(_used(node, name, module))
    if name.startswith("filter."):  # each filter begins with what stands beside its name
        for node in ast.walk(ast.Module(body, [])):
            if isinstance(node, ast.Dict):
                for key, value in zip(node.keys, node.values, strict=True):
                    if isinstance(key, ast.Constant):
                        module.uses[f'"{key.value}"'] = set(_used(value, name, module))
    return name, module


def _source(node: ast.ImportFrom, package: tuple[str, ...]) -> str:
    if not node.level:
        return (node.module or "").removeprefix(_COLLECTION)
    return ".".join([*package[: len(package) - node.level + 1], *filter(None, [node.module])])


def _defined(node: ast.stmt) -> list[str]:
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    listed = [one for each in targets for one in (each.elts if isinstance(each, ast.Tuple) else [each])]
    return [each.id for each in listed if isinstance(each, ast.Name)]


def _constants(node: ast.stmt) -> set[str]:
    """The texts that names stand for: alone, side by side, or by key. A list is of codes that others say."""
    if not isinstance(node, (ast.Assign, ast.AnnAssign)):
        return set()
    paired = isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple)
    value = node.value
    values = (
        value.values
        if isinstance(value, ast.Dict)
        else value.elts
        if paired and isinstance(value, ast.Tuple)
        else [value]
    )
    return {each.value for each in values if isinstance(each, ast.Constant) and isinstance(each.value, str)}


def _used(node: ast.AST, module: str, there: _Module) -> Iterator[Name]:
    for each in ast.walk(node):
        if isinstance(each, ast.Name):
            yield module, each.id
        elif isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name) and each.value.id in there.imports:
            source, name = there.imports[each.value.id]
            yield f"{source}.{name}", each.attr
