# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether plain data that was kept as JSON has the form that its reader counts on; if not, where, and what is meant.

A form is a type; ``None``; ``[form]``, a list; ``{str: form}``, names with values of one form; or a mapping of keys to
forms, where a key that ends with ``?`` may be left out. :class:`Either` and :class:`Row` are the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from math import inf, nextafter
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

Form = Any
_WORDS: Mapping[Any, str] = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    None: "nothing",
    list: "a list",
    dict: "a mapping",
}
_MOST_SHOWN = 40
_LARGEST = nextafter(inf, 0)


class Either:
    """One of several forms."""

    def __init__(self, *forms: Form) -> None:
        self.forms = forms


class Row:
    """A list of so many entries, each of its own form."""

    def __init__(self, *forms: Form) -> None:
        self.forms = forms


def misfit(value: Any, form: Form, place: str = "") -> str:
    """The first place at which data is not of a form, and what it has to be there; empty where it is."""
    if isinstance(form, Either):
        return "" if any(not misfit(value, one) for one in form.forms) else _is_not(value, form, place)
    if isinstance(form, Row):
        if not isinstance(value, list | tuple) or len(value) != len(form.forms):
            return f"{place or 'it'} has to be a list of {len(form.forms)} entries"
        return _first(misfit(one, its, f"{place}[{at}]") for at, (one, its) in enumerate(zip(value, form.forms)))  # noqa: B905 (as long)
    if isinstance(form, list):
        if not isinstance(value, list | tuple):
            return _is_not(value, list, place)
        return _first(misfit(one, form[0], f"{place}[{at}]") for at, one in enumerate(value))
    if isinstance(form, Mapping):
        return _misfit_of_mapping(value, form, place) if isinstance(value, Mapping) else _is_not(value, dict, place)
    return "" if _is(value, form) else _is_not(value, form, place)


def form_of(kind: Any) -> Form:
    """The form of a dataclass, or of another type, as JSON keeps it: a tuple as a list. Fields with a default may be
    left out."""
    if hasattr(kind, "__dataclass_fields__"):
        types = get_type_hints(kind)
        left_out = {one.name: "" if one.default is one.default_factory is MISSING else "?" for one in fields(kind)}
        return {f"{name}{mark}": form_of(types[name]) for name, mark in left_out.items()}
    origin, parts = get_origin(kind), get_args(kind)
    if origin is UnionType:
        return Either(*(form_of(one) for one in parts))
    if origin is tuple:
        return [form_of(parts[0])]
    if origin:
        return {str: form_of(parts[1])}
    return None if kind is NoneType else kind


def _misfit_of_mapping(value: Mapping[Any, Any], form: Mapping[Any, Form], place: str) -> str:
    if str in form:
        return _first(
            misfit(one, form[str], f"{place}.{key}") if isinstance(key, str) else _is_not(key, str, f"a key of {place}")
            for key, one in value.items()
        )
    return _first(_misfit_at(value, key, its, place) for key, its in form.items())


def _misfit_at(value: Mapping[str, Any], key: str, form: Form, place: str) -> str:
    name = key.rstrip("?")
    at = f"{place}.{name}".lstrip(".")
    if name in value:
        return misfit(value[name], form, at)
    return "" if key.endswith("?") else f"{at} is missing"


def _is(value: Any, form: Form) -> bool:
    if form is None or form is Any:
        return form is Any or value is None
    if form is bool or isinstance(value, bool):
        return form is bool and isinstance(value, bool)
    if form is float:
        return isinstance(value, int | float) and -_LARGEST <= value <= _LARGEST  # an integer may be larger
    return isinstance(value, form)


def _is_not(value: Any, form: Form, place: str) -> str:
    kind = next((each for each, its in ((list, list | tuple), (dict, Mapping)) if isinstance(value, its)), None)
    shown = _WORDS[kind] if kind else repr(value)[:_MOST_SHOWN]
    return f"{place or 'it'} is {shown}, and has to be {_named(form)}"


def _named(form: Form) -> str:
    if isinstance(form, Either):
        return " or ".join(map(_named, form.forms))
    return _WORDS.get(form if form is None or isinstance(form, type) else type(form), "something else")


def _first(misfits: Any) -> str:
    return next(filter(None, misfits), "")
