# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which kinds an API server serves and under which paths: aggregated discovery, cached on disk per cluster UID.

Aggregated discovery (Kubernetes 1.26 and later) is two requests for everything:
https://kubernetes.io/docs/concepts/overview/kubernetes-api/#aggregated-discovery
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .errors import NotFoundError
from .objects import Manifest
from .session import Session

CACHE_SECONDS = 600.0
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


@dataclass(frozen=True)
class Resource:
    """One served kind.

    :param preferred: whether this is the version that the server prefers for its group.
    """

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool
    verbs: tuple[str, ...]
    preferred: bool

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def group_kind(self) -> str:
        """``Deployment.apps``, and ``Service`` for the core group: as the ApplySet specification writes it."""
        return f"{self.kind}.{self.group}" if self.group else self.kind

    def path(self, namespace: str | None = None, name: str | None = None) -> str:
        """The URL path of the collection, or of one object."""
        parts = ["/apis", self.group] if self.group else ["/api"]
        parts.append(self.version)
        if self.namespaced and namespace:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        if name:
            parts.append(name)
        return "/".join(parts)


class Discovery:
    """What one API server serves. A missed look-up asks the server again, once."""

    def __init__(self, session: Session, resources: Iterable[Resource], *, fresh: bool) -> None:
        self._session = session
        self._fresh = fresh
        self._index(resources)

    @classmethod
    def of(cls, session: Session, *, cached: bool = True) -> Discovery:
        """Discovery for the session's cluster, from the cache when it is young enough and ``cached``."""
        known = _read_cache(session.uid()) if cached else None
        if known is not None:
            return cls(session, known, fresh=False)
        return cls(session, _fetch(session), fresh=True)

    def find(self, api_version: str, kind: str) -> Resource | None:
        """The resource of a manifest's ``apiVersion`` and ``kind``, or ``None`` when it is not served."""
        found = self._by_kind.get((api_version, kind))
        if found is None and self._refresh():
            found = self._by_kind.get((api_version, kind))
        return found

    def find_group_kind(self, group_kind: str) -> Resource | None:
        """The preferred resource of ``Kind.group``, or ``None`` when it is not served."""
        found = self._by_group_kind.get(group_kind)
        if found is None and self._refresh():
            found = self._by_group_kind.get(group_kind)
        return found

    def listable(self) -> list[Resource]:
        """Each kind once, in its preferred version, that can be listed."""
        return [r for r in self._by_group_kind.values() if "list" in r.verbs]

    def all(self) -> list[Resource]:
        return list(self._by_kind.values())

    def _refresh(self) -> bool:
        if self._fresh:
            return False
        self._fresh = True
        self._index(_fetch(self._session))
        return True

    def forget(self) -> None:
        """The next miss asks the server again: to be called when kinds were just added."""
        self._fresh = False

    def _index(self, resources: Iterable[Resource]) -> None:
        self._by_kind: dict[tuple[str, str], Resource] = {}
        self._by_group_kind: dict[str, Resource] = {}
        served = list(resources)
        self._session.learn({(one.api_version, one.plural): one.kind for one in served})
        for resource in served:
            self._by_kind[resource.api_version, resource.kind] = resource
            if resource.preferred or resource.group_kind not in self._by_group_kind:
                self._by_group_kind[resource.group_kind] = resource


def items_of(
    session: Session, resource: Resource, namespace: str = "", query: Mapping[str, object] | None = None
) -> list[Manifest]:
    """The objects of a kind that was discovered; none where it is served no more."""
    return what_is_there(lambda: session.list_items(resource.path(namespace), query))


def metadata_of(
    session: Session, resource: Resource, namespace: str = "", query: Mapping[str, object] | None = None
) -> list[Manifest]:
    """As :func:`items_of`, by their metadata."""
    return what_is_there(lambda: session.list_metadata(resource.path(namespace), query or {}))


def what_is_there(read: Callable[[], Iterable[Manifest]]) -> list[Manifest]:
    """What a read of a kind that was discovered finds; nothing where the server knows no such kind, or object.

    A definition that was deleted stays in discovery for some seconds, and took its objects with it.
    """
    try:
        return list(read())
    except NotFoundError:
        return []


def _fetch(session: Session) -> list[Resource]:
    lists = session.in_parallel(lambda path: session.get(path, accept=AGGREGATED), ["/api", "/apis"])
    found = [resource for document in lists for resource in parse_discovery(document)]
    _write_cache(session.uid(), found)
    return found


def parse_discovery(document: dict[str, Any]) -> list[Resource]:
    """The resources in one ``APIGroupDiscoveryList``."""
    found = []
    for group in document.get("items") or []:
        name = group.get("metadata", {}).get("name", "")
        for position, version in enumerate(group.get("versions") or []):
            for entry in version.get("resources") or []:
                kind = (entry.get("responseKind") or {}).get("kind")
                if not kind:
                    continue
                found.append(
                    Resource(
                        group=name,
                        version=version["version"],
                        kind=kind,
                        plural=entry["resource"],
                        namespaced=entry.get("scope") == "Namespaced",
                        verbs=tuple(entry.get("verbs") or ()),
                        preferred=position == 0,  # versions come in the server's order of preference
                    )
                )
    return found


def _cache_file(uid: str) -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    return Path(root, "fireworks-byoc", "discovery", f"{uid}.json")


def _read_cache(uid: str) -> list[Resource] | None:
    path = _cache_file(uid)
    try:
        if time.time() - path.stat().st_mtime > CACHE_SECONDS:
            return None
        with path.open(encoding="utf-8") as handle:
            return [Resource(**{**entry, "verbs": tuple(entry["verbs"])}) for entry in json.load(handle)]
    except (OSError, ValueError, TypeError, KeyError):
        return None  # no cache, or one written by another version: ask the server


def _write_cache(uid: str, resources: list[Resource]) -> None:
    path = _cache_file(uid)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
            json.dump([asdict(r) for r in resources], handle)
        Path(temporary).replace(path)
    except OSError:
        pass  # a controller with a read-only home works all the same, only slower
