# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The models of a contract."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class UnknownModelError(ValueError):
    """The contract has no model of this name."""


def find_model(contract: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The model of a name in a contract."""
    models = contract.get("models") or ()
    for model in models:
        if model["name"] == name:
            return dict(model)
    known = ", ".join(str(model["name"]) for model in models) or "none"
    raise UnknownModelError(f"{contract['identity']['name']} has no model {name!r}; its contract has {known}")
