# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fractions in a contract: 0.99 is a number where a number is meant, and 0.10 stays the name of a version elsewhere."""

from __future__ import annotations

from typing import Any

from .fields import Schema


class Written(str):
    """A fraction as it is written, without quotes."""

    __slots__ = ()


def settled(data: Any, schema: Schema) -> Any:
    """The data with each fraction as what the schema means at its place: a number, or text."""
    if isinstance(data, Written):
        return float(data) if schema.get("type") == "number" else str(data)
    if isinstance(data, dict):
        known: Schema = schema.get("properties") or {}
        others: Schema = schema.get("additionalProperties") or {}
        return {_key(key): settled(value, known.get(key) or others) for key, value in data.items()}
    if isinstance(data, list):
        return [settled(value, schema.get("items") or {}) for value in data]
    return data


def _key(key: Any) -> Any:
    return str(key) if isinstance(key, Written) else key
