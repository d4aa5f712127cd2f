# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a pattern of clusters names what there is: Ansible takes a blank one, and some mistyped ones, for all."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase

_SLICE = re.compile(r"^(?P<name>.+)\[-?\d*:?-?\d*\]$")


def pattern_doubts(terms: Sequence[str], names: Collection[str]) -> list[str]:
    """What is wrong with a pattern, in words; nothing where each of its terms is known.

    :param terms: the pattern as Ansible splits it, such as ``["ring_canary", "&access_standard", "!acme-eu-1"]``.
    :param names: of all hosts and groups.
    """
    if not any(term.strip() for term in terms):
        return ["it is blank"]
    return [doubt for term in terms if (doubt := _doubt(term.strip(), names))]


def _doubt(term: str, names: Collection[str]) -> str:
    name = term[1:].strip() if term.startswith(("!", "&")) else term
    if not name:
        return f"it has an empty part ({term!r})" if term else "it has an empty part"
    if name.startswith("~"):
        return "" if _matches(name[1:], names) else f"no cluster and no group matches {name!r}"
    if name in names:
        return ""
    sliced = _SLICE.match(name)
    if sliced and sliced["name"] in names:
        return ""
    if any(sign in name for sign in "*?[") and any(fnmatchcase(known, name) for known in names):
        return ""
    near = get_close_matches(name, list(names), n=1)
    return f"there is no cluster and no group {name!r}" + (f": did you mean {near[0]!r}?" if near else "")


def _matches(expression: str, names: Collection[str]) -> bool:
    try:
        wanted = re.compile(expression)
    except re.error:
        return False
    return any(wanted.match(name) for name in names)
