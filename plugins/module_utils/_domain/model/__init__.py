# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The models of a contract."""

from __future__ import annotations

from ..contract.typed import Contract, Model

ANY_MODEL: Model = {
    "name": "any",
    "source": {"uri": "", "revision": ""},
    "engine": {"name": "", "version": ""},
    "gpu": {"product": "", "per_replica": 1},
    "replicas": {"min": 1, "max": 1},
}
"""What holds for every model, and where nothing is said of one, holds for this one."""


class UnknownModelError(ValueError):
    """The contract has no model of this name."""


def find_model(contract: Contract, name: str) -> Model:
    """The model of a name in a contract."""
    models = contract.get("models") or ()
    for model in models:
        if model["name"] == name:
            return model
    known = ", ".join(str(model["name"]) for model in models) or "none"
    raise UnknownModelError(f"{contract['identity']['name']} has no model {name!r}; its contract has {known}")
