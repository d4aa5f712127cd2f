# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection's tree as data, for rules about it.

A rule is a function from a tree to a list of problems. So it can be tried on a bad sample in a temporary folder,
and each is.
"""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

NAMESPACE = "fireworks.byoc"
# Where files that nobody wrote lie, when there is no git to say so.
MADE = {
    ".git",
    ".venv",
    ".collections",
    "build",
    "__pycache__",
    ".ansible",
    ".pytest_cache",
    ".ruff_cache",
    ".mypy_cache",
}


@dataclass(frozen=True)
class Plugin:
    """A module or another plugin, by its source."""

    path: Path
    fragments: Path

    @property
    def name(self) -> str:
        return self.path.stem

    @cached_property
    def documentation(self) -> dict[str, Any]:
        """What its DOCUMENTATION says itself."""
        return _documentation(self.path).get("DOCUMENTATION", {})

    @cached_property
    def full(self) -> dict[str, dict[str, Any]]:
        """Its options and attributes, those of its documentation fragments included."""
        merged: dict[str, dict[str, Any]] = {"options": {}, "attributes": {}}
        for fragment in [*self._fragments(), self.documentation]:
            for part, known in merged.items():
                for key, value in (fragment.get(part) or {}).items():
                    known[key] = {**known.get(key, {}), **value}
        return merged

    def _fragments(self) -> Iterator[dict[str, Any]]:
        named = self.documentation.get("extends_documentation_fragment", [])
        for name in [named] if isinstance(named, str) else named:
            words = name.removeprefix(f"{NAMESPACE}.").split(".")
            path = self.fragments / f"{words[0]}.py"
            if path.exists():
                yield _documentation(path).get(words[1].upper() if len(words) > 1 else "DOCUMENTATION", {})


@dataclass(frozen=True)
class Role:
    """A role, by its folder."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @cached_property
    def entries(self) -> dict[str, dict[str, Any]]:
        """The entry points of its argument specs."""
        return (read_yaml(self.path / "meta" / "argument_specs.yml") or {}).get("argument_specs", {})

    @cached_property
    def defaults(self) -> dict[str, Any]:
        return read_yaml(self.path / "defaults" / "main.yml") or {}

    @cached_property
    def variables(self) -> dict[str, Any]:
        """What beats the inventory."""
        return read_yaml(self.path / "vars" / "main.yml") or {}

    @cached_property
    def options(self) -> dict[str, dict[str, Any]]:
        """The documented options of all its entry points."""
        return {
            name: option for entry in self.entries.values() for name, option in (entry.get("options") or {}).items()
        }


class Tree:
    """The collection at a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @cached_property
    def galaxy(self) -> dict[str, Any]:
        return read_yaml(self.root / "galaxy.yml") or {}

    @cached_property
    def runtime(self) -> dict[str, Any]:
        return read_yaml(self.root / "meta" / "runtime.yml") or {}

    def plugins(self, kind: str) -> list[Plugin]:
        found = sorted((self.root / "plugins" / kind).glob("*.py"))
        return [Plugin(path, self.root / "plugins" / "doc_fragments") for path in found if path.name[0] != "_"]

    @cached_property
    def roles(self) -> list[Role]:
        return [Role(path) for path in sorted((self.root / "roles").glob("*")) if path.is_dir()]

    @cached_property
    def playbooks(self) -> list[Path]:
        return sorted((self.root / "playbooks").glob("*.yml"))

    @cached_property
    def files(self) -> list[Path]:
        """Every file that people wrote."""
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
            cwd=self.root,
            capture_output=True,
            text=True,
            check=False,
        )
        if listed.returncode == 0 and (self.root / ".git").exists():
            found = [self.root / name for name in listed.stdout.split("\0") if name]
        else:
            found = [path for path in self.root.rglob("*") if not MADE & set(path.relative_to(self.root).parts)]
        return sorted(path for path in found if path.is_file())

    def python(self, folder: str = ".") -> list[Path]:
        """The Python files below a folder."""
        start = self.root / folder
        return [path for path in self.files if path.suffix == ".py" and path.is_relative_to(start)]

    def named(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def integration_tests(self) -> dict[str, str]:
        """The text of each file of integration tests, by its name."""
        found = sorted((self.root / "tests" / "integration").rglob("test_*.py"))
        return {self.named(path): path.read_text() for path in found}


def read_yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text()) if path.exists() else None


def _documentation(path: Path) -> dict[str, dict[str, Any]]:
    """The constants of a source file that hold YAML, parsed; found without running it."""
    found = {}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            name = getattr(node.targets[0], "id", "")
            if name.isupper() and name != "EXAMPLES":
                parsed = yaml.safe_load(node.value.value)
                found[name] = parsed if isinstance(parsed, dict) else {}
    return found
