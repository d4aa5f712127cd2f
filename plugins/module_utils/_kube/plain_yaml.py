# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""YAML or JSON that holds texts, truths, lists and mappings, and nothing that its writer could make of them.

Somebody else wrote it. Numbers, dates and tags (but !!binary) would be made into values of other types, which fail far
from here and say in their own words what they could not read; merge keys let a few lines fill the memory.
"""

from __future__ import annotations

import contextlib
import json
import re
import traceback
from functools import cache
from typing import Any

try:
    import yaml
except ImportError:  # reported by Operation before anything runs
    YAML_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    YAML_IMPORT_ERROR = None

_TAG = "tag:yaml.org,2002:"
_RESOLVED = (f"{_TAG}null", f"{_TAG}bool")
_MADE = (*_RESOLVED, f"{_TAG}str", f"{_TAG}seq", f"{_TAG}map", None)


_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?")
_MOST_DEEP, _MOST_VALUES = 50, 10_000


class Number(str):
    """A text that stands there as a number, unquoted."""

    __slots__ = ()


class NotPlainError(ValueError):
    """The text is no such YAML. It is not repeated. :param line: where that shows; 0 where one cannot tell."""

    def __init__(self, line: int = 0) -> None:
        super().__init__()
        self.line = line


def plain_data(text: str) -> Any:
    """What a text holds.

    :raises NotPlainError: it is not YAML, or has tags of other types, or is nested beyond reason.
    """
    if text.lstrip("\ufeff \t\r\n").startswith("{"):
        with contextlib.suppress(ValueError, RecursionError):  # else it may be a mapping of YAML in brackets
            return _json(text.lstrip("\ufeff"))
    try:
        return yaml.load(text, Loader=_loader())  # noqa: S506 (a loader that makes even less than the safe one)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise NotPlainError(mark.line + 1 if mark else 0) from None
    except (ValueError, KeyError, RecursionError):  # a value that is not what its tag says, or brackets without end
        raise NotPlainError from None


def _json(text: str) -> Any:
    """JSON as it is: YAML refuses the tabs in it. Numbers stay texts."""
    return json.loads(text, parse_int=Number, parse_float=Number, parse_constant=str)


def numbered(value: Any, depth: int = _MOST_DEEP) -> Any:
    """The same with its numbers: for what is handed on, and not used by us.

    :raises NotPlainError: it is deeper, or by its names (&a, *a) larger, than anything that is meant.
    """
    return _numbered(value, depth, [_MOST_VALUES])


def _numbered(value: Any, depth: int, left: list[int]) -> Any:
    left[0] -= 1
    if not depth or left[0] < 0:
        raise NotPlainError
    if isinstance(value, dict):
        return {key: _numbered(each, depth - 1, left) for key, each in value.items()}
    if isinstance(value, list):
        return [_numbered(each, depth - 1, left) for each in value]
    return json.loads(value) if isinstance(value, Number) else value


@cache
def _loader() -> Any:
    safe: Any = yaml.SafeLoader

    class PlainLoader(safe):  # type: ignore[misc]
        yaml_implicit_resolvers = {  # noqa: RUF012 (as PyYAML has it)
            first: [(tag, pattern) for tag, pattern in known if tag in _RESOLVED]
            for first, known in safe.yaml_implicit_resolvers.items()
        }
        yaml_constructors = {tag: safe.yaml_constructors[tag] for tag in _MADE}  # noqa: RUF012 (likewise)

        def text_or_number(self, node: Any) -> str:
            text = str(self.construct_scalar(node))
            return Number(text) if node.style is None and _NUMBER.fullmatch(text) else text

        def text_of_bytes(self, node: Any) -> str:
            """What !!binary holds. The rest of this reading knows no bytes."""
            return str(safe.construct_yaml_binary(self, node).decode())

        def flatten_mapping(self, node: Any) -> None:
            """Leave merge keys (<<) alone."""

    PlainLoader.yaml_constructors[f"{_TAG}str"] = PlainLoader.text_or_number
    PlainLoader.yaml_constructors[f"{_TAG}binary"] = PlainLoader.text_of_bytes
    return PlainLoader
