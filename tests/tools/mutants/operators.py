# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong in one place of a source: each operator reads a syntax tree and proposes edits by exact position.

An edit replaces a span of bytes; the rest of the file stays as it is. What is in a text (f-strings) or says a type is
left alone.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath


@dataclass(frozen=True)
class Edit:
    """Bytes from ``start`` to ``end`` become ``text``; ``node`` is what the edit is about."""

    start: int
    end: int
    text: bytes
    node: ast.AST


class Source:
    """A file's bytes, its tree, and a node's place in it."""

    def __init__(self, file: str, content: bytes) -> None:
        self.file = file
        self.content = content
        self.tree = ast.parse(content)
        self.names = {node.id for node in ast.walk(self.tree) if isinstance(node, ast.Name)}
        self._lines = [0]
        for line in content.splitlines(keepends=True):
            self._lines.append(self._lines[-1] + len(line))

    def span(self, node: ast.AST) -> tuple[int, int]:
        start = self._lines[node.lineno - 1] + node.col_offset  # type: ignore[attr-defined]
        end = self._lines[node.end_lineno - 1] + node.end_col_offset  # type: ignore[attr-defined]
        return start, end

    def text(self, node: ast.AST) -> str:
        start, end = self.span(node)
        return self.content[start:end].decode()

    def replaced(self, node: ast.AST, text: str) -> Edit:
        return Edit(*self.span(node), text.encode(), node)

    def between(self, left: ast.AST, right: ast.AST, old: str, new: str) -> Iterator[Edit]:
        """The word between two nodes replaced."""
        start, end = self.span(left)[1], self.span(right)[0]
        found = re.search(rf"(?<![\w<>=!]){re.escape(old)}(?![\w<>=])".encode(), self.content[start:end])
        if found:
            parent = ast.Tuple([left, right], ast.Load())
            yield Edit(start + found.start(), start + found.end(), new.encode(), parent)


Operator = Callable[[Source, ast.AST], Iterator[Edit]]

_WORDS = {ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.In: "in",
          ast.NotIn: "not in", ast.Is: "is", ast.IsNot: "is not"}  # fmt: skip
_INVERSE = {"==": "!=", "<": ">=", ">": "<=", "in": "not in", "is": "is not"}
_INVERSE |= {new: old for old, new in _INVERSE.items()}
_BOUNDS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}


def dropped_guard(source: Source, node: ast.AST) -> Iterator[Edit]:
    """An `if` that only refuses, leaves or goes on never does."""
    leaves = (ast.Raise, ast.Return, ast.Continue, ast.Break)
    if isinstance(node, ast.If) and not node.orelse and len(node.body) == 1 and isinstance(node.body[0], leaves):
        yield source.replaced(node.test, "False")


def inverted_condition(source: Source, node: ast.AST) -> Iterator[Edit]:
    """A comparison means its opposite, and so does a condition that is a plain value."""
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        old = _WORDS[type(node.ops[0])]
        yield from source.between(node.left, node.comparators[0], old, _INVERSE[old])
    elif isinstance(node, ast.If | ast.IfExp) and isinstance(node.test, ast.Name | ast.Attribute | ast.Call):
        yield source.replaced(node.test, f"(not {source.text(node.test)})")
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield source.replaced(node, f"({source.text(node.operand)})")


def shifted_bound(source: Source, node: ast.AST) -> Iterator[Edit]:
    """A bound is off by one."""
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and (old := _WORDS[type(node.ops[0])]) in _BOUNDS:
        yield from source.between(node.left, node.comparators[0], old, _BOUNDS[old])
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        number = node.right
        if isinstance(number, ast.Constant) and type(number.value) is int:
            yield source.replaced(number, str(number.value + 1))
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"min", "max"}:
        yield source.replaced(node.func, "max" if node.func.id == "min" else "min")


