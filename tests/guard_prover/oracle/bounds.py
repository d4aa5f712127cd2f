# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a contract allows, as plain facts. Read from the contract alone: nothing here is from the collection."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SYSTEM, MODELS = "fireworks-system", "fireworks-models"
GPU, PRODUCT = "nvidia.com/gpu", "nvidia.com/gpu.product"
WORDS = ("critical", "standard", "batch")
_UNITS = {"m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True)
class Bounds:
    """The clauses of a contract that objects can break.

    metrics: the claims on which the telemetry keeps its metrics.
    staged: by model, the claim onto which a Job fetches its weights, and the seconds that it has.
    """

    products: Mapping[str, int]
    replicas: int
    gpus: int
    sleeps: bool
    registries: tuple[str, ...]
    digests: bool
    claims: frozenset[str]
    metrics: frozenset[str]
    staged: Mapping[str, tuple[str, int]]
    secrets: frozenset[str]
    model_secrets: frozenset[str]
    domain: str
    gateway: tuple[str, str]
    token_seconds: int
    actions: Mapping[str, str]
    audience: str = "https://kubernetes.default.svc.cluster.local"

    def may(self, action: str) -> bool:
        return self.actions.get(action, "never") != "never"

    def approves(self, image: str) -> bool:
        """Whether an image may run: of an approved registry, and by digest where that is required."""
        from_there = any(image.startswith(f"{registry}/") for registry in self.registries)
        return from_there and (not self.digests or bool(re.search(r"@sha256:[0-9a-f]{64}$", image)))

    def classes(self, product: str) -> list[str]:
        """The priority classes that count the GPUs of a product: with its name, and of the first the plain ones."""
        plain = list(self.products)[:1] == [product]
        word = re.sub("[^a-z0-9]+", "-", product.lower())[:30].strip("-")
        own = f"{word}-{hashlib.sha256(product.encode()).hexdigest()[:8]}"
        return [f"fireworks-{each}{end}" for end in (f"-{own}", *([""] if plain else [])) for each in WORDS]

    def in_domain(self, host: str) -> bool:
        return bool(self.domain) and (host == self.domain or host.endswith(f".{self.domain}"))


def bounds_of(contract: Mapping[str, Any]) -> Bounds:
    """The bounds of a contract as the customer wrote it."""
    compliance, networking = contract.get("compliance") or {}, contract.get("networking") or {}
    gateway = networking.get("gateway") or {}
    models = contract.get("models") or ()
    return Bounds(
        products={each["product"]: int(each["count"]) for each in contract["capacity"]["gpus"]},
        replicas=int(contract["scaling"]["max_replicas_per_model"]),
        gpus=int(contract["scaling"]["max_gpus_per_model"]),
        sleeps=bool(contract["scaling"].get("scale_to_zero")),
        registries=tuple(compliance.get("registries") or ()),
        digests=bool(compliance.get("digests_required", True)),
        claims=frozenset(claim for model in models for claim in _claims(model)),
        metrics=frozenset({"telemetry-data"} if (contract.get("telemetry") or {}).get("volume") else ()),
        staged={str(model["name"]): _staged(model) for model in models if _is_staged(model)},
        secrets=frozenset(_secrets(contract)),
        model_secrets=frozenset(filter(None, map(_secret, models))),
        domain=str(networking.get("domain") or ""),
        gateway=(str(gateway.get("namespace", "")), str(gateway.get("name", ""))),
        token_seconds=seconds(str((contract.get("access") or {}).get("token_lifetime", "8h"))),
        actions=dict(contract.get("actions") or {}),
    )


def seconds(duration: str) -> int:
    """A duration such as ``1h30m`` in seconds."""
    return sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)([mhd])", duration))


def _claims(model: Mapping[str, Any]) -> list[str]:
    sources = [str(model["source"]["uri"]), *(str(each["source"]) for each in model.get("adapters") or ())]
    found = [source.removeprefix("pvc://").partition("/")[0] for source in sources if source.startswith("pvc://")]
    cache = (model.get("weights_cache") or {}).get("claim")
    return [*found, *([str(cache)] if cache else [])]


def _is_staged(model: Mapping[str, Any]) -> bool:
    return bool((model.get("weights_cache") or {}).get("stage"))


def _staged(model: Mapping[str, Any]) -> tuple[str, int]:
    """The claim, and how long fetching may take: as long as loading and ten minutes more for the image."""
    return str(model["weights_cache"]["claim"]), seconds(str(model.get("load_timeout", "20m"))) + 600


def _secret(model: Mapping[str, Any]) -> str:
    credential = model["source"].get("credential") or {}
    return str((credential.get("secret") or {}).get("name", ""))


def _secrets(contract: Mapping[str, Any]) -> list[str]:
    events = (contract.get("health") or {}).get("events") or {}
    receivers = (contract.get("alerts") or {}).get("receivers") or ()
    told = [events, *(each[kind] for each in receivers for kind in each if kind != "name")]
    return [str(value["name"]) for each in told for key, value in each.items() if key.endswith("_secret")]
