# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The models' part as a whole: from who answers to which names to the two files that every router reads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..contract.typed import Contract
from ..model.exposure import RETIRED
from ..names import MODEL_LABEL, SERVES_ANNOTATION
from .lines import (
    CLUSTERS,
    ROUTES,
    beginning,
    cluster_line,
    end,
    list_line,
    route_line,
    table,
    text,
)

CLUSTER_DOMAIN = "cluster.local"
"""The domain of a cluster's DNS where nothing else is said."""


@dataclass(frozen=True)
class Served:
    """One model: its name, which its Service has too, and the names that clients ask for."""

    model: str
    names: tuple[str, ...]


def cluster_domain(contract: Contract) -> str:
    """The domain of the cluster's DNS."""
    return str((contract.get("networking") or {}).get("cluster_domain") or CLUSTER_DOMAIN)


def served_by(services: Iterable[Mapping[str, Any]]) -> list[Served]:
    """The models that are routed, from their Services: what is on its way out is not."""
    found = []
    for service in services:
        metadata = service["metadata"]
        name = str(metadata["name"])
        ours = (metadata.get("labels") or {}).get(MODEL_LABEL) == name
        if ours and (service.get("spec") or {}).get("selector") != RETIRED:
            found.append(Served(name, _names(metadata, name)))
    return sorted(found, key=lambda one: one.model)


def models_part(models: Sequence[Served], domain: str) -> dict[str, str]:
    """The files, by their names.

    A name that two models claim is the first one's: the contract lets none be claimed twice.

    :param domain: of the cluster's DNS.
    """
    owner: dict[str, str] = {}
    for one in models:
        for name in one.names:
            owner.setdefault(name, one.model)
    clusters = ",\n".join(cluster_line(one.model, domain) for one in models)
    return {
        CLUSTERS: _file(CLUSTERS, [clusters] if clusters else []),
        ROUTES: _file(ROUTES, [list_line(owner), table(), *sorted(route_line(owner[name], name) for name in owner)]),
    }


def is_routed(part: Mapping[str, str], model: str) -> bool:
    """Whether routers that were told this part know the model."""
    begins = text({"name": model}).removesuffix("}") + ","
    return any(line.startswith(begins) for line in part.get(CLUSTERS, "").splitlines())


def version_of(part: Mapping[str, str]) -> dict[str, str]:
    """By file, the version that Envoy shows once it has accepted it."""
    return {key: str(json.loads(content)["version_info"]) for key, content in part.items()}


def _names(metadata: Mapping[str, Any], otherwise: str) -> tuple[str, ...]:
    noted = (metadata.get("annotations") or {}).get(SERVES_ANNOTATION)
    return tuple(str(name) for name in json.loads(noted)) if noted else (otherwise,)


def _file(key: str, lines: Sequence[str]) -> str:
    whole = [beginning(key, ""), *lines, end(key), ""]
    version = hashlib.sha256("\n".join(whole).encode()).hexdigest()[:10]
    return "\n".join([beginning(key, version), *whole[1:]])
