# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which resources an API server serves, subresources too, and with which verbs: everything that a right can be on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .discovery import AGGREGATED
from .session import Session


@dataclass(frozen=True)
class Served:
    """One resource as RBAC names it: ``pods``, ``pods/exec``. Versions do not matter to rights."""

    group: str
    resource: str
    namespaced: bool
    verbs: frozenset[str]


def served_resources(session: Session) -> list[Served]:
    """All of them, as the server says now."""
    documents = session.in_parallel(lambda path: session.get(path, accept=AGGREGATED), ["/api", "/apis"])
    return parse_served(documents)


def parse_served(documents: Iterable[dict[str, Any]]) -> list[Served]:
    """The resources in ``APIGroupDiscoveryList`` documents, each once, with the verbs of all its versions."""
    found: dict[tuple[str, str, bool], set[str]] = {}
    for document in documents:
        for group in document.get("items") or ():
            name = group.get("metadata", {}).get("name", "")
            for version in group.get("versions") or ():
                for entry in version.get("resources") or ():
                    namespaced = entry.get("scope") == "Namespaced"
                    parts = [("", entry), *((f"/{s['subresource']}", s) for s in entry.get("subresources") or ())]
                    for suffix, part in parts:
                        verbs = found.setdefault((name, entry["resource"] + suffix, namespaced), set())
                        verbs.update(part.get("verbs") or ())
    return [Served(*key, frozenset(verbs)) for key, verbs in sorted(found.items()) if verbs]
