# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold between a model's source and the credential by which it is fetched."""

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


SOURCE_RULES: tuple[Callable[[Data], Found], ...] = (credentials_have_a_use,)
