# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold between the contracts of one fleet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .errors import Problem

if TYPE_CHECKING:
    from .typed import Contract

# The key under `identity`, and what happens when two contracts share its value.
_UNIQUE = {
    "name": "a host is one cluster; give one of them another name, or remove the file that is out of date",
    "uid": "one cluster has one contract; correct the UID, or remove the file that is out of date",
}


def duplicates(contracts: Mapping[str, Contract]) -> list[Problem]:
    """A problem for each contract that shares its name or its cluster's UID with another.

    contracts: valid contracts by their files. Every file involved has a problem: either may be the wrong one.
    """
    problems = []
    for key, advice in _UNIQUE.items():
        files: dict[str, list[str]] = {}
        for path, contract in contracts.items():
            identity: Mapping[str, Any] = contract["identity"]
            files.setdefault(identity[key].lower(), []).append(path)
        for value, paths in files.items():
            for path in paths if len(paths) > 1 else ():
                others = ", ".join(other for other in paths if other != path)
                problems.append(Problem(path, f"identity.{key}", value, f"'{value}' is also in {others}: {advice}"))
    return problems
