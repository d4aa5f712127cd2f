# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The message for each way in which a value can fail the schema."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from typing import Any

from .errors import shown
from .names import did_you_mean
from .secrets import may_be_shown

Place = tuple[Any, ...]

_KINDS = {
    "object": "a mapping (key: value)",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
}


def explain(error: Any) -> Iterator[tuple[Place, str]]:
    """The places and messages of one ``jsonschema`` error."""
    place = tuple(error.absolute_path)
    handler = _HANDLERS.get(error.validator, _other)
    if "propertyNames" in error.absolute_schema_path:
        handler = _bad_name
    yield from handler(error, place)


def value_shown(place: Place, value: Any) -> str:
    """The value as a message begins with it, or that it is not shown."""
    return shown(value) if may_be_shown(place) else "the value (not shown)"


def _unknown_keys(error: Any, place: Place) -> Iterator[tuple[Place, str]]:
    known = list(error.schema["properties"])
    for key in error.instance:
        if key in known:
            continue
        if isinstance(key, str):
            yield (*place, key), f"unknown key {shown(key)}: {did_you_mean(key, known)}"
        else:
            yield (
                (*place, shown(key)),
                f"the key {shown(key)} is not text: keys are words; known here: {', '.join(known)}",
            )


def _bad_name(error: Any, place: Place) -> Iterator[tuple[Place, str]]:
    if not isinstance(error.instance, str):
        yield (*place, shown(error.instance)), f"the key {shown(error.instance)} is not text: put it in quotes"
    else:
        yield (
            (*place, error.instance),
            f"{shown(error.instance)} cannot be a name here: {error.schema['patternErrorMessage']}",
        )


def _missing(error: Any, place: Place) -> Iterator[tuple[Place, str]]:
    for key in error.validator_value:
        if key not in error.instance:
            yield (*place, key), f"is missing: {error.schema['properties'][key]['description']}"


def _wrong_type(error: Any, place: Place) -> Iterator[tuple[Place, str]]:
    value, wanted = error.instance, error.validator_value
    kinds = " or ".join(_KINDS[one] for one in ([wanted] if isinstance(wanted, str) else wanted))
    if value is None:
        yield place, f"is empty: write {kinds} or remove the line"
        return
    yield place, f"{value_shown(place, value)} is not {kinds}{_type_hint(value, wanted, error.schema)}"


def _type_hint(value: Any, wanted: Any, schema: Mapping[str, Any]) -> str:
    if wanted == "string":
        if schema.get("format") == "byoc-clock" and isinstance(value, int) and 0 <= value < 24 * 60:
            return f': YAML read a time as a number of minutes, put it in quotes, "{value // 60:02d}:{value % 60:02d}"'
        if schema.get("format") == "byoc-duration":
            return ": say the unit too, like 30m or 3h"
        if isinstance(value, bool):
            return ": YAML reads a bare yes, no, on or off as true or false, put it in quotes"
        if isinstance(value, datetime.datetime) and value.tzinfo is not None:
            return ": write the local time without an offset, in quotes; time_zone says the zone"
        if not isinstance(value, (Mapping, list)):
            return ": put it in quotes"
    if wanted == "array":
        return ": write it as a list, [one, two]"
    if wanted == "integer" and isinstance(value, str) and value.isdecimal():
        return ": write it without quotes, without leading zeros and not larger than it can be"
    return ""


def _choice(error: Any, place: Place) -> Iterator[tuple[Place, str]]:
    value, values = error.instance, error.validator_value
    if isinstance(value, str):
        meant = did_you_mean(value, values) if may_be_shown(place) else ""
        hint = f": {meant}" if meant.startswith("did") else ""
        yield place, f"{value_shown(place, value)} is not one of {', '.join(values)}{hint}"


def _pattern(error: Any, place: Place) -> Iterator[tuple[Place, str]]:
    yield place, f"{value_shown(place, error.instance)} cannot be used here: {error.schema['patternErrorMessage']}"


def _format(error: Any, place: Place) -> Iterator[tuple[Place, str]]:
    yield place, f"{value_shown(place, error.instance)} {error.cause}"


def _one_of_keys(error: Any, place: Place) -> Iterator[tuple[Place, str]]:
    known = list(error.schema["properties"])
    given = [key for key in known if key in error.instance]
    if not error.instance:
        yield place, f"is empty: give exactly one of {', '.join(known)}"
    elif len(given) > 1:
        yield place, f"gives {' and '.join(given)}: keep exactly one of them"


def _window(error: Any, place: Place) -> Iterator[tuple[Place, str]]:
    window = error.instance
    if not isinstance(window, Mapping):
        return
    if "rrule" in window:
        extra = [key for key in ("weekly", "start") if key in window]
        yield place, f"gives rrule and {' and '.join(extra)}: a window opens either by weekly with start, or by rrule"
    elif "weekly" in window and "start" in window:
        yield (*place, "from"), "belongs to an rrule: weekly windows open in every week"
    elif "weekly" in window or "start" in window:
        missing = "start" if "weekly" in window else "weekly"
        yield (*place, missing), f"is missing: {error.schema['properties'][missing]['description']}"
    else:
        yield place, "does not say when it opens: give weekly with start, or rrule"


def _other(error: Any, place: Place) -> Iterator[tuple[Place, str]]:
    limit = error.validator_value
    texts = {
        "const": f"must be {limit}",
        "maxItems": f"has more than {limit} entries",
        "maxLength": f"is longer than {limit} characters",
        "maxProperties": f"has more than {limit} keys",
        "maximum": f"is too large: at most {limit}",
        "minItems": "is an empty list: give one entry or more",
        "minLength": "is empty: write something or remove the line",
        "minimum": f"is too small: at least {limit}",
        "uniqueItems": "says something twice: keep one",
    }
    value = (
        ""
        if isinstance(error.instance, (Mapping, list)) or error.instance == ""
        else f"{value_shown(place, error.instance)} "
    )
    yield place, f"{value}{texts[error.validator]}"


def _few_keys(error: Any, place: Place) -> Iterator[tuple[Place, str]]:
    # A section with minProperties is a choice of one key; without, maxProperties only bounds a free mapping.
    yield from (_one_of_keys if "minProperties" in error.schema else _other)(error, place)


_HANDLERS = {
    "additionalProperties": _unknown_keys,
    "enum": _choice,
    "format": _format,
    "maxProperties": _few_keys,
    "minProperties": _few_keys,
    "oneOf": _window,
    "pattern": _pattern,
    "required": _missing,
    "type": _wrong_type,
}
