# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From any data to a valid contract, or to everything that is wrong with it."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from .defaults import name_models, with_defaults
from .errors import REDACTED, ContractErrors, Problem, shown, where
from .formats import FORMATS
from .libraries import library
from .refused import training
from .rules import RULES
from .schema import SCHEMA
from .secrets import inline_secrets, may_be_shown, may_be_told
from .wording import explain

Place = tuple[Any, ...]


def load_contract(data: object, *, path: str) -> dict[str, Any]:
    """The contract in ``data``, validated, as a new dictionary with its defaults filled in.

    path: the file it came from, for messages. Raises ContractErrors with every problem, sorted by place,
    and LibraryMissing where the libraries that check a contract are not installed.
    """
    problems = problems_of(data, path=path)
    if problems:
        raise ContractErrors(problems)
    contract: dict[str, Any] = with_defaults(_with_texts(data), SCHEMA)
    name_models(contract)
    return contract


def problems_of(data: object, *, path: str) -> list[Problem]:
    """Everything that is wrong with ``data`` as a contract, sorted by place; empty when it is valid."""
    validator = _validator()
    if not isinstance(data, Mapping):
        return [Problem(path, "", None, _not_a_mapping(data))]
    contract = _with_texts(data)
    found: dict[Place, str] = {}
    # The first to speak about a place is the one that is heard: the most telling come first.
    for place, message in _findings(contract, validator):
        found.setdefault(place, message)
    return [
        Problem(path, where(place), _value_at(contract, place), message)
        for place, message in sorted(found.items(), key=lambda item: _order(item[0]))
    ]


def _findings(data: Mapping[Any, Any], validator: Any) -> Iterator[tuple[Place, str]]:
    yield from inline_secrets(data)
    yield from training(data)
    for error in validator.iter_errors(data):
        yield from explain(error)
    for rule in RULES:
        yield from rule(data)


@lru_cache(maxsize=1)
def _validator() -> Any:
    jsonschema = library("jsonschema", "jsonschema")
    base = jsonschema.Draft202012Validator
    # A float is never a count, not even 2.0.
    types = base.TYPE_CHECKER.redefine(
        "integer", lambda _checker, value: isinstance(value, int) and not isinstance(value, bool)
    )
    formats = jsonschema.FormatChecker(formats=())
    for name, check in FORMATS.items():
        formats.checks(name, raises=ValueError)(_passes(check))
    # Python's $ lets a line break pass that JSON Schema's does not.
    keywords = {"pattern": _pattern(jsonschema)}
    return jsonschema.validators.extend(base, keywords, type_checker=types)(SCHEMA, format_checker=formats)


def _pattern(jsonschema: Any) -> Any:
    def pattern(_validator: Any, wanted: str, value: Any, _schema: Any) -> Iterator[Any]:
        if isinstance(value, str) and not re.fullmatch(wanted, value):
            yield jsonschema.ValidationError("does not match")

    return pattern


def _passes(check: Any) -> Any:
    def passes(value: Any) -> bool:
        if isinstance(value, str):
            check(value)
        return True

    return passes


def _not_a_mapping(data: object) -> str:
    if data is None:
        return "the file is empty: a contract begins with `version: 1`, see docs/contract.md"
    return f"the file holds {shown(data)}, not a mapping: a contract begins with `version: 1`, see docs/contract.md"


def _with_texts(data: Any) -> Any:
    """``data`` with the dates that YAML made out of a freeze's or a window's days as texts again."""
    change = data.get("change")
    if not isinstance(change, Mapping):
        return data
    change = {
        key: [_dates_as_text(entry) for entry in value]
        if key in ("windows", "freezes") and isinstance(value, list)
        else value
        for key, value in change.items()
    }
    return {**data, "change": change}


def _dates_as_text(entry: Any) -> Any:
    if not isinstance(entry, Mapping):
        return entry
    return {
        key: value.isoformat() if key in ("from", "until") and _is_local_date(value) else value
        for key, value in entry.items()
    }


def _is_local_date(value: Any) -> bool:
    return isinstance(value, datetime.date) and getattr(value, "tzinfo", None) is None


def _value_at(data: Any, place: Place) -> Any:
    """The single value at ``place``, None where there is none, and never one that may be secret."""
    if not may_be_shown(place):
        return REDACTED
    for part in place:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return None
    return data if may_be_told(data) else REDACTED


def _order(place: Iterable[Any]) -> list[tuple[int, Any]]:
    return [(0, part) if isinstance(part, int) else (1, str(part)) for part in place]
