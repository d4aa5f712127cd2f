# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about what is shown to be typed, and how it is laid out: what a shell and Ansible make of it."""

from __future__ import annotations

import re

from tests.meta.text_rules import texts
from tests.meta.tree import Tree

# The shell takes these quotes away, and Ansible cuts the value at its first space.
CUT = re.compile(r"""-e \w+=(?:"[^"'\s]+ [^"']*"|'[^"'\s]+ [^"']*')""")
# A block of text with a template in it: Ansible doubles the backslash, so that no line is begun.
BLOCK = re.compile(r"^( *)(?:- )?\w+: [>|][-+]?\n((?:\1 +.*\n?|\n)+)", re.MULTILINE)
ESCAPE = re.compile(r"\{\{[^}]*\\n")


def values_cut_at_a_space(tree: Tree) -> list[str]:
    """A value with a space has quotes for Ansible too: ``-e "reason='a new router'"``."""
    return [
        f"{tree.named(path)}: {found[0]} is cut at its first space"
        for path, text in texts(tree)
        if path.suffix in (".md", ".yml") and (found := CUT.search(text))
    ]


def newlines_that_stay_letters(tree: Tree) -> list[str]:
    r"""In a block, ``join('\n')`` shows a backslash and an n: write the template in double quotes."""
    blocks = (
        (path, block) for path in tree.files if path.suffix == ".yml" for block in BLOCK.finditer(path.read_text())
    )
    return [
        f"{tree.named(path)}: \\n in a block of text begins no line: use double quotes"
        for path, block in blocks
        if path.relative_to(tree.root).parts[0] in ("playbooks", "roles") and ESCAPE.search(block[2])
    ]
