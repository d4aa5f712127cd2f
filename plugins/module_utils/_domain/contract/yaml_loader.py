# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""YAML without surprises: `no` is a word, `12:30` is no number, a date stays as it is written.

Contracts are read by the rules of YAML 1.2, as editors do, and hold plain data only: no tags, no merge keys.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from .errors import shown
from .fractions import Written
from .libraries import library

_BOOL = re.compile(r"^(true|True|TRUE|false|False|FALSE)$")
# Longer numbers stay text, and fail as text: Python refuses to convert thousands of digits.
_INT = re.compile(r"^[-+]?(0|[1-9][0-9]{0,17})$")
_FRACTION = re.compile(r"^[-+]?(0|[1-9][0-9]{0,8})[.][0-9]{1,9}$")
_NULL = re.compile(r"^(~|null|Null|NULL|)$")
_TAG = "tag:yaml.org,2002:"


@cache
def loader_class() -> Any:
    """The PyYAML loader for contracts. Its ``repeated`` lists the keys written twice: line, key, message."""
    yaml = library("yaml", "PyYAML")
    # libyaml is ten times faster; PyYAML can be built without it.
    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class ContractLoader(base):  # type: ignore[misc]
        yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  (PyYAML copies it when one is added)
        yaml_constructors = {  # noqa: RUF012  (likewise)
            tag: base.yaml_constructors[tag] for tag in (f"{_TAG}null", f"{_TAG}str", f"{_TAG}seq", f"{_TAG}map", None)
        }

        def __init__(self, stream: str) -> None:
            super().__init__(stream)
            self.repeated: list[tuple[int, str, str]] = []

        def flatten_mapping(self, node: Any) -> None:
            """Leave merge keys (<<) alone: YAML 1.2 has none, and a few lines of them can fill the memory."""

        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            self.repeated += _repeated(node)
            return super().construct_mapping(node, deep)

    def integer(loader: Any, node: Any) -> int:
        return int(_plain(yaml, loader, node, _INT))

    def fraction(loader: Any, node: Any) -> Written:
        return Written(_plain(yaml, loader, node, _FRACTION))

    def boolean(loader: Any, node: Any) -> bool:
        return _plain(yaml, loader, node, _BOOL).lower() == "true"

    ContractLoader.add_constructor(f"{_TAG}int", integer)
    ContractLoader.add_constructor(f"{_TAG}float", fraction)
    ContractLoader.add_constructor(f"{_TAG}bool", boolean)
    ContractLoader.add_implicit_resolver(f"{_TAG}bool", _BOOL, list("tTfF"))
    ContractLoader.add_implicit_resolver(f"{_TAG}int", _INT, list("-+0123456789"))
    ContractLoader.add_implicit_resolver(f"{_TAG}float", _FRACTION, list("-+0123456789"))
    ContractLoader.add_implicit_resolver(f"{_TAG}null", _NULL, ["~", "n", "N", ""])
    return ContractLoader


def _repeated(node: Any) -> list[tuple[int, str, str]]:
    first: dict[str, int] = {}
    repeated = []
    # A scalar that is tagged !!map is no mapping: PyYAML says so itself.
    for key, _value in node.value if node.id == "mapping" else ():
        name, line = key.value, key.start_mark.line + 1
        if not isinstance(name, str):
            continue
        if name in first:
            message = f"the key {shown(name)} is on line {first[name]} already: keep one of them"
            repeated.append((line, name, message))
        first.setdefault(name, line)
    return repeated


def _plain(yaml: Any, loader: Any, node: Any, pattern: re.Pattern[str]) -> str:
    value: str = loader.construct_scalar(node)
    if not pattern.match(value):
        raise yaml.constructor.ConstructorError(None, None, "a value is not what its tag says", node.start_mark)
    return value
