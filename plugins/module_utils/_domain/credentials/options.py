# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory's options ``credential_roots`` and ``exec_plugins``, as data; or what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .patterns import is_too_wide
from .root import LookupRoot, Root

_PATTERNS = ("contracts", "environment", "contexts")
_EXACT = ("directories", "servers")
_LISTS = (*_PATTERNS, *_EXACT)


def roots_of(option: Any, real: Callable[[str], str]) -> dict[str, Root]:
    """The root of each customer.

    :param real: gives the absolute path behind one that may be relative or have links.
    :raises ValueError: what is wrong, and where.
    """
    place = "credential_roots"
    return {
        customer: _root(_mapping(given, f"{place}.{customer}"), f"{place}.{customer}", real)
        for customer, given in _mapping(option, place).items()
    }


def exec_plugins_of(option: Any) -> dict[str, list[str]]:
    """The commands that kubeconfigs may run, and the environment variables that they may set for each.

    :raises ValueError: what is wrong, and where.
    """
    place = "exec_plugins"
    return {
        command: list(_texts(variables or [], f"{place}.{command}"))
        for command, variables in _mapping(option, place).items()
    }


def _root(given: Mapping[str, Any], place: str, real: Callable[[str], str]) -> Root:
    _require_known(given, (*_LISTS, "lookups"), place)
    lists = {key: _texts(given[key], f"{place}.{key}") for key in _LISTS if key in given}
    for key in _PATTERNS:
        _require_narrow(lists.get(key, ()), f"{place}.{key}")
    if "directories" in lists:
        lists["directories"] = tuple(real(path) for path in lists["directories"])
    return Root(**lists, lookups=tuple(_lookups(given.get("lookups", []), f"{place}.lookups")))


def _lookups(given: Any, place: str) -> Iterator[LookupRoot]:
    if not isinstance(given, list):
        raise ValueError(f"{place} is not a list")
    for number, each in enumerate(given):
        at = f"{place}[{number}]"
        entry = _mapping(each, at)
        _require_known(entry, ("plugin", "terms", "options"), at)
        options = _mapping(entry.get("options", {}), f"{at}.options")
        allowed = {name: _texts(values, f"{at}.options.{name}") for name, values in options.items()}
        terms = _texts(entry.get("terms", []), f"{at}.terms")
        for patterns in (terms, *allowed.values()):
            _require_narrow(patterns, at)
        [plugin] = _texts([entry.get("plugin")], f"{at}.plugin")
        yield LookupRoot(plugin, terms, allowed)


def _mapping(given: Any, place: str) -> Mapping[str, Any]:
    if not isinstance(given, Mapping) or not all(isinstance(key, str) for key in given):
        raise ValueError(f"{place} is not a mapping of names")
    return given


def _texts(given: Any, place: str) -> tuple[str, ...]:
    if not isinstance(given, (list, tuple)) or not all(isinstance(each, str) and each for each in given):
        raise ValueError(f"{place} is not a list of texts")
    return tuple(str(each) for each in given)


def _require_known(given: Mapping[str, Any], known: tuple[str, ...], place: str) -> None:
    if unknown := [key for key in given if key not in known]:
        raise ValueError(f"{place} has {', '.join(unknown)}, which is unknown: known are {', '.join(sorted(known))}")


def _require_narrow(patterns: tuple[str, ...], place: str) -> None:
    if wide := [pattern for pattern in patterns if is_too_wide(pattern)]:
        raise ValueError(f"{place} has the pattern {wide[0]!r}, which names nobody's: write a part of the name")
