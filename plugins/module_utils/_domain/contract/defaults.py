# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds where a contract says nothing."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .fields import Schema

if TYPE_CHECKING:
    from .typed import Contract


def with_defaults(data: Any, schema: Schema) -> Any:
    """A copy of ``data``, which fits ``schema``, with every default of the schema filled in."""
    if isinstance(data, Mapping):
        filled = {key: with_defaults(value, schema.get("properties", {}).get(key, {})) for key, value in data.items()}
        for key, sub in schema.get("properties", {}).items():
            if key not in filled and "default" in sub:
                filled[key] = with_defaults(copy.deepcopy(sub["default"]), sub)
        return filled
    if isinstance(data, list):
        return [with_defaults(item, schema.get("items", {})) for item in data]
    return data


def said(data: Any, schema: Schema, *path: str) -> Any:
    """What ``data``, which is of ``schema``, says at ``path``, else the schema's default for it."""
    for key in path:
        schema = schema["properties"][key]
        data = data.get(key) if isinstance(data, Mapping) else None
    return schema["default"] if data is None else data


def name_models(contract: Contract) -> None:
    """Serve a model under its own name where no other is given. Changes ``contract``."""
    for model in contract.get("models") or ():
        model.setdefault("served_name", model["name"])
