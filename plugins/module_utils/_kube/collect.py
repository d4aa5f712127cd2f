# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists collections whole or by metadata, and remembers those of which the server did not tell."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from .discovery import Discovery, Resource, items_of, metadata_of, what_is_there
from .errors import AnswerError, UnauthorizedError
from .objects import Manifest
from .session import Session

Place = tuple[Resource, str]
"""A kind, and a namespace; without one everywhere."""


class Collector:
    """What it could not list is in ``unreadable``, as ``Kind.group``: nothing is known of it."""

    def __init__(self, session: Session, discovery: Discovery) -> None:
        self.unreadable: set[str] = set()
        self._session, self._discovery = session, discovery

    def metadata(
        self, places: Iterable[Place], query: Mapping[str, object] | None = None
    ) -> list[tuple[Place, Manifest]]:
        """The objects of each place, by their metadata."""
        return self._all(places, lambda kind, namespace: metadata_of(self._session, kind, namespace, query))

    def whole(self, group_kinds: Iterable[str], *namespaces: str) -> list[Manifest]:
        """All objects of these kinds, as far as they are served, in these namespaces or everywhere."""
        kinds = [found for name in group_kinds if (found := self._discovery.find_group_kind(name))]
        places = [(kind, namespace) for kind in kinds for namespace in namespaces or ("",)]
        return [item for _place, item in self._all(places, lambda *one: items_of(self._session, *one))]

    def one(self, resource: Resource, namespace: str, name: str) -> Manifest | None:
        """An object; None where it is not there or may not be read."""
        path = resource.path(namespace, name)
        found = self._read(resource, lambda: what_is_there(lambda: [self._session.get(path)]))
        return found[0] if found else None

    def _all(
        self, places: Iterable[Place], read: Callable[[Resource, str], list[Manifest]]
    ) -> list[tuple[Place, Manifest]]:
        def items(place: Place) -> list[tuple[Place, Manifest]]:
            return [(place, item) for item in self._read(place[0], lambda: read(*place))]

        return [found for each in self._session.in_parallel(items, places) for found in each]

    def _read(self, resource: Resource, read: Callable[[], list[Manifest]]) -> list[Manifest]:
        try:
            return read()
        except UnauthorizedError:
            raise
        except AnswerError:
            self.unreadable.add(resource.group_kind)
            return []