def missing_wait(source: Source, node: ast.AST) -> Iterator[Edit]:
    """A wait is left out, or has no time."""
    if isinstance(node, ast.Expr) and _calls(node.value, "wait", "sleep", "poll", "until", "join"):
        yield source.replaced(node, "pass")
    elif isinstance(node, ast.Call) and _calls(node, "wait", "poll", "watch", "follow", "drain", "gone"):
        for word in node.keywords:
            if word.arg in {"seconds", "timeout", "timeout_seconds", "deadline"}:
                yield source.replaced(word.value, "0")


def leaked_release(source: Source, node: ast.AST) -> Iterator[Edit]:
    """A resource is not released."""
    names = ("release", "give_back", "roll_back", "remove", "delete", "close", "stop", "unlink", "clean", "rmtree")
    if isinstance(node, ast.Expr) and _called(node.value).startswith(names):
        yield source.replaced(node, "pass")


def _calls(node: ast.AST, *words: str) -> bool:
    return any(word in _called(node) for word in words)


def _called(node: ast.AST) -> str:
    """The name of what is called, without the underscores before it."""
    if not isinstance(node, ast.Call):
        return ""
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    return str(name).lower().lstrip("_")


_VERBS = {"get": "watch", "list": "delete", "watch": "create", "create": "update", "patch": "update", "update": "get",
          "delete": "deletecollection", "use": "get"}  # fmt: skip
_RESOURCES = {
    "pods": "secrets",
    "pods/eviction": "pods",
    "pods/log": "pods/exec",
    "nodes": "pods",
    "services": "endpoints",
    "configmaps": "secrets",
    "secrets": "configmaps",
    "leases": "events",
    "deployments": "statefulsets",
    "statefulsets": "deployments",
    "namespaces": "nodes",
    "roles": "rolebindings",
    "rolebindings": "roles",
    "clusterroles": "roles",
    "serviceaccounts": "secrets",
    "serviceaccounts/token": "serviceaccounts",
}
_ABOUT_RIGHTS = {"identities", "access", "guardrails", "rights.py", "rbac.py", "reviews.py", "permissions.py",
                 "forbidden_calls.py", "access.py", "presetup"}  # fmt: skip


def wrong_permission(source: Source, node: ast.AST) -> Iterator[Edit]:
    """A table of rights names another verb or another resource."""
    if _ABOUT_RIGHTS & set(PurePosixPath(source.file).parts) and isinstance(node, ast.Tuple | ast.List | ast.Set):
        for element in node.elts:
            value = element.value if isinstance(element, ast.Constant) else None
            other = (_VERBS.get(value) or _RESOURCES.get(value)) if isinstance(value, str) else None
            if other:
                yield source.replaced(element, f'"{other}"')


def dropped_no_log(source: Source, node: ast.AST) -> Iterator[Edit]:
    """A secret option is logged."""
    if isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            is_flag = isinstance(key, ast.Constant) and key.value == "no_log"
            if is_flag and isinstance(value, ast.Constant) and value.value is True:
                yield source.replaced(value, "False")


_OWNERS = {"CUSTOMER": "FIREWORKS", "FIREWORKS": "CUSTOMER", "OPERATOR": "CUSTOMER", "customer": "fireworks",
           "fireworks": "customer", "operator": "customer"}  # fmt: skip
_RESULTS = {"GO": "WAITING", "WAITING": "REFUSED", "REFUSED": "WAITING", "DONE": "UNCHANGED", "PASSED": "FAILED",
            "FAILED": "PASSED", "passed": "failed", "failed": "passed", "refused": "waiting", "waiting": "refused",
            "done": "failed", "go": "waiting", "unproved": "passed"}  # fmt: skip


def swapped_owner(source: Source, node: ast.AST) -> Iterator[Edit]:
    """Somebody else has to act, or another result is said."""
    for value in _said(node):
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            other = _OWNERS.get(value.value) or _RESULTS.get(value.value)
            if other:
                yield source.replaced(value, f'"{other}"')
        elif isinstance(value, ast.Name):
            other = _OWNERS.get(value.id) or _RESULTS.get(value.id)
            if other in source.names:
                yield source.replaced(value, str(other))
        elif isinstance(value, ast.Attribute) and isinstance(value.value, ast.Name):
            other = _OWNERS.get(value.attr) or _RESULTS.get(value.attr)
            if other and value.value.id in {"Owner", "Result", "Word", "Go"}:
                yield source.replaced(value, f"{value.value.id}.{other}")


