# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether what a module was given is a whole contract, so that no reader has to think of parts of one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .fields import Schema
from .schema import SCHEMA


def lacking(contract: Mapping[str, Any]) -> list[str]:
    """The paths of what every contract has and this has not, such as ``identity.uid``; nothing of a whole one.

    Whether its values are right is for the inventory to judge, which says much more of it.
    """
    return list(_lacking(contract, SCHEMA, ""))


def _lacking(value: Any, schema: Schema, path: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        properties: Mapping[str, Schema] = schema.get("properties", {})
        for key in schema.get("required", ()):
            if key not in value:
                yield f"{path}{key}"
        for key, part in value.items():
            if key in properties:
                yield from _lacking(part, properties[key], f"{path}{key}.")
    elif isinstance(value, Sequence) and not isinstance(value, str) and "items" in schema:
        for number, part in enumerate(value):
            yield from _lacking(part, schema["items"], f"{path.rstrip('.')}[{number}].")
