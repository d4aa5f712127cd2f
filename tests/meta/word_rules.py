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
    # rollback, access, locks
    "(given|gives|gave|giving) back": "rolled back, restored, released or returned",
    "let go": "orphaned, of a pod",
    # parties
    "whose move": "owner, or Action required by",
    "as whom": "as which identity",
    "he|his|him|himself": "they, their, or the role's name",
    "(?-i:asked_by)": "requested_by",
    # agreement
    "governs? us": "prerequisites, guardrails",
    "way in from|ways in": "entry point",
    # results
    "nothing changed and it says so": "unchanged",
    "is played|are played|only plays?": "simulated",
    # task names and examples are imperatives that say what is done
    "name: (know|remember|say|let|see|tell) .*": "an imperative that says what is done, like Acquire the cluster lock",
    # archaic or private English
    "be it": "whether",
    "can go nowhere": "fits no node",
    "fits? in a head": "short enough to read at once",
    "for ever": "forever",
    "goes on from here": "continues from here",
    "look before you leap": "preview",
    "mends?": "fix",
    "reckon(s|ed|ing)?": "calculate",
    "taken for": "mistaken for, regarded as",
    "whoever runs": "the operator",
    "who comes when": "the order of the clusters",
}
# The glossary has a column of replaced words; checksums and recorded results are no prose.
EXEMPT = ("docs/glossary.md", "tests/testbed/go.sum", "tests/testbed/dns/go.sum", "tests/tools/mutants/before.jsonl")
_BETWEEN = r"(?:[ _-]|\s*\n[ \t]*(?:#:?[ \t]*)?)"


def _shape(*phrases: str) -> re.Pattern[str]:
    any_of_them = "|".join(phrases).replace(" ", _BETWEEN)
    return re.compile(rf"(?<![A-Za-z])(?:{any_of_them})(?![A-Za-z])", re.IGNORECASE)


_SHAPES = {_shape(phrase): better for phrase, better in REPLACED.items()}
# All texts have ten million characters: most have none of them, which one search finds as well as many.
_ANY = _shape(*REPLACED)


def replaced_words(tree: Tree) -> list[str]:
    """No text uses a word that the glossary replaces, also where the phrase spans two lines."""
    return [
        f"{tree.named(path)}:{text.count(chr(10), 0, found.start()) + 1}: "
        f"{' '.join(found[0].split())!r}: say {better!r}"
        for path, text in texts(tree)
        if tree.named(path) not in EXEMPT and _ANY.search(text)
        for shape, better in _SHAPES.items()
        for found in shape.finditer(text)
    ]
