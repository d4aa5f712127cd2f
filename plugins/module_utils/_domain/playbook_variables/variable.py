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
from math import inf
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
    PATTERN = "host pattern"
    LIST = "list"
    MAPPING = "mapping"
    MAPPINGS = "list of mappings"


#: What text can only write down.
DATA = (Kind.LIST, Kind.MAPPING, Kind.MAPPINGS)


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

    def doubt(self, value: Any) -> str:
        """What is wrong with a value that it does not accept."""
        like = f": -e '{{\"{self.name}\": {_LIKE[self.name]}}}'" if self.name in _LIKE else ""
        return f"{self.name} is {_shown(value)}, and has to be {self.allowed()}{like}"

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
    Kind.PATTERN: "a host pattern, as text or a list",
    Kind.LIST: "a list",
    Kind.MAPPING: "a mapping, or one written as JSON or YAML",
    Kind.MAPPINGS: "a list of mappings, or one written as JSON or YAML",
}
#: How data is written.
_LIKE = {
    "alert": '{"alertname": "ModelDown", "severity": "page", "owner": "fireworks"}',
    "approvals": '[{"by": "ops@acme.example", "digest": "...", "given_at": "..."}]',
    "durations": '{"acme-eu-1": [900, 1200]}',
    "emergency": '{"approver": "boss@acme.example", "reason": "a leak"}',
    "policy": '{"canaries": 1}',
    "wanted": '{"llama-3-1-405b": 0.4}',
}
_MOST_SHOWN = 60


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"


def as_kind(kind: Kind, value: Any) -> Any:
    """What a value means as a mapping, a list of mappings or a list of texts, which may be written as text.

    Nothing is an empty one. A single mapping is a list of it. A text is a list where it is written as one, else its
    parts between commas, as Ansible reads its own lists: never its letters.

    :raises ValueError: it is something else. It has no words: :meth:`Variable.allowed` has them.
    """
    if kind is Kind.LIST:
        return _texts(value)
    found = _parsed(value)
    if found is None or found in ("", {}, [], ()):
        return {} if kind is Kind.MAPPING else []
    if kind is Kind.MAPPINGS and isinstance(found, list | tuple) and all(isinstance(one, Mapping) for one in found):
        return [dict(one) for one in found]
    if not isinstance(found, Mapping):
        raise ValueError
    return dict(found) if kind is Kind.MAPPING else [dict(found)]


def _texts(value: Any) -> list[str]:
    found = value
    if isinstance(value, str):
        written = value.strip()
        found = _parsed(written) if written.startswith(("[", "- ", "-\n")) else written.split(",") if written else []
    elif value is None:
        found = []
    elif not isinstance(value, list | tuple | Mapping):
        found = [value]
    if not isinstance(found, list | tuple) or not all(_is_text(one) for one in found):
        raise ValueError
    return [str(one).strip() for one in found]


def _is_text(value: Any) -> bool:
    """Or a number that was not put in quotes. What YAML reads as anything else was not meant as what it says."""
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def _parsed(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return yaml.safe_load(value)
    except (yaml.YAMLError, ValueError, RecursionError):  # a date that is none is a ValueError
        raise ValueError from None


def _accepts(kind: Kind, value: Any, least: int) -> bool:
    if kind in (Kind.TEXT, Kind.PATH):
        return not isinstance(value, Mapping | list)
    if kind is Kind.TRUTH:
        return str(value).lower() in _TRUTHS
    if kind is Kind.MOMENT:
        return isinstance(value, datetime) or _read(datetime.fromisoformat, str(value)) is not None
    if kind is Kind.PATTERN:  # Ansible's own to read: [a-c]* is none of JSON's lists
        return not isinstance(value, Mapping) and (not isinstance(value, list) or all(map(_is_text, value)))
    if kind in DATA:
        return _read(lambda given: as_kind(kind, given), value) is not None
    number = None if isinstance(value, bool) else _read(int if kind is Kind.NUMBER else float, str(value))
    return number is not None and least <= number < inf


def _read(kind: Callable[[Any], Any], value: Any) -> Any:
    """What a value is as another type; nothing where it is none."""
    try:
        return kind(value)
    except ValueError:
        return None
