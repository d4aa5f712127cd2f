# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about what is written in files: length, licence, secrets, places on somebody's machine, versions."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypeGuard

from tests.meta.contract_rules import TYPED
from tests.meta.tree import Tree, read_yaml

MOST_LINES = 400
_LICENSED = ("extensions/", "meta/", "playbooks/", "plugins/", "roles/")
HEADER = (
    "# Copyright (c) Fireworks AI and contributors",
    "# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)",
    "# SPDX-License-Identifier: GPL-3.0-or-later",
)
SECRETS = {
    "a private key": re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s*[A-Za-z0-9+/]{40}"),
    "a cloud access key": re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    "a forge token": re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|glpat-[A-Za-z0-9_-]{20})\b"),
    "a chat token": re.compile(r"\bxox[abprs]-[0-9A-Za-z-]{20,}"),
    "a signed token": re.compile(r"\beyJ[A-Za-z0-9_-]{20,}\.eyJ[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}"),
    "a serving key": re.compile(r"\bfw_[A-Za-z0-9]{20,}\b"),
}
# Personal folders. A dot, a word or a brace before it makes it part of a longer name.
MACHINE = re.compile(r"(?<![\w.}\]])/(?:root|work|Users|home/(?!\{)[a-z]\w*)/[\w.]")
# Home folders used in examples.
EXAMPLE_HOMES = re.compile(r"/home/(?:sre|me|you|user|awx|operator)/")


def too_long(tree: Tree) -> list[str]:
    """A file with more lines has more than one reason to change: split it. What is made of the schema has one."""
    written = [path for path in tree.python("plugins") if tree.named(path) != TYPED]
    lengths = {tree.named(path): len(path.read_text().splitlines()) for path in written}
    return [
        f"{name}: {count} lines; the limit is {MOST_LINES}" for name, count in lengths.items() if count > MOST_LINES
    ]


def digits_told_by_isdigit(tree: Tree) -> list[str]:
    """``int`` refuses some of what these call a number: what reads one asks ``whole_number``."""
    asked = ((path, re.search(r"\.(isdigit|isnumeric)\b(?!`)", path.read_text())) for path in tree.python("plugins"))
    return [f"{tree.named(path)}: asks {found[1]}: use whole_number" for path, found in asked if found]


CLOCK = "plugins/module_utils/_vocabulary/times.py"


def moments_formatted_elsewhere(tree: Tree) -> list[str]:
    """How a moment is written is said in one place: people read one form of it, and always its time zone."""
    return [
        f"{tree.named(path)}:{node.lineno}: formats a moment: use {CLOCK}"
        for path in tree.python("plugins")
        if tree.named(path) != CLOCK
        for node in ast.walk(ast.parse(path.read_text()))
        if _formats_a_moment(node)
    ]


def _formats_a_moment(node: ast.AST) -> TypeGuard[ast.expr]:
    """By strftime, or in a text by a format like %Y or by isoformat. What is data alone may be in ISO 8601."""
    if isinstance(node, ast.Attribute):
        return node.attr == "strftime"
    if not isinstance(node, ast.FormattedValue):
        return False
    by_format = node.format_spec is not None and re.search("%[a-zA-Z]", ast.unparse(node.format_spec)) is not None
    return by_format or any(isinstance(one, ast.Attribute) and one.attr == "isoformat" for one in ast.walk(node.value))


def shown_as_it_came(tree: Tree) -> list[str]:
    """What speaks to a terminal quotes others: it makes harmless what it shows (_vocabulary/harmless.py).

    A program in a pod has no vocabulary; that it does the same by itself is tested where it is run.
    """
    speaking = re.compile(r"display\.(?:display|warning|error|deprecated|v+)\(|sys\.std(?:out|err)\.write\(|\bprint\(")
    texts = {tree.named(path): path.read_text() for path in tree.python("plugins")}
    return [
        f"{name}: shows what it does not make harmless: {found[0]}…)"
        for name, text in texts.items()
        if (found := speaking.search(text)) and "_vocabulary.harmless import" not in text and "/_in_pods/" not in name
    ]


def without_licence(tree: Tree) -> list[str]:
    """Each Python file begins with the licence header and postpones the evaluation of annotations."""
    problems = []
    for path in tree.python():
        text = path.read_text()
        lines = tuple(line for line in text.splitlines()[:5] if not line.startswith("#!"))
        if text.strip() and lines[:3] != HEADER:
            problems.append(f"{tree.named(path)}: does not begin with the licence's three lines")
        if (
            re.search(r"^(import|from|def|class) ", text, re.MULTILINE)
            and "from __future__ import annotations" not in text
        ):
            problems.append(f"{tree.named(path)}: lacks `from __future__ import annotations`")
    return problems


def yaml_without_licence(tree: Tree) -> list[str]:
    """Each YAML file that is shipped says its licence first. Published releases stay as they are."""
    shipped = (
        path
        for path in tree.files
        if path.suffix == ".yml" and (name := tree.named(path)).startswith(_LICENSED) and "/files/releases/" not in name
    )
    return [
        f"{tree.named(path)}: does not begin with `{HEADER[2]}`"
        for path in shipped
        if HEADER[2] not in path.read_text().splitlines()[:4]
    ]


def secrets_inside(tree: Tree) -> list[str]:
    """Nothing that looks like a credential is in a file, a made-up one in tests included: a scanner cannot tell."""
    found = ((path, what) for path, text in texts(tree) for what, shape in SECRETS.items() if shape.search(text))
    return [f"{tree.named(path)}: looks like {what}" for path, what in found]


def machine_places(tree: Tree) -> list[str]:
    """No file depends on, or mentions, a path on its author's machine."""
    problems = []
    for path, text in texts(tree):
        for number, line in enumerate(text.splitlines(), 1):
            if MACHINE.search(EXAMPLE_HOMES.sub("", line)):
                problems.append(f"{tree.named(path)}:{number}: {line.strip()[:100]}")
    return problems


def versions_apart(tree: Tree) -> list[str]:
    """galaxy.yml is at the newest release of the changelog, or ahead of it with fragments that say what is new."""
    version = str(tree.galaxy.get("version"))
    releases = (read_yaml(tree.root / "changelogs" / "changelog.yaml") or {}).get("releases") or {}
    newest = max(releases, key=_order, default=None)
    fragments = [path for path in (tree.root / "changelogs" / "fragments").glob("*.y*ml") if read_yaml(path)]
    if newest == version or (fragments and (newest is None or _order(newest) < _order(version))):
        return []
    return [f"galaxy.yml is at {version}, the newest release in the changelog is {newest}, fragments: {len(fragments)}"]


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


def texts(tree: Tree) -> Iterator[tuple[Path, str]]:
    """Every text file except the rules themselves, which contain what they look for."""
    for path in tree.files:
        if path == Path(__file__) or path.parent == Path(__file__).parent:
            continue
        try:
            yield path, path.read_text()
        except UnicodeDecodeError:
            continue
