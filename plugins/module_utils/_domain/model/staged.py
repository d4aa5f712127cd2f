# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which models' weights are fetched once, onto a claim of their own, and where on it they lie."""

from __future__ import annotations

import hashlib
import json

from ..contract.typed import Contract, Model

WEIGHTS = "/weights"
"""Where a claim with a model's weights is mounted."""


def is_staged(model: Model) -> bool:
    """Whether a Job fetches the weights, and the replicas only read them."""
    return bool(model.get("weights_cache", {}).get("stage"))


def staged_models(contract: Contract) -> list[Model]:
    """The models of a contract whose weights a Job fetches."""
    return [model for model in contract.get("models") or () if is_staged(model)]


def staged_claim(model: Model) -> str:
    """The claim that has them."""
    return str(model.get("weights_cache", {}).get("claim") or "")


def staged_folder(model: Model) -> str:
    """Their folder on the claim: other weights have another, so that those that serve stay as they are."""
    source = [model["source"]["uri"], model["source"]["revision"], model["source"].get("digest") or ""]
    return hashlib.sha256(json.dumps(source).encode()).hexdigest()[:16]
