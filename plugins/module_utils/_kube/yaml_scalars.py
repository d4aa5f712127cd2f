# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a single value of a manifest is, by kubectl's rules: `22:00` and dates are text, `on` is true, `0o644` is 420.

They are neither those of YAML 1.1 (PyYAML, Ansible) nor of YAML 1.2, but of the library that kubectl and the API server
read YAML with: https://github.com/kubernetes-sigs/yaml/blob/master/goyaml.v2/resolve.go
"""

from __future__ import annotations

import base64
import math
import re
from decimal import Decimal
from typing import Any

_TAG = "tag:yaml.org,2002:"
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_INT = re.compile(r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[oO]?([0-7]+)|0[bB]([01]+)|(0|[1-9][0-9]*))")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_BETWEEN = re.compile(r"(?<=[0-9])_(?=[0-9])")
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}")
_INT64, _UINT64 = 2**63, 2**64
#: Longer than any number of 64 bits in any notation; Python refuses to convert thousands of digits.
_LONGEST = 80


class NotItsTagError(ValueError):
    """A value is not what its tag says, or its tag is none of YAML's own."""


def plain_scalar(text: str) -> Any:
    """What a value that is written without quotes is."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789":
        return text
    digits = _BETWEEN.sub("", text) if text[0] == "." else text.replace("_", "")
    whole = _whole(digits)
    if whole is not None:
        return whole
    value = float(digits) if _FLOAT.fullmatch(digits) else math.inf
    return text if math.isinf(value) else value


def _whole(digits: str) -> int | None:
    match = _INT.fullmatch(digits) if len(digits) <= _LONGEST else None
    if match is None:
        return None
    sign, *notations = match.groups()
    given = ((text, base) for text, base in zip(notations, (16, 8, 2, 10), strict=True) if text)
    value = next(int(text, base) for text, base in given) * (-1 if sign == "-" else 1)
    return value if -_INT64 <= value < (_INT64 if sign else _UINT64) else None


def tagged_scalar(tag: str, text: str) -> Any:
    """What a value with a tag (`!!str 5`) is.

    :raises NotItsTagError: it is not what its tag says.
    """
    kind = tag.removeprefix(_TAG)
    value = plain_scalar(text)
    if tag == "!" or kind == "str" or (kind == "timestamp" and _DATE.match(text)):
        return text
    if kind == "null" and value is None:
        return None
    if kind == "bool" and isinstance(value, bool):
        return value
    if kind == "int" and isinstance(value, int) and not isinstance(value, bool):
        return value
    if kind == "float" and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if kind == "binary":
        return _binary(text)
    raise NotItsTagError(f"the tag {tag.replace(_TAG, '!!')} does not fit the value, or is none of YAML's own")


def _binary(text: str) -> str:
    try:
        return base64.b64decode("".join(text.split()), validate=True).decode()
    except ValueError:
        raise NotItsTagError("what follows !!binary is not text in base64") from None


def number(value: Any) -> Any:
    """A number as JSON has it for Kubernetes: an int of 64 bits, else a float. Anything else stays as it is.

    :raises ValueError: it is infinite, or not a number.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value
    if isinstance(value, int):
        return value if -_INT64 <= value < _INT64 else float(value)
    if not math.isfinite(value):
        raise ValueError("is no number that JSON can hold")
    return int(value) if value.is_integer() and abs(value) < _INT64 else value


def key_text(key: Any) -> str:
    """The key of a mapping as JSON has it: `true` for `on`, `420` for `0644`.

    :raises ValueError: JSON has no such key.
    """
    if isinstance(key, str):
        return key
    if isinstance(key, bool):
        return "true" if key else "false"
    if isinstance(key, int) and -_INT64 <= key < _INT64:
        return str(key)
    if isinstance(key, float) and _is_short(key):
        return format(Decimal(repr(key)), "f").removesuffix(".0")
    raise ValueError("a key is no text and no short number: put it in quotes")


def _is_short(value: float) -> bool:
    """Whether kubectl, which takes such a key for a number of 32 bits, writes it as it is, and without an exponent."""
    digits = Decimal(repr(value)).normalize() if math.isfinite(value) else Decimal(0)
    return bool(digits) and -4 <= digits.adjusted() < 6 and len(digits.as_tuple().digits) <= 7
