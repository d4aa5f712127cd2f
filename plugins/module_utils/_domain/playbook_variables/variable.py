# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A variable of playbooks, as data, and whether a value is one that it may have."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

try:
    import yaml
except ImportError:  # on a controller it is there: Ansible needs it
    YAML_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    YAML_IMPORT_ERROR = None

_TRUTHS = {"true", "false", "yes", "no", "on", "off", "y", "n", "t", "f", "1", "0"}


class Kind(StrEnum):
    """The type of a value. As ``-e name=value`` and surveys give it, every value is text."""

    TEXT = "text"
    PATH = "path"
    NUMBER = "whole number"
    FRACTION = "number"
    TRUTH = "true or false"
    MOMENT = "time"
    LIST = "list"
    MAPPING = "mapping"
    MAPPINGS = "list of mappings"


@dataclass(frozen=True)
class Variable:
    """One variable.

    playbooks: those that take it. required: those of them that refuse without it. default: what holds otherwise, in
    words. choices: the only values. least: the least number.
    """

    name: str
    kind: Kind
    what: str
    playbooks: tuple[str, ...]
    required: tuple[str, ...] = ()
    default: str = ""
    choices: tuple[str, ...] = ()
    least: int = 0

    def allowed(self) -> str:
        """What a value has to be, in words."""
        if self.choices:
            return ("one of " if len(self.choices) > 1 else "") + ", ".join(self.choices)
        if self.kind in (Kind.NUMBER, Kind.FRACTION):
            return f"a {self.kind}, at least {self.least}"
        return _WORDS[self.kind]

    def accepts(self, value: Any) -> bool:
        """Whether it may be given so. A template is judged where it is evaluated."""
        if isinstance(value, str) and ("{{" in value or "{%" in value):
            return True
        if self.choices:
            return str(value) in self.choices
        return _accepts(self.kind, value, self.least)


_WORDS = {
    Kind.TEXT: "text",
    Kind.PATH: "a path",
    Kind.TRUTH: "true or false",
    Kind.MOMENT: "a time, such as 2026-12-01T08:00:00+01:00",
    Kind.LIST: "a list",
    Kind.MAPPING: "a mapping, or one written as JSON or YAML",
    Kind.MAPPINGS: "a list of mappings, or one written as JSON or YAML",
}


def _accepts(kind: Kind, value: Any, least: int) -> bool:
    if kind in (Kind.TEXT, Kind.PATH):
        return not isinstance(value, Mapping | list)
    if kind is Kind.LIST:
        return not isinstance(value, Mapping)
    if kind is Kind.TRUTH:
        return str(value).lower() in _TRUTHS
    if kind is Kind.MOMENT:
        return isinstance(value, datetime) or _read(datetime.fromisoformat, value) is not None
    if kind in (Kind.MAPPING, Kind.MAPPINGS):
        return _is_data(kind, value)
    number = None if isinstance(value, bool) else _read(int if kind is Kind.NUMBER else float, value)
    return number is not None and number >= least


def _is_data(kind: Kind, value: Any) -> bool:
    if isinstance(value, str):
        try:
            value = yaml.safe_load(value)
        except yaml.YAMLError:
            return False
    if value is None or isinstance(value, Mapping):
        return True
    return kind is Kind.MAPPINGS and isinstance(value, list) and all(isinstance(one, Mapping) for one in value)


def _read(kind: Callable[[str], Any], value: Any) -> Any:
    """What a value's text is as another type; nothing where it is none."""
    try:
        return kind(str(value))
    except ValueError:
        return None
