# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bounds of a contract: everything but its models and which release of the stack. They bind us once the customer's
administrators have applied them; what is left is the content of changes, each approved by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .defaults import with_defaults
from .digest import contract_digest
from .schema import SCHEMA

Data = Mapping[str, Any]

_CONTENT = ("models", "stack")
"""A contract says nothing of the stack but its release or the channel of it."""
_BINDING_ACCESS = ("mode", "token_lifetime", "dropped_rights")
"""The rest says how a controller reaches the cluster, and where its credential lies: another has its own."""


def bounds_of(contract: Data) -> dict[str, Any]:
    """The part of a contract that binds."""
    bounds = {key: value for key, value in contract.items() if key not in _CONTENT}
    access = bounds.get("access") or {}
    return {**bounds, "access": {key: access[key] for key in _BINDING_ACCESS if access.get(key)}}


def bounds_digest(contract: Data) -> str:
    """A name for the bounds of a contract."""
    return contract_digest(bounds_of(contract))


def differing_clauses(recorded: Data, contract: Data) -> list[dict[str, Any]]:
    """Each clause that differs: ``clause`` (its path), ``recorded`` and ``said`` (None where it is not there).

    What one of them does not say is what holds where nothing is said: a newer collection's new clauses differ nowhere.
    """
    sides = (bounds_of(with_defaults(side, SCHEMA)) for side in (recorded, bounds_of(contract)))
    return [
        {"clause": clause, "recorded": one, "said": other}
        for clause, one, other in sorted(_differences("", *sides), key=lambda found: found[0])
    ]


def bounds_rows(recorded: Data | None, contract: Data) -> list[dict[str, Any]]:
    """As :func:`differing_clauses`, with one row for all where nothing is recorded."""
    if recorded is None:
        return [{"clause": "bounds", "recorded": None, "said": "recorded"}]
    return differing_clauses(recorded, contract)


def _differences(place: str, one: Any, other: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in one.keys() | other.keys():
            yield from _differences(f"{place}.{key}".lstrip("."), one.get(key), other.get(key))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, (first, second) in enumerate(zip(one, other, strict=True)):
            yield from _differences(f"{place}[{index}]", first, second)
    elif one != other:
        yield place, one, other
