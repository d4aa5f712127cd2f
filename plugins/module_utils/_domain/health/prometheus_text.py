# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prometheus' text format and its query API, read for a few metrics out of many."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

Sample = tuple[str, Mapping[str, str], float]
"""Name, labels, value; the format has values that are no numbers (NaN, +Inf), which each reader judges for itself."""

_LABEL = re.compile(r'([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*"((?:[^"\\]|\\.)*)"')
# A brace, a quote or another label may be inside a value, and an exemplar has braces of its own. Possessive, so that a
# long line which is none of these costs one look.
_LABELS = r'\{((?:[^"{}\n]++|"(?:[^"\\\n]++|\\.)*+")*+)\}'
_BEGINNING = re.compile(r"\s*[#A-Za-z_:]")
_ESCAPED = {"\\n": "\n", '\\"': '"', "\\\\": "\\"}
_ESCAPE = re.compile(r'\\[n"\\]')


class NoResultError(ValueError):
    """It is no answer of Prometheus' query API."""


def samples(text: str, names: Iterable[str]) -> Iterator[Sample]:
    """The samples of the metrics called ``names`` in a text: name, labels, value. Other lines are skipped.

    A text of a GPU node has some thousand lines, of which a few dozen matter: the search is one pass of the regular
    expression engine, and equal labels, as all metrics of one GPU have, are read once.
    """
    known: dict[str, dict[str, str]] = {}
    for match in _pattern(frozenset(names)).finditer(text):
        if (value := _number(match[3])) is None:
            continue
        labels = match[2] or ""
        if labels not in known:
            known[labels] = {key: _ESCAPE.sub(lambda m: _ESCAPED[m[0]], said) for key, said in _LABEL.findall(labels)}
        yield match[1], known[labels], value


def is_exposition(text: str) -> bool:
    """Whether it is a whole answer of an exporter: the format's last line ends with a line feed."""
    return text.endswith("\n") and bool(_BEGINNING.match(text))


def query_samples(answer: Mapping[str, Any]) -> Iterator[Sample]:
    """The samples in an answer of Prometheus' query API (``resultType: vector``).

    :raises NoResultError: it is none; one without samples is.
    """
    for entry in _entries(answer):
        labels = _labels(entry)
        if (read := _value_at(entry.get("value"))) is not None:
            yield labels.pop("__name__", ""), labels, read[1]


def query_series(answer: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, str], dict[float, float]]]:
    """The series in an answer over a span of time (``resultType: matrix``): name, labels, values by their moment.

    :raises NoResultError: it is none; one without series is.
    """
    for entry in _entries(answer):
        labels = _labels(entry)
        values = dict(filter(None, map(_value_at, entry.get("values") or ())))
        yield labels.pop("__name__", ""), labels, values


def _entries(answer: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    data = answer.get("data") if isinstance(answer, Mapping) and answer.get("status") == "success" else None
    found = data.get("result", False) if isinstance(data, Mapping) else False
    if not (found is None or isinstance(found, list)):
        raise NoResultError("the response is not one of Prometheus' query API")
    for entry in found or ():
        if isinstance(entry, dict) and isinstance(entry.get("metric") or {}, dict):
            yield entry


def _labels(entry: Mapping[str, Any]) -> dict[str, str]:
    return {key: said if isinstance(said, str) else str(said) for key, said in (entry.get("metric") or {}).items()}


def _value_at(pair: Any) -> tuple[float, float] | None:
    if not isinstance(pair, list | tuple):
        return None
    at, value = map(_number, pair) if len(pair) == 2 else (None, None)
    return None if at is None or value is None else (at, value)


def _number(said: Any) -> float | None:
    """What both formats call a number; Python also takes ``1_0`` for one."""
    try:
        return None if isinstance(said, bool) or "_" in str(said) else float(said)
    except (TypeError, ValueError, OverflowError):
        return None


@lru_cache(maxsize=32)
def _pattern(names: frozenset[str]) -> re.Pattern[str]:
    words = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    return re.compile(rf"^[ \t]*+({words})(?:[ \t]*+{_LABELS}[ \t]*+|[ \t]++)(\S+)", re.MULTILINE)
