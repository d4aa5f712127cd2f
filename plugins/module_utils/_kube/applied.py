# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a field manager has applied of a live object: the manifest that, applied again, makes it the same again.

An object's ``managedFields`` say whose each field is:
https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .objects import Manifest, desired_part

Fields = Mapping[str, Any]


def applied_part(live: Mapping[str, Any], manager: str) -> Manifest:
    """The manifest that ``manager`` has applied, as it reads now; of an object that it never applied, all of it.

    Fields that others have set since are not in it.
    """
    entry = _entry(live, manager)
    if entry is None:
        return desired_part(live)
    found = _of_mapping(live, entry.get("fieldsV1") or {})
    metadata = live["metadata"]
    named = {key: metadata[key] for key in ("name", "namespace") if metadata.get(key)}
    kept = {key: value for key, value in found.items() if key != "status"}
    head = {"apiVersion": live["apiVersion"], "kind": live["kind"]}
    return {**head, **kept, "metadata": {**(found.get("metadata") or {}), **named}}


def applied_version(live: Mapping[str, Any], manager: str) -> str:
    """The API version in which ``manager`` has applied an object, which the names of its fields are of."""
    entry = _entry(live, manager)
    return str((entry or {}).get("apiVersion") or live["apiVersion"])


def applied_annotations(live: Mapping[str, Any], manager: str) -> set[str]:
    """The annotations that ``manager`` has applied."""
    fields: Any = (_entry(live, manager) or {}).get("fieldsV1") or {}
    for key in ("f:metadata", "f:annotations"):
        fields = fields.get(key) or {}
    return {key.removeprefix("f:") for key in fields if key.startswith("f:")}


def _entry(live: Mapping[str, Any], manager: str) -> Fields | None:
    entries = (live.get("metadata") or {}).get("managedFields") or ()
    ours = (e for e in entries if e.get("manager") == manager and e.get("operation") == "Apply")
    return next((entry for entry in ours if not entry.get("subresource")), None)


def _of_mapping(live: Mapping[str, Any], fields: Fields) -> dict[str, Any]:
    found = {}
    for key, below in fields.items():
        name = key.removeprefix("f:")
        if key.startswith("f:") and name in live:
            found[name] = _of_value(live[name], below)
    return found


def _of_value(live: Any, fields: Fields) -> Any:
    """A value as a whole, if its parts have no owners of their own."""
    if not set(fields) - {"."}:
        return {} if fields and isinstance(live, Mapping) else live
    if isinstance(live, Mapping):
        return _of_mapping(live, fields)
    return list(_of_list(live, fields))


def _of_list(live: Sequence[Any], fields: Fields) -> Iterator[Any]:
    """The items of a list that are its owner's, in the order in which they stand there now."""
    keyed = [(json.loads(key[2:]), below) for key, below in fields.items() if key.startswith("k:")]
    values = [json.loads(key[2:]) for key in fields if key.startswith("v:")]
    for item in live:
        if isinstance(item, Mapping):
            for names, below in keyed:
                if _has(item, names):
                    yield _of_value(item, below) or names
        elif item in values:
            yield item


def _has(item: Mapping[str, Any], names: Mapping[str, Any]) -> bool:
    return all(item.get(name) == value for name, value in names.items())