def _said(node: ast.AST) -> list[ast.expr]:
    """The values that a node returns, passes, keeps or puts under a key."""
    if isinstance(node, ast.Call):
        return [*node.args, *(word.value for word in node.keywords)]
    if isinstance(node, ast.Return):
        return [node.value] if node.value is not None else []
    if isinstance(node, ast.Dict):
        return node.values
    if isinstance(node, ast.IfExp):
        return [node.body, node.orelse]
    return node.elts if isinstance(node, ast.Tuple) and isinstance(node.ctx, ast.Load) else []


_PRECONDITIONS = {"resourceVersion", "uid", "preconditions", "fieldManager", "fieldValidation", "dryRun", "force",
                  "propagationPolicy", "metadata.resourceVersion"}  # fmt: skip


def dropped_precondition(source: Source, node: ast.AST) -> Iterator[Edit]:
    """A request no longer says over which version, or how, it is meant."""
    if not isinstance(node, ast.Dict):
        return
    for place, key in enumerate(node.keys):
        if isinstance(key, ast.Constant) and key.value in _PRECONDITIONS:
            yield _without(source, node, place, key)


def dropped_element(source: Source, node: ast.AST) -> Iterator[Edit]:
    """One element is missing from a constant table."""
    if isinstance(node, ast.Tuple | ast.List | ast.Set) and len(node.elts) > 1:
        if isinstance(getattr(node, "ctx", None), ast.Store) or not all(map(_constant, node.elts)):
            return
        for place, element in enumerate(node.elts):
            if len(node.elts) == 2 and isinstance(node, ast.Tuple):
                other = source.text(node.elts[1 - place])
                yield Edit(*source.span(node), f"({other},)".encode(), element)
            else:
                start = source.span(element)[0] if place + 1 < len(node.elts) else source.span(node.elts[place - 1])[1]
                following = source.span(node.elts[place + 1])[0] if place + 1 < len(node.elts) else None
                yield Edit(start, following or source.span(element)[1], b"", element)


def _constant(node: ast.AST) -> bool:
    """A text, a number, a NAME or a tuple of these."""
    if isinstance(node, ast.Tuple):
        return all(map(_constant, node.elts))
    return isinstance(node, ast.Constant) or (isinstance(node, ast.Name) and node.id.isupper())


def _without(source: Source, node: ast.Dict, place: int, key: ast.AST) -> Edit:
    following = node.keys[place + 1] if place + 1 < len(node.keys) else None
    if following is not None:
        return Edit(source.span(key)[0], source.span(following)[0], b"", key)
    if place:
        return Edit(source.span(node.values[place - 1])[1], source.span(node.values[place])[1], b"", key)
    return Edit(*source.span(node), b"{}", key)


def swapped_and_or(source: Source, node: ast.AST) -> Iterator[Edit]:
    """One of two conditions is enough where both were asked, or the other way round."""
    if isinstance(node, ast.BoolOp):
        old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        yield from source.between(node.values[0], node.values[1], old, new)


def swallowed_exception(source: Source, node: ast.AST) -> Iterator[Edit]:
    """What should be told is passed over."""
    if isinstance(node, ast.ExceptHandler) and isinstance(node.body[-1], ast.Raise):
        yield source.replaced(node.body[-1], "pass")


def flipped_answer(source: Source, node: ast.AST) -> Iterator[Edit]:
    """A function says yes for no."""
    if isinstance(node, ast.Return) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, bool):
        yield source.replaced(node.value, str(not node.value.value))


OPERATORS: dict[str, Operator] = {
    operator.__name__: operator
    for operator in (
        dropped_guard,
        inverted_condition,
        shifted_bound,
        missing_wait,
        leaked_release,
        wrong_permission,
        dropped_no_log,
        swapped_owner,
        dropped_precondition,
        dropped_element,
        swapped_and_or,
        swallowed_exception,
        flipped_answer,
    )
}
