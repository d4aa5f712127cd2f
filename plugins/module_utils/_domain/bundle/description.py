# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a release describes itself as a plan and a presetup have to read it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..names import NAMESPACES
from ..release import InvalidReleaseError, check_release

Data = Mapping[str, Any]

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_KEYS = (
    "version",
    "channel",
    "upgrades_from",
    "registry",
    "kubernetes",
    "requires",
    "permissions",
    "components",
    "images",
    "engines",
)
_PERMISSION = {"namespace", "group", "resources", "verbs"}
_VERBS = {"get", "list", "watch", "create", "update", "patch", "delete"}


def description_problems(release: Data, folder: str) -> list[str]:
    """Everything that is wrong with what ``release.yml`` says."""
    missing = [f"{key}: is missing" for key in _KEYS if key not in release]
    unknown = [f"{key}: is not a key of a release" for key in release if key not in _KEYS]
    if missing:
        return [*missing, *unknown]
    return [*unknown, *_planned_by(release, folder), *_lists(release), *_images(release), *_permissions(release)]


def _planned_by(release: Data, folder: str) -> Iterator[str]:
    if release["version"] != folder:
        yield f"version: is {release['version']}, and the folder is {folder}"
    try:
        check_release(release)
    except InvalidReleaseError as error:
        yield str(error)


def _lists(release: Data) -> Iterator[str]:
    components = release["components"]
    if not _names(components) or not components or len(set(components)) < len(components):
        yield "components: is not a list of names, each once"
    if not _names(dict(_items(release["requires"])).get("apis")):
        yield "requires.apis: is not a list of API versions, like apps/v1"


def _images(release: Data) -> Iterator[str]:
    entries = [(f"images.{name}", entry) for name, entry in _items(release["images"])]
    entries += [
        (f"engines.{engine}.{version}", entry)
        for engine, versions in _items(release["engines"])
        for version, entry in _items(versions)
    ]
    if not _items(release["images"]):
        yield "images: names none"
    for where, entry in entries:
        if not isinstance(entry, Mapping) or set(entry) != {"name", "digest"}:
            yield f"{where}: is not a name and a digest"
        elif not _DIGEST.fullmatch(str(entry["digest"])):
            yield f"{where}.digest: {entry['digest']!r} is no digest: sha256: and 64 hexadecimal digits"


def _permissions(release: Data) -> Iterator[str]:
    rights = release["permissions"]
    if not isinstance(rights, Mapping) or set(rights) != {"apply", "accounts"}:
        yield "permissions: is not `apply` and `accounts`"
        return
    listed = [("apply", rights["apply"]), *((f"accounts.{name}", its) for name, its in _items(rights["accounts"]))]
    entries = [
        (where, entry) for where, its in listed for entry in (its if isinstance(its, list) else [its] if its else ())
    ]
    for where, entry in entries:
        if not isinstance(entry, Mapping) or set(entry) != _PERMISSION:
            yield f"permissions.{where}: an entry is not {', '.join(sorted(_PERMISSION))}"
        elif entry["namespace"] not in NAMESPACES:
            yield f"permissions.{where}: {entry['namespace']!r} is no namespace of ours"
        elif not _plain(entry["resources"]) or not _plain(entry["verbs"]) or set(entry["verbs"]) - _VERBS:
            yield f"permissions.{where}: resources are names, verbs some of {', '.join(sorted(_VERBS))}; no wildcards"


def _plain(found: Any) -> bool:
    return _names(found) and not any("*" in each for each in found)


def _names(found: Any) -> bool:
    return isinstance(found, list) and all(isinstance(each, str) and each for each in found)


def _items(found: Any) -> list[tuple[str, Any]]:
    return [(str(key), value) for key, value in found.items()] if isinstance(found, Mapping) else []
