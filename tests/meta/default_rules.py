# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about defaults: each is said once, in the contract's schema or by the module whose option it is."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from typing import Any

import yaml

from tests.meta.tree import NAMESPACE, Plugin, Role, Tree, read_yaml

#: These say nothing, so that it does no harm to say them twice.
_NOTHING = (None, False, 0, "", [], {})
_ASIDE = re.compile(r"\|\s*default\(\s*('[^']*'|[\w.]+)\s*(?:,\s*true)?\)\s*\}\}$")
_ALONE = re.compile(r"\{\{\s*(\w+)\s*\}\}")


def modules_defaults_repeated(tree: Tree) -> list[str]:
    """No task hands a module the module's own default: it leaves the option out (``default(omit)``)."""
    modules = {plugin.name: plugin for plugin in tree.plugins("modules")}
    problems = []
    for path, role in _task_files(tree):
        for task in _tasks(read_yaml(path)):
            for module, option, value in _arguments(task, modules):
                given = _default_given(value, role)
                if given not in _NOTHING and given == module.full["options"].get(option, {}).get("default"):
                    problems.append(
                        f"{tree.named(path)}: {option} of {module.name} is {given!r} by default there too; say "
                        f"default(omit), and no default here"
                    )
    return problems


def _task_files(tree: Tree) -> Iterator[tuple[Any, Role | None]]:
    for role in tree.roles:
        for path in sorted((role.path / "tasks").rglob("*.yml")):
            yield path, role
    for path in sorted((tree.root / "playbooks").rglob("*.yml")):
        yield path, None


def _tasks(node: Any) -> Iterator[dict[str, Any]]:
    """Every mapping in a file of plays or tasks; those that are no tasks name no module."""
    if isinstance(node, dict):
        yield node
    for value in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _tasks(value)


def _arguments(task: dict[str, Any], modules: dict[str, Plugin]) -> Iterator[tuple[Plugin, str, Any]]:
    for key, given in task.items():
        module = modules.get(str(key).removeprefix(f"{NAMESPACE}."))
        if module and isinstance(given, dict):
            yield from ((module, option, value) for option, value in given.items())


def _default_given(value: Any, role: Role | None) -> Any:
    """What a task gives to a module where nobody says anything: by ``default(...)`` or a role's option."""
    if not isinstance(value, str):
        return None
    if aside := _ASIDE.search(value):
        return yaml.safe_load(aside[1])
    alone = _ALONE.fullmatch(value)
    return role.defaults.get(alone[1]) if alone and role else None


def contracts_defaults_repeated(tree: Tree) -> list[str]:
    """No plugin says itself what holds where a contract says nothing: ``contract.defaults.said`` reads the schema."""
    schema = tree.root / "schemas" / "contract.schema.json"
    known = _schema_defaults(json.loads(schema.read_text())) if schema.exists() else set()
    return [
        f"{tree.named(path)}:{line}: {key} is {value!r} by the contract's schema too; read it there (defaults.said)"
        for path in tree.python("plugins")
        for line, key, value in _fallbacks(ast.parse(path.read_text()))
        if (key, repr(value)) in known
    ]


def _schema_defaults(schema: dict[str, Any]) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for key, field in (schema.get("properties") or {}).items():
        if field.get("default") not in _NOTHING:
            found.add((key, repr(field["default"])))
        found |= _schema_defaults(field)
    return found | (_schema_defaults(schema["items"]) if isinstance(schema.get("items"), dict) else set())


def _fallbacks(module: ast.Module) -> Iterator[tuple[int, str, Any]]:
    """Each ``x.get("key", value)`` and ``x.get("key") or value``, where the value is a constant of the same file."""
    named = {
        target.id: node.value.value
        for node in module.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(module):
        pair: tuple[ast.expr, ast.expr] | None = None
        if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
            pair = (node.values[0], node.values[-1])
        elif isinstance(node, ast.Call) and len(node.args) == 2:
            pair = (node, node.args[1])
        key = _got(pair[0]) if pair else None
        if pair and key is not None:
            value = named.get(pair[1].id) if isinstance(pair[1], ast.Name) else getattr(pair[1], "value", None)
            yield node.lineno, key, value


def _got(node: ast.expr) -> str | None:
    """The key of ``x.get("key", ...)``."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get" and node.args:
        return str(getattr(node.args[0], "value", ""))
    return None
