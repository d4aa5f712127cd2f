# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rule about what is worded for people: it is made in one place, and nothing reads it back."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.redaction import redacted
from tests.meta.tree import Tree, read_yaml

WORDING = "plugins/module_utils/_vocabulary/wording.py"
CODE = ("plugins", "playbooks", "roles", "extensions")
MARKERS = re.compile(r"Next:|Action required by|Whose move")


def wording_elsewhere(tree: Tree) -> list[str]:
    """The words for an owner and a next step are literals of one file: without them nobody can look for them."""
    return [
        f"{tree.named(path)}:{line}: {text!r} is worded in {WORDING}"
        for path in tree.files
        if tree.named(path).split("/")[0] in CODE and tree.named(path) != WORDING
        for line, text in _markers(path)
    ]


ADDRESSES = {"server", "proxy_url"}
#: What an exec plugin or a lookup printed.
PRINTED = {"stderr", "stdout"}


def secrets_worded(tree: Tree) -> list[str]:
    """No text has in it an address as it is (`shown_address` leaves out where secrets are), or what others printed."""
    return [
        f"{tree.named(path)}:{value.lineno}: {name} is put into a text as it is"
        for path in tree.files
        if tree.named(path).startswith("plugins/") and path.suffix == ".py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FormattedValue)
        for value in [node.value]
        for name in [getattr(value, "attr", getattr(value, "id", ""))]
        if name in ADDRESSES | PRINTED
    ]


MESSAGE_READ = re.compile(r"\.msg\b.*(?:\bis (?:not )?(?:search|match|regex)\b|regex_search)|\bin \w+\.msg\b")


def decided_by_wording(tree: Tree) -> list[str]:
    """No playbook or role decides by a message: what it decides by is another key of the result."""
    return [
        f"{tree.named(path)}:{number}: decides by a message"
        for path in tree.files
        if tree.named(path).split("/")[0] in ("playbooks", "roles") and path.suffix == ".yml"
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if MESSAGE_READ.search(line)
    ]


#: What is written, and not told: files, and the descriptions of the contract's fields.
_WRITTEN = re.compile(r"_domain/(?:new_contract|contract/(?:schema\w*|secret_forms))\.py$")
_DOCUMENTS = {"DOCUMENTATION", "EXAMPLES", "RETURN"}
_TOLD = {"what", "next_step", "details", "msg"}


def messages_redacted(tree: Tree) -> list[str]:
    """A message of ours is left as it is by the redaction: an incident or a bundle shows whole what there is to do."""
    return [
        f"{tree.named(path)}:{line}: {text.strip()!r} becomes {redacted(text).strip()!r} where it is redacted"
        for path in tree.files
        if tree.named(path).split("/")[0] in ("plugins", "playbooks", "roles") and not _WRITTEN.search(str(path))
        for line, text in _messages(path)
        if redacted(text) != text
    ]


def _messages(path: Path) -> Iterator[tuple[int, str]]:
    """The texts of a file that people may be told, with ``x`` for whatever is put in."""
    if path.suffix == ".py":
        yield from ((line, text) for line, text in _whole_texts(path) if " " in text)
    elif path.suffix == ".yml" and "/files/" not in str(path):
        for key, text in _values(read_yaml(path)):
            if key in _TOLD:
                yield 1, re.sub(r"\{[{%].*?[%}]\}", "x", text)


def _values(data: Any) -> Iterator[tuple[str, str]]:
    if isinstance(data, dict):
        for key, value in data.items():
            yield from [(str(key), value)] if isinstance(value, str) else _values(value)
    elif isinstance(data, list):
        for each in data:
            yield from _values(each)


def _whole_texts(path: Path) -> Iterator[tuple[int, str]]:
    """The texts of a file, an f-string as one; without docstrings and the documentation of plugins."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    inside = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        if isinstance(node, ast.Assign) and {getattr(each, "id", "") for each in node.targets} & _DOCUMENTS:
            inside.add(id(node.value))
        elif isinstance(node, ast.JoinedStr):
            inside.update(map(id, node.values))
            yield node.lineno, "".join(str(getattr(each, "value", "")) if isinstance(each, ast.Constant) else "x"
                                       for each in node.values)  # fmt: skip
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            yield node.lineno, node.value


def _markers(path: Path) -> Iterator[tuple[int, str]]:
    if path.suffix == ".py":
        yield from ((line, found[0]) for line, text in _literals(path) for found in [MARKERS.search(text)] if found)
    elif path.suffix in (".yml", ".j2"):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if found := MARKERS.search(line):
                yield number, found[0]


def _literals(path: Path) -> Iterator[tuple[int, str]]:
    """The texts of a file, those inside f-strings too; a docstring is none."""
    tree = ast.parse(path.read_text())
    nodes = list(ast.walk(tree))
    said = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
            yield node.lineno, node.value
