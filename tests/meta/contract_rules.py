# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about reading a contract, which no type checker of ours knows: mypy lets a NotRequired key be read as if it
were there."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from itertools import chain

from tests.meta.tree import Tree

TYPED = "plugins/module_utils/_domain/contract/typed.py"

Keys = Mapping[str, tuple[ast.expr, bool]]
"""Of a mapping's keys, the type of the value, and whether it may be missing."""
Function = ast.FunctionDef | ast.AsyncFunctionDef


def optional_keys_read_as_if_there(tree: Tree) -> list[str]:
    """A key that may be missing is read by ``get`` or ``said``, or where the function has asked whether it is there."""
    declared = _declared(tree)
    return [
        f"{tree.named(path)}:{line}: {said} may be missing: read it by get, or by defaults.said where it has a default"
        for path in tree.python("plugins")
        for function in ast.walk(ast.parse(path.read_text()) if declared else ast.Module([], []))
        if isinstance(function, Function)
        for line, said in _Reading(function, declared).problems()
    ]


def _declared(tree: Tree) -> dict[str, Keys]:
    """The mappings of a contract, by the names of their types."""
    file = tree.root / TYPED
    found: dict[str, Keys] = {}
    for node in ast.parse(file.read_text()).body if file.exists() else ():
        if isinstance(node, ast.ClassDef):
            fields = {each.target.id: each.annotation for each in node.body if _is_field(each)}
            found[node.name] = {key: _unwrapped(kind) for key, kind in fields.items()}
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            [name, keys] = node.value.args
            pairs = zip(keys.keys, keys.values, strict=True)
            found[name.value] = {key.value: _unwrapped(kind) for key, kind in pairs}
    return found


def _is_field(node: ast.stmt) -> bool:
    return isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)


def _unwrapped(kind: ast.expr) -> tuple[ast.expr, bool]:
    if isinstance(kind, ast.Subscript) and ast.unparse(kind.value) == "NotRequired":
        return kind.slice, True
    return kind, False


class _Reading:
    """What a function reads of a contract that it is given, as far as its own text tells."""

    def __init__(self, function: Function, declared: Mapping[str, Keys]) -> None:
        self._function, self._declared = function, declared
        self._types: dict[str, ast.expr] = {
            each.arg: each.annotation
            for each in chain(function.args.posonlyargs, function.args.args, function.args.kwonlyargs)
            if each.annotation
        }
        for _again in range(2):  # a name may stand in the text before what it is taken from
            for target, value in _named(function):
                if (kind := value) is not None:
                    self._types.setdefault(target, kind)
            for target, value, is_one_of in _taken(function):
                if (kind := self._type(value)) is not None and (kind := _element(kind) if is_one_of else kind):
                    self._types.setdefault(target, kind)

    def problems(self) -> Iterator[tuple[int, str]]:
        asked = set(self._asked())
        for node in ast.walk(self._function):
            if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and _is_key(node.slice):
                kind = self._type(node.value)
                _type, optional = self._keys(kind).get(node.slice.value, (None, False))
                if optional and (ast.unparse(node.value), node.slice.value) not in asked:
                    yield node.lineno, ast.unparse(node)

    def _asked(self) -> Iterator[tuple[str, str]]:
        """Of which mapping the function asks whether a key is there."""
        for node in ast.walk(self._function):
            if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In | ast.NotIn) and _is_key(node.left):
                yield ast.unparse(node.comparators[0]), node.left.value
            elif _is_get(node):
                yield ast.unparse(node.func.value), node.args[0].value

    def _keys(self, kind: ast.expr | None) -> Keys:
        return self._declared.get(kind.id, {}) if isinstance(kind, ast.Name) else {}

    def _type(self, node: ast.expr) -> ast.expr | None:
        if isinstance(node, ast.Name):
            return self._types.get(node.id)
        if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
            return self._type(node.values[0])
        if isinstance(node, ast.Subscript) and _is_key(node.slice):
            return self._keys(self._type(node.value)).get(node.slice.value, (None, False))[0]
        if isinstance(node, ast.Subscript):
            return _element(self._type(node.value))
        if _is_get(node):
            return self._keys(self._type(node.func.value)).get(node.args[0].value, (None, False))[0]
        return None


def _is_key(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _is_get(node: ast.AST) -> bool:
    called = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get"
    return called and bool(node.args) and _is_key(node.args[0])


def _element(kind: ast.expr | None) -> ast.expr | None:
    is_list = isinstance(kind, ast.Subscript) and ast.unparse(kind.value) in ("list", "Sequence", "Iterable")
    return kind.slice if is_list else None


def _named(function: Function) -> Iterator[tuple[str, ast.expr | None]]:
    for node in ast.walk(function):
        if _is_field(node):
            yield node.target.id, node.annotation


def _taken(function: Function) -> Iterator[tuple[str, ast.expr, bool]]:
    """Each name with what it is taken from, and whether it is one of that."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, node.value, False
        elif isinstance(node, ast.NamedExpr):
            yield node.target.id, node.value, False
        elif isinstance(node, ast.For | ast.comprehension) and isinstance(node.target, ast.Name):
            yield node.target.id, node.iter, True
