# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of field that the contract's schema is written with."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

_UNSET = object()


def field(
    kind: str, title: str, description: str, *, default: Any = _UNSET, examples: list[Any] | None = None, **rest: Any
) -> Schema:
    """Any field: its JSON type, what an editor shows about it, its default, and the rules in ``rest``."""
    schema: Schema = {"type": kind, "title": title, "description": description}
    if default is not _UNSET:
        schema["default"] = default
    if examples is not None:
        schema["examples"] = examples
    return {**schema, **rest}


def text(title: str, description: str, *, pattern: str | None = None, meant: str | None = None, **rest: Any) -> Schema:
    """A text on one line. ``meant`` ends the message when ``pattern`` does not match (VS Code shows it too)."""
    if pattern is None and "format" not in rest:
        pattern, meant = "^[^\u0000-\u001f\u007f]*$", "write it on one line"
    if pattern is not None:
        rest = {"pattern": pattern, "patternErrorMessage": meant, **rest}
    return field("string", title, description, **{"minLength": 1, "maxLength": 253, **rest})


def label(title: str, description: str, **rest: Any) -> Schema:
    """A DNS-1123 label, as Kubernetes and Ansible both take it for a name."""
    return text(
        title,
        description,
        **{
            "pattern": "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
            "meant": "use lower-case letters, digits and dashes, at most 63, and a letter or digit at both ends",
            "maxLength": 63,
            **rest,
        },
    )


def choice(title: str, description: str, values: list[str], **rest: Any) -> Schema:
    """One word out of a few."""
    return field("string", title, description, **{"examples": [values[0]], **rest, "enum": values})


def whole(title: str, description: str, *, minimum: int = 1, maximum: int = 100_000, **rest: Any) -> Schema:
    """A whole number."""
    return field("integer", title, description, **rest, minimum=minimum, maximum=maximum)


def fraction(title: str, description: str, *, minimum: float, maximum: float, **rest: Any) -> Schema:
    """A part of a whole, as a number like 0.8."""
    return field("number", title, description, **rest, minimum=minimum, maximum=maximum)


def flag(title: str, description: str, **rest: Any) -> Schema:
    """true or false."""
    return field("boolean", title, description, **{"examples": [True], **rest})


def section(
    title: str, description: str, properties: dict[str, Schema], *, required: list[str] | None = None, **rest: Any
) -> Schema:
    """A mapping with known keys and no others."""
    schema = field("object", title, description, **rest)
    schema["required"] = required or []
    schema["additionalProperties"] = False
    schema["properties"] = properties
    return schema


def listing(title: str, description: str, items: Schema, **rest: Any) -> Schema:
    """A list of one kind of thing."""
    return field("array", title, description, **{"maxItems": 1000, **rest}, items=items)


def duration(title: str, description: str, **rest: Any) -> Schema:
    """A span of time, like 30m or 1h30m."""
    return text(title, description, format="byoc-duration", **{"maxLength": 32, **rest})


def time_zone() -> Schema:
    """A time zone by name."""
    return text(
        "Time zone",
        "The IANA time zone of the times beside it.",
        examples=["Europe/Berlin"],
        format="byoc-time-zone",
    )
