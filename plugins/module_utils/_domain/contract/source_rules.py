# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold between a model's source, the credential by which it is fetched, and the claim onto which it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .errors import shown
from .schema_model_source import AWS_ROLE, GOOGLE_ACCOUNT, WORKLOAD_IDENTITY
from .views import entries, mapping, word

Data = Mapping[Any, Any]
Found = Iterator[tuple[tuple[Any, ...], str]]

_TAKES = {"hf": "", "s3": AWS_ROLE, "gs": GOOGLE_ACCOUNT}
"""By scheme, the workload identity that its place takes; none where it knows no clouds."""
_LONGEST_NAME = 56
"""Of a model that has an account of its own: ``engine-<model>`` is a label's value too."""
_ELSEWHERE = {AWS_ROLE: ("azure", "gcp", "oci"), GOOGLE_ACCOUNT: ("aws", "azure", "bare_metal", "gpu_cloud", "oci")}
"""Providers whose clusters have no part that hands such an identity to a pod."""


def credentials_have_a_use(data: Data) -> Found:
    """A credential is one that the place of the weights takes, and that pods in such a cluster can have."""
    provider = word(mapping(data, "identity"), "provider")
    for index, model in entries(data, "models"):
        source = mapping(model, "source")
        uri, credential = word(source, "uri") or "", mapping(source, "credential")
        identity = mapping(credential, WORKLOAD_IDENTITY)
        place = ("models", index, "source", "credential")
        scheme = uri.partition("://")[0]
        if credential and scheme == "pvc":
            yield place, f"nothing is fetched from {shown(uri)}, a volume: remove it"
            continue
        name = word(model, "name") or ""
        if identity and len(name) > _LONGEST_NAME:
            message = f"{shown(name)} has {len(name)} characters; with a workload identity at most {_LONGEST_NAME}"
            yield ("models", index, "name"), f"{message}: its account is named after it"
        for kind in identity:
            if (doubt := _no_use(scheme, kind, provider)) and kind in _ELSEWHERE:
                yield (*place, WORKLOAD_IDENTITY, kind), doubt


def _no_use(scheme: str, kind: str, provider: str | None) -> str:
    takes = _TAKES.get(scheme, kind)
    if takes != kind:
        return f"{scheme}:// does not take it: {f'write {takes}' if takes else 'name a secret with a token'}"
    if provider in _ELSEWHERE.get(kind, ()):
        return f"pods of a cluster whose identity.provider is {provider} cannot have it: name a secret"
    return ""


_LONGEST_STAGED = 46
"""Of a model whose weights a Job fetches: ``<model>-weights-<digest>`` is a label's value too."""


def staged_weights_have_a_claim(data: Data) -> Found:
    """What is staged is of the Hub, all of it, and onto a claim that nothing else uses."""
    for index, model in entries(data, "models"):
        claim = mapping(model, "weights_cache")
        if claim.get("stage") is not True:
            continue
        place = ("models", index, "weights_cache")
        for source in _sources(model):
            if source.partition("://")[0] not in ("hf", "pvc"):
                yield (*place, "stage"), f"{shown(source)} is streamed by the engine at each start: remove stage"
        yield from _not_staged(model, index)
        name = word(model, "name") or ""
        if len(name) > _LONGEST_STAGED:
            message = f"{shown(name)} has {len(name)} characters; with weights_cache.stage at most {_LONGEST_STAGED}"
            yield ("models", index, "name"), f"{message}: its Job is named after it"
        for other, user in entries(data, "models"):
            if other != index and word(claim, "claim") in _claims(user):
                message = f"{shown(word(claim, 'claim'))} is used by models[{other}] too"
                yield (*place, "claim"), f"{message}: staged weights have a claim of their own"


def _not_staged(model: Data, index: int) -> Found:
    uri = word(mapping(model, "source"), "uri") or ""
    if uri.startswith("pvc://"):
        yield ("models", index, "weights_cache", "stage"), f"{shown(uri)} is a volume already: remove weights_cache"
    for number, adapter in entries(model, "adapters"):
        source = word(adapter, "source") or ""
        if source.startswith("hf://"):
            message = f"{shown(source)} would be fetched at each start: with weights_cache.stage put it on a volume"
            yield ("models", index, "adapters", number, "source"), f"{message} (pvc://)"


def _sources(model: Data) -> list[str]:
    named = [word(mapping(model, "source"), "uri"), *(word(one, "source") for _i, one in entries(model, "adapters"))]
    return [source for source in named if source]


def _claims(model: Data) -> set[str]:
    places = (source.removeprefix("pvc://") for source in _sources(model) if source.startswith("pvc://"))
    return {*(place.partition("/")[0] for place in places), word(mapping(model, "weights_cache"), "claim") or ""}


SOURCE_RULES: tuple[Callable[[Data], Found], ...] = (credentials_have_a_use, staged_weights_have_a_claim)
