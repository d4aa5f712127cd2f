# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documents of a text of manifests, read as kubectl reads them: one reader for everything that we apply.

Where kubectl silently drops or alters what was written, this refuses it: what follows the end of a document (`...`), a
tag that is none of YAML's own (such as Ansible's `!vault`), bytes that are no text.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

from .yaml_scalars import NotItsTagError, key_text, number, plain_scalar, tagged_scalar

try:
    import yaml
except ImportError:  # reported by Operation before anything runs
    yaml = None  # type: ignore[assignment]

MAX_DEPTH = 150
#: With each alias (`*name`) counted as all that it stands for: more fits into no object, and fills the memory.
MAX_VALUES = 500_000
_TOO_DEEP = f"is nested more than {MAX_DEPTH} levels deep"
_STANDARD = "tag:yaml.org,2002:"


class UnreadableError(ValueError):
    """A text is no manifests. What it holds is not repeated: it may be a Secret's."""


def documents(text: str) -> list[Any]:
    """Every document of a text, the empty ones left out; JSON may come first, as one object after another.

    :raises UnreadableError: in words, with the line.
    """
    found, begin = _leading_json(text)
    first = text.count("\n", 0, begin) + 1
    found += [_value_of(part, line) for line, part in _parts(text[begin:], first)]
    return [each for each in found if each is not None]


def json_value(value: Any, name: str = "", depth: int = 0) -> Any:
    """A value as JSON for Kubernetes holds it: keys are text, numbers have 64 bits, a date is as it was written.

    :param name: what it is called in messages.
    :raises ValueError: JSON has no such value.
    """
    try:
        if depth > MAX_DEPTH:
            raise ValueError(_TOO_DEEP)
        if isinstance(value, Mapping):
            return {key_text(key): json_value(below, str(key), depth + 1) for key, below in value.items()}
        if isinstance(value, (list, tuple)):
            return [json_value(below, str(at), depth + 1) for at, below in enumerate(value, 1)]
        return _json_scalar(value)
    except ValueError as error:
        raise ValueError(f"{name}: {error}" if name else str(error)) from None


def _json_scalar(value: Any) -> Any:
    if isinstance(value, str):
        if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
            raise ValueError("holds half a letter, or bytes that are no text")
        return value
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    if value is None or isinstance(value, (bool, int, float)):
        return number(value)
    raise ValueError(
        f"is a {type(value).__name__}, which Kubernetes does not know: put what is meant as text in quotes"
    )


def _leading_json(text: str) -> tuple[list[Any], int]:
    """The JSON objects at the beginning of a text, and where the rest begins. What is no JSON may still be YAML."""
    decoder, found, at = json.JSONDecoder(parse_constant=_no_constant), [], _first_letter(text, 0)
    try:
        while text.startswith("{", at):
            value, end = decoder.raw_decode(text, at)
            found.append(json_value(value))
            at = _first_letter(text, end)
    except (ValueError, RecursionError):
        pass
    return found, at if found else 0


def _first_letter(text: str, at: int) -> int:
    return len(text) - len(text[at:].lstrip("\ufeff \t\r\n"))


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _parts(text: str, first: int) -> Iterator[tuple[int, str]]:
    """Each document with the line on which it begins: lines that begin with `---` part them, wherever they are."""
    lines, begin = text.split("\n"), 0
    for at, line in enumerate(lines):
        if line.startswith("---"):
            behind = line[3:].strip()
            if behind and not behind.startswith("#"):
                raise UnreadableError(f"line {first + at}: something follows --- on its line: put it on the next one")
            yield first + begin, "\n".join(lines[begin:at])
            begin = at + 1
    yield first + begin, "\n".join(lines[begin:])


def _value_of(text: str, first: int) -> Any:
    """What one document holds; nothing where it is empty. :param first: its first line, for messages."""
    try:
        return _Document(yaml.parse(text.encode(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))).value()
    except UnicodeEncodeError as error:
        line, what = text.count("\n", 0, error.start), "a letter that is no Unicode"
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line if mark else 0
        what = str(getattr(error, "problem", None) or getattr(error, "reason", "no YAML"))
    except _DocumentError as error:
        line, what = error.line, str(error)
    raise UnreadableError(f"line {first + line}: {what}")


