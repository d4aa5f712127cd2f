# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mutants of an object: for every field of its kind, what somebody could set, remove, add or duplicate there."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from .edits import ABSENT, Edit, Mutation, Path, general
from .schema import Schema
from .values import KEYS, PLAIN, values_for

LEFT_OUT: Mapping[tuple[str, ...], str] = {
    ("apiVersion",): "the path of the call says it",
    ("kind",): "the path of the call says it",
    ("status",): "the server drops it: what has a status has it behind a path of its own, where nobody of ours writes",
    ("metadata", "creationTimestamp"): "the server sets it",
    ("metadata", "deletionGracePeriodSeconds"): "the server sets it",
    ("metadata", "deletionTimestamp"): "the server sets it",
    ("metadata", "generation"): "the server sets it",
    ("metadata", "managedFields"): "it says who wrote what, and changes nothing",
    ("metadata", "namespace"): "the server refuses one that differs from the path's",
    ("metadata", "resourceVersion"): "it makes a write conditional, and changes nothing",
    ("metadata", "selfLink"): "the server drops it",
    ("metadata", "uid"): "the server sets it",
}
"""The fields that are not mutated, with the reason."""

_HANDLERS = frozenset({"exec", "httpGet", "tcpSocket", "grpc", "sleep"})
_UNIONS = (
    frozenset({"value", "valueFrom"}),
    frozenset({"configMapKeyRef", "secretKeyRef", "fieldRef", "resourceFieldRef", "fileKeyRef"}),
    frozenset({"configMapRef", "secretRef"}),
    frozenset({"minAvailable", "maxUnavailable"}),
    frozenset({"pods", "object", "resource", "containerResource", "external"}),
    frozenset({"configMap", "secret", "downwardAPI", "serviceAccountToken", "clusterTrustBundle", "podCertificate"}),
)
_MOST_DEEP = 26
_RECURRING = 3
"""How often a field of one name may lie within itself."""


class Generator:
    """The mutants of one base object.

    :param kind: for places that are known by kind and path. :param whole: what an item of a list is made from, by the
    list's name, where the schema alone makes none that is valid.
    """

    def __init__(self, kind: str, schema: Schema, base: Any, whole: Mapping[str, Callable[[], Any]]) -> None:
        self._kind = kind
        self._schema = schema
        self._base = base
        self._whole = whole

    def singles(self) -> Iterator[Mutation]:
        """One mutation after the other, each of one field."""
        yield from self._walk(self._schema, self._base, ())

    def _walk(self, schema: Schema, value: Any, path: Path) -> Iterator[Mutation]:
        if general(path) in LEFT_OUT or len(path) > _MOST_DEEP:
            return
        if schema.properties and isinstance(value, dict):
            yield from self._object(schema, value, path)
        elif schema.items and isinstance(value, list):
            yield from self._list(schema.items, value, path)
        elif schema.values and isinstance(value, dict):
            yield from self._map(schema.values, value, path)
        elif isinstance(value, dict) and path:
            yield from self._map(None, value, path)
        yield from self._replaced(schema, value, path)

    def _replaced(self, schema: Schema, value: Any, path: Path) -> Iterator[Mutation]:
        for other in self._values(schema, path):
            if other != value:
                yield _set(path, other)

    def _object(self, schema: Schema, value: dict[str, Any], path: Path) -> Iterator[Mutation]:
        for name, each in schema.properties.items():
            place = (*path, name)
            if general(place) in LEFT_OUT:
                continue
            if name in value:
                yield Mutation((Edit(place, ABSENT),))
                yield from self._walk(each, value[name], place)
                continue
            way = self._way_for(schema, name, value, path)
            for instance in self._instances(each, name, place):
                yield Mutation((*way, Edit(place, instance)))

    def _list(self, items: Schema, value: list[Any], path: Path) -> Iterator[Mutation]:
        yield _set(path, [])
        for number, item in enumerate(value):
            yield Mutation((Edit((*path, number), ABSENT),))
            yield _set((*path, len(value)), item)
            yield from self._walk(items, item, (*path, number))
        for instance in self._instances(items, str(path[-1]), (*path, len(value))):
            yield _set((*path, len(value)), instance)

    def _map(self, values: Schema | None, value: dict[str, Any], path: Path) -> Iterator[Mutation]:
        name = str(path[-1])
        for key in value:
            yield Mutation((Edit((*path, key), ABSENT),))
            for other in self._values(values, (*path, key)) if values else ("theirs",):
                if other != value[key]:
                    yield _set((*path, key), other)
        for key, other in KEYS.get(name, (("theirs", "1"),)):
            if value.get(key) != other:
                yield _set((*path, key), other)

    def _way_for(self, schema: Schema, name: str, value: Mapping[str, Any], path: Path) -> tuple[Edit, ...]:
        """What has to go, or to be said, so that a field beside its alternatives is valid."""
        gone = [Edit((*path, other), ABSENT) for other in _alternatives(name, value, path)]
        kind = _type_for(schema, name)
        return (*gone, *((Edit((*path, "type"), kind),) if kind and value.get("type") != kind else ()))

    def _instances(self, schema: Schema, name: str, path: Path) -> Iterator[Any]:
        """Values for a place where nothing is: together they set every field that can be below it."""
        if len(path) > _MOST_DEEP or [*path].count(name) > _RECURRING:
            return
        yield from self._values(schema, path)
        if schema.properties:
            plain = self._plain(schema, name, path)
            for field, each in schema.properties.items():
                for instance in self._instances(each, field, (*path, field)):
                    kind = _type_for(schema, field)
                    rest = {k: v for k, v in plain.items() if k not in _alternatives(field, plain, path)}
                    yield {**rest, **({"type": kind} if kind else {}), field: instance}
        elif schema.items:
            for instance in self._instances(schema.items, name, (*path, 0)):
                yield [instance]
        elif schema.values:
            for key, value in KEYS.get(name, (("theirs", "1"),)):
                yield {key: value}

    def _plain(self, schema: Schema, name: str, path: Path) -> dict[str, Any]:
        """The least that an object at a place may be."""
        if name in self._whole:
            return dict(self._whole[name]())
        return {field: self._least(schema.properties[field], field, (*path, field)) for field in schema.required
                if field in schema.properties}  # fmt: skip

    def _least(self, schema: Schema, name: str, path: Path) -> Any:
        if schema.choices:
            return schema.choices[0]
        if schema.properties:
            return self._plain(schema, name, path)
        if schema.items:
            return [self._least(schema.items, name, (*path, 0))]
        if name in PLAIN:
            return PLAIN[name]
        return {"boolean": True, "integer": 1, "number": 1, "number-or-text": 1, "object": {}}.get(schema.type, "extra")

    def _values(self, schema: Schema, path: Path) -> list[Any]:
        place = " ".join((self._kind, *general(path)))
        name = next((step for step in reversed(path) if isinstance(step, str)), "")
        type_ = "object" if schema.properties or schema.values else "array" if schema.items else schema.type
        simple = type_ not in ("object", "array")
        in_list = bool(path) and isinstance(path[-1], int)
        if in_list and not simple:
            return []
        found = values_for(place, name, type_, schema.choices)
        return found if not in_list else [value for value in found if not isinstance(value, (dict, list))]


