# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about pages: where their links lead, and whether what they tell to run can be run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.playbook_variables.declared import EVERY, VARIABLES
from tests.meta.tree import Tree

_LINK = re.compile(r"!?\[[^\]\n]*\]\(([^)\s]+)\)|!?\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]*`")
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
_ADDRESS = re.compile(r"(?:https?|mailto|file):")

_COMMAND = re.compile(r"^```\w*\n(.*?)^```$|`([^`\n]+)`", re.MULTILINE | re.DOTALL)
_PLAYBOOK = re.compile(r"\bfireworks\.byoc\.(\w+)")
_RUN = re.compile(r"ansible-playbook (?:-\S+ )*fireworks\.byoc\.(\w+)")
_GIVEN = re.compile(r"""(?<!\w)-e (?:["']?(\w+)=|'\{([^\n]*?)\}')""")
_KEY = re.compile(r"""(?:^|, )"(\w+)":""")
#: What a run takes beside variables of ours: of the connection, of awx, and of a playbook that is none of ours.
_OTHER_PROGRAMS = ("ansible-rulebook", "configure.yml", "announce.yml", "kubectl -e")


def links_to_nowhere(tree: Tree) -> list[str]:
    """Each relative link of a page leads to a file, and to a heading of it."""
    problems = []
    for path, text in _pages(tree):
        for address in filter(None, (one for pair in _LINK.findall(_without_code(text)) for one in pair)):
            if _ADDRESS.match(address):
                continue
            name, _hash, anchor = address.partition("#")
            target = (path.parent / name).resolve() if name else path
            if not target.exists():
                problems.append(f"{tree.named(path)}: {address}: there is no such file")
            elif anchor and target.suffix == ".md" and anchor not in _anchors(target):
                problems.append(f"{tree.named(path)}: {address}: there is no such heading")
    return problems


def commands_that_cannot_be_run(tree: Tree) -> list[str]:
    """Each playbook in a command is there, and takes what it is given. Decisions tell of what was, too."""
    options = {name for role in tree.roles for name in role.options}
    problems = []
    for path, text in _pages(tree):
        for command in () if path.parent.name == "decisions" else _commands(text):
            run = _RUN.search(command)
            name = run[1] if run else _named(command)
            if run and name not in EVERY and name != "operation":
                problems.append(f"{tree.named(path)}: there is no playbook {name}")
                continue
            if any(other in command for other in _OTHER_PROGRAMS):
                continue
            known = {each.name for each in VARIABLES if not name or name in each.playbooks} | options
            problems += [
                f"{tree.named(path)}: {name or 'no playbook'} takes no variable {given}"
                for given in _variables(command)
                if given not in known
            ]
    return problems


def _pages(tree: Tree) -> Iterator[tuple[Path, str]]:
    for path in tree.files:
        if path.suffix == ".md":
            yield path, path.read_text(encoding="utf-8")


def _without_code(text: str) -> str:
    return _CODE.sub("``", _FENCE.sub("", text))


@cache
def _anchors(path: Path) -> frozenset[str]:
    """As GitHub makes them of headings; one that is there twice has a number."""
    found: list[str] = []
    for heading in _HEADING.findall(_FENCE.sub("", path.read_text(encoding="utf-8"))):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        found.append(f"{slug}-{found.count(slug)}" if slug in found else slug)
    return frozenset(found)


def _commands(text: str) -> Iterator[str]:
    """Each line of a block, with those that it goes on in, and each piece of code in a line."""
    for block, piece in _COMMAND.findall(text):
        yield from re.sub(r"\\\n\s*", " ", block).splitlines() if block else [piece]


def _named(command: str) -> str:
    """The playbook of a command that is not written whole: ``upgrade -e release=…``."""
    found = _PLAYBOOK.search(command)
    first = found[1] if found else command.split(" ")[0]
    return first if first in EVERY else ""


def _variables(command: str) -> Iterator[str]:
    for name, mapping in _GIVEN.findall(command):
        yield from [name] if name else _KEY.findall(re.sub(r"[\[{][^\[\]{}]*[\]}]", "", mapping))
