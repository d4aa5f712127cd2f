# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Words that docs/glossary.md replaces, and the rule that keeps them out of every text file."""

from __future__ import annotations

import re

from tests.meta.text_rules import texts
from tests.meta.tree import Tree

# What is replaced (a regular expression; a blank also matches an underscore, a dash or a line break) and what to say.
REPLACED = {
    "reckon(s|ed|ing)?": "calculate",
    "fit(s)? in a head": "short enough to read at once",
    "be it": "whether",
}
# The glossary has a column of replaced words.
GLOSSARY = "docs/glossary.md"
_BETWEEN = r"(?:[ _-]|\s*\n[ \t]*(?:#:?[ \t]*)?)"
_SHAPES = {
    re.compile(rf"(?<![A-Za-z])(?:{phrase.replace(' ', _BETWEEN)})(?![A-Za-z])", re.IGNORECASE): better
    for phrase, better in REPLACED.items()
}


def replaced_words(tree: Tree) -> list[str]:
    """No text uses a word that the glossary replaces, also where the phrase spans two lines."""
    return [
        f"{tree.named(path)}:{text.count(chr(10), 0, found.start()) + 1}: "
        f"{' '.join(found[0].split())!r}: say {better!r}"
        for path, text in texts(tree)
        if tree.named(path) != GLOSSARY
        for shape, better in _SHAPES.items()
        for found in shape.finditer(text)
    ]
