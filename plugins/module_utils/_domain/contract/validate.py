# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From any data to a valid contract, or to everything that is wrong with it."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from .defaults import name_models, with_defaults
from .errors import REDACTED, ContractErrors, Problem, shown, where
from .formats import FORMATS
from .libraries import library
from .refused import chosen_images, training
from .rules import RULES
from .schema import SCHEMA
from .secrets import inline_secrets, may_be_shown, may_be_told
from .wording import explain

if TYPE_CHECKING:
    from .typed import Contract

Place = tuple[Any, ...]
_DECIMAL = re.compile(r"[0-9]{1,9}\.[0-9]{1,9}")
# Looks at a whole contract that is valid by itself, and says what is wrong where.
Rule = Callable[["Contract"], Iterable[tuple[Place, str]]]


def load_contract(data: object, *, path: str, rules: Sequence[Rule] = ()) -> Contract:
    """The contract in ``data``, validated, as a new dictionary with its defaults filled in.

    path: the file it came from, for messages. rules: further checks that this package cannot know (engines, GPUs);
    applied once the contract itself is valid. Raises ContractErrors with every problem, sorted
    by place, and LibraryMissing where the libraries that check a contract are not installed.
    """
    problems = problems_of(data, path=path)
    if problems:
        raise ContractErrors(problems)
    contract: Contract = with_defaults(_as_meant(data), SCHEMA)
    name_models(contract)
    problems = _sorted_problems(contract, path, (found for rule in rules for found in rule(contract)))
    if problems:
        raise ContractErrors(problems)
    return contract


def problems_of(data: object, *, path: str) -> list[Problem]:
    """Everything that is wrong with ``data`` as a contract, sorted by place; empty when it is valid."""
    validator = _validator()
    if not isinstance(data, Mapping):
        return [Problem(path, "", None, _not_a_mapping(data))]
    contract = _as_meant(data)
    return _sorted_problems(contract, path, _findings(contract, validator))


def _sorted_problems(contract: Mapping[Any, Any], path: str, findings: Iterable[tuple[Place, str]]) -> list[Problem]:
    found: dict[Place, str] = {}
    # Only the first message about a place is kept, so the most specific checks come first.
    for place, message in findings:
        found.setdefault(place, message)
    return [
        Problem(path, where(place), _value_at(contract, place), message)
        for place, message in sorted(found.items(), key=lambda item: _order(item[0]))
    ]


def _findings(data: Mapping[Any, Any], validator: Any) -> Iterator[tuple[Place, str]]:
    yield from inline_secrets(data)
    yield from training(data)
    yield from chosen_images(data)
    for error in validator.iter_errors(data):
        yield from explain(error)
    for rule in RULES:
        yield from rule(data)


def explained(data: Any, schema: Mapping[str, Any]) -> dict[Place, str]:
    """What is wrong with ``data`` by another schema that is written with the same kinds of field, by place."""
    found: dict[Place, str] = {}
    for error in _validator_of(schema).iter_errors(data):
        for place, message in explain(error):
            found.setdefault(place, message)
    return dict(sorted(found.items(), key=lambda item: _order(item[0])))


@lru_cache(maxsize=1)
def _validator() -> Any:
    return _validator_of(SCHEMA)


def _validator_of(schema: Mapping[str, Any]) -> Any:
    jsonschema = library("jsonschema", "jsonschema")
    base = jsonschema.Draft202012Validator
    # A float is never a count, not even 2.0; and what is not a number passes every bound.
    types = base.TYPE_CHECKER.redefine_many(
        {
            "integer": lambda _checker, value: isinstance(value, int) and not isinstance(value, bool),
            "number": lambda _checker, value: _is_number(value),
        }
    )
    formats = jsonschema.FormatChecker(formats=())
    for name, check in FORMATS.items():
        formats.checks(name, raises=ValueError)(_passes(check))
    # Python's $ lets a line break pass that JSON Schema's does not.
    keywords = {"pattern": _pattern(jsonschema)}
    return jsonschema.validators.extend(base, keywords, type_checker=types)(schema, format_checker=formats)


def _is_number(value: Any) -> bool:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return whole or (isinstance(value, float) and math.isfinite(value))


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


def _as_meant(data: Any) -> Any:
    """``data`` with YAML's unwanted conversions undone.

    The days of freezes and windows are texts, whatever dates YAML made of them; and our own reader leaves every decimal
    a text, since most of them are versions, but a part of a whole is a number.
    """
    meant = dict(data)
    if isinstance(change := data.get("change"), Mapping):
        meant["change"] = _each_as_text(change, "windows", "freezes")
    if isinstance(models := data.get("models"), list):
        meant["models"] = [_model_as_meant(model) for model in models]
    return meant


def _model_as_meant(model: Any) -> Any:
    scaling = model.get("scaling") if isinstance(model, Mapping) else None
    if not isinstance(scaling, Mapping):
        return model
    scaling = _each_as_text(scaling, "schedules")
    if isinstance(signals := scaling.get("signals"), Mapping):
        scaling["signals"] = {key: _decimal_as_number(value) for key, value in signals.items()}
    return {**model, "scaling": scaling}


def _decimal_as_number(value: Any) -> Any:
    return float(value) if isinstance(value, str) and _DECIMAL.fullmatch(value) else value


def _each_as_text(section: Mapping[Any, Any], *keys: str) -> dict[Any, Any]:
    return {
        key: [_dates_as_text(entry) for entry in value] if key in keys and isinstance(value, list) else value
        for key, value in section.items()
    }


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