class _DocumentError(ValueError):
    def __init__(self, event: Any, what: str) -> None:
        super().__init__(what)
        self.line: int = event.start_mark.line


class _Document:
    """Makes the value of one document from PyYAML's events, which still tell what was in quotes."""

    def __init__(self, events: Iterator[Any]) -> None:
        self._events = events
        self._named: dict[str, tuple[Any, int]] = {}
        self._count = 0

    def value(self) -> Any:
        next(self._events)  # of the stream
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return None
        value = self._value(next(self._events), 0)
        next(self._events)  # the end of the document
        more = next(self._events)
        if not isinstance(more, yaml.StreamEndEvent):
            raise _DocumentError(more, "something follows the end of the document: begin the next one with ---")
        return value

    def _value(self, event: Any, depth: int, *, key: bool = False) -> Any:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        if depth > MAX_DEPTH:
            raise _DocumentError(event, _TOO_DEEP)
        begun = self._count
        self._count += 1
        value = self._made(event, depth, key=key)
        if event.anchor:
            self._named[event.anchor] = (value, self._count - begun)
        return value

    def _alias(self, event: Any) -> Any:
        if event.anchor not in self._named:
            raise _DocumentError(event, "this alias stands for nothing that comes before it, or for itself")
        value, size = self._named[event.anchor]
        self._count += size
        if self._count > MAX_VALUES:
            raise _DocumentError(event, f"with its aliases written out this holds more than {MAX_VALUES} values")
        return value

    def _made(self, event: Any, depth: int, *, key: bool) -> Any:
        if isinstance(event, yaml.ScalarEvent):
            return _scalar(event, key=key)
        if event.tag and not event.tag.startswith(_STANDARD):
            raise _DocumentError(event, _UNKNOWN_TAG)
        return self._sequence(depth) if isinstance(event, yaml.SequenceStartEvent) else self._mapping(depth)

    def _sequence(self, depth: int) -> list[Any]:
        found = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            found.append(self._value(event, depth + 1))
        return found

    def _mapping(self, depth: int) -> dict[str, Any]:
        """The last of keys that are written twice counts, and of a merge key (`<<`) too."""
        found: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if _is_merge(event):
                after = next(self._events)
                found.update(_merged(self._value(after, depth + 1), after))
                continue
            name = self._value(event, depth + 1, key=True)
            try:
                name = key_text(name)
            except ValueError as error:
                raise _DocumentError(event, str(error)) from None
            found[name] = self._value(next(self._events), depth + 1)
        return found


_UNKNOWN_TAG = "a tag that is none of YAML's own means nothing to Kubernetes: write the value itself"


def _scalar(event: Any, *, key: bool) -> Any:
    try:
        if event.tag is None:
            value = plain_scalar(event.value) if event.implicit[0] else event.value
        elif event.tag == "!" or event.tag.startswith(_STANDARD):
            value = tagged_scalar(event.tag, event.value)
        else:
            raise NotItsTagError(_UNKNOWN_TAG)
        return value if key else number(value)
    except ValueError as error:
        raise _DocumentError(event, str(error)) from None


def _is_merge(event: Any) -> bool:
    return isinstance(event, yaml.ScalarEvent) and event.value == "<<" and event.tag is None and event.implicit[0]


def _merged(value: Any, event: Any) -> dict[str, Any]:
    """What a merge key adds; of several mappings the first counts."""
    merged: dict[str, Any] = {}
    written_here = isinstance(event, yaml.SequenceStartEvent)
    for one in reversed(value) if written_here else [value]:
        if not isinstance(one, dict):
            raise _DocumentError(event, "a merge key (<<) takes a mapping, or a list of mappings")
        merged.update(one)
    return merged
