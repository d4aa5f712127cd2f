# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fields of a kind, from the OpenAPI that an API server publishes: without references, as a tree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Data = Mapping[str, Any]


class Schema:
    """One place in an object: what it may hold. References are followed when they are come to, so that it may recur."""

    def __init__(self, described: Data, published: Data) -> None:
        self._published = published
        self._described = self._merged(described)

    @property
    def properties(self) -> dict[str, Schema]:
        """The fields of an object, by name; none where it is a map, a list or a value."""
        return {name: self._of(each) for name, each in (self._described.get("properties") or {}).items()}

    @property
    def required(self) -> tuple[str, ...]:
        return tuple(self._described.get("required") or ())

    @property
    def items(self) -> Schema | None:
        """What a list holds."""
        found = self._described.get("items")
        return self._of(found) if isinstance(found, Mapping) else None

    @property
    def values(self) -> Schema | None:
        """What a map holds under keys of the user's choice."""
        found = self._described.get("additionalProperties")
        return self._of(found) if isinstance(found, Mapping) else None

    @property
    def type(self) -> str:
        """The type, with ``number-or-text`` for what may be either, and ``any`` for what nobody describes."""
        if self._described.get("x-kubernetes-int-or-string") or "oneOf" in self._described:
            return "number-or-text"
        if self._described.get("format") == "int-or-string":
            return "number-or-text"
        return str(self._described.get("type") or ("object" if self._described.get("properties") else "any"))

    @property
    def choices(self) -> tuple[Any, ...]:
        return tuple(self._described.get("enum") or ())

    def _of(self, described: Data) -> Schema:
        return Schema(described, self._published)

    def _merged(self, described: Data) -> dict[str, Any]:
        """A description with all that it refers to."""
        merged = dict(described)
        parts = [*merged.pop("allOf", ()), *([{"$ref": merged.pop("$ref")}] if "$ref" in merged else [])]
        for part in parts:
            found = self._published[part["$ref"].rpartition("/")[2]] if "$ref" in part else part
            merged = {**self._merged(found), **merged}
        return merged


def schema_of(published: Data, group: str, version: str, kind: str) -> Schema:
    """The schema of a kind.

    :param published: ``components.schemas`` of ``/openapi/v3/…`` of the kind's group and version.
    """
    wanted = {"group": group, "version": version, "kind": kind}
    for described in published.values():
        if wanted in (described.get("x-kubernetes-group-version-kind") or ()):
            return Schema(described, published)
    raise LookupError(f"the API server publishes no {kind} of {group}/{version}")


def leaves(schema: Schema, path: tuple[str, ...] = (), above: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The places of all values of a kind: ``[]`` is any item of a list, ``*`` any key of a map."""
    if len(path) > 24 or (path and above.count(path[-1]) > 2):
        return []
    found = []
    for name, each in schema.properties.items():
        found += leaves(each, (*path, name), (*above, name))
    if schema.items:
        found += leaves(schema.items, (*path, "[]"), above)
    if schema.values:
        found += leaves(schema.values, (*path, "*"), above)
    return found or [path]