def _set(path: Path, value: Any) -> Mutation:
    return Mutation((Edit(path, value),))


def _alternatives(name: str, value: Mapping[str, Any], path: Path) -> list[str]:
    """The fields that are there and may not be beside this one."""
    found = {other for union in _UNIONS if name in union for other in union}
    if name in _HANDLERS:
        found |= _HANDLERS
    if _is_volume(path) and name != "name":
        found |= set(value) - {"name"}
    return [other for other in value if other in found and other != name]


def _is_volume(path: Path) -> bool:
    return len(path) > 1 and path[-2] == "volumes" and isinstance(path[-1], int)


def _type_for(schema: Schema, name: str) -> str:
    """What ``type`` has to say where it names the field that is set: ``URLRewrite`` for ``urlRewrite``."""
    type_ = schema.properties.get("type")
    if type_ is None or name == "type":
        return ""
    known = [str(choice) for choice in type_.choices if str(choice).lower() == name.lower()]
    if known:
        return known[0]
    return _METRICS.get(name, "") if "containerResource" in schema.properties else ""


_METRICS = {
    "pods": "Pods",
    "object": "Object",
    "resource": "Resource",
    "containerResource": "ContainerResource",
    "external": "External",
}


def drawn(singles: Sequence[Mutation], number: int, chance: random.Random, pairs: float = 0.15) -> list[Mutation]:
    """So many mutations that a seed draws: singles, and pairs of them that do not touch each other."""
    wanted = round(number * pairs)
    found = list(singles) if len(singles) <= number - wanted else chance.sample(list(singles), number - wanted)
    tries = 0
    while len(found) < number and len(singles) > 1 and tries < 3 * number:
        tries += 1
        one, other = (
            chance.sample(list(singles), 2) if len(singles) < 50 else (chance.choice(singles), chance.choice(singles))
        )
        if _apart(one, other):
            found.append(Mutation((*one.edits, *other.edits)))
    return found


def _apart(one: Mutation, other: Mutation) -> bool:
    """Whether two mutations touch neither the same place nor one within the other's, nor the same list."""
    return not any(_within(a.path, b.path) for a in one.edits for b in other.edits)


def _within(one: Path, other: Path) -> bool:
    short = min(len(one), len(other))
    if one[:short] == other[:short]:
        return True
    # Removing an item moves those after it: two edits of one list are not independent.
    for number in range(short):
        if one[number] != other[number]:
            return isinstance(one[number], int) and isinstance(other[number], int)
    return False


def without_twins(mutations: Iterable[Mutation]) -> list[Mutation]:
    """Each mutation once."""
    seen: dict[str, Mutation] = {}
    for mutation in mutations:
        seen.setdefault(str(mutation), mutation)
    return list(seen.values())
