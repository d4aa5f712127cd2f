# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kubernetes objects as plain data: what names one, what of it is desired state, what must not be shown."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Manifest = dict[str, Any]

DEFINITION = "CustomResourceDefinition.apiextensions.k8s.io"
#: Metadata that the server writes: never part of what somebody wants, so never part of a diff.
_SERVER_METADATA = frozenset(
    {"managedFields", "resourceVersion", "uid", "generation", "creationTimestamp", "selfLink", "deletionTimestamp",
     "deletionGracePeriodSeconds"}
)  # fmt: skip


@dataclass(frozen=True, order=True)
class Ref:
    """What names one object: its kind without the version, its namespace (empty for the cluster's own) and name."""

    kind: str
    group: str
    namespace: str
    name: str

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> Ref:
        metadata = manifest.get("metadata") or {}
        group = str(manifest.get("apiVersion", "")).rpartition("/")[0]
        return cls(str(manifest.get("kind", "")), group, metadata.get("namespace") or "", metadata.get("name") or "")

    @property
    def group_kind(self) -> str:
        return f"{self.kind}.{self.group}" if self.group else self.kind

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


def as_stored(manifest: Manifest) -> Manifest:
    """A Secret's ``stringData`` where the server keeps it: in ``data``, where else a key would stay that goes away.

    What is no text is left where it is: the server says what is wrong with it.
    """
    texts = manifest.get("stringData")
    data = manifest.get("data") or {}
    if Ref.of(manifest).group_kind != "Secret" or not isinstance(texts, Mapping) or not isinstance(data, Mapping):
        return manifest
    if not all(isinstance(text, str) for text in texts.values()):
        return manifest
    written = {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}
    kept = {key: value for key, value in manifest.items() if key != "stringData"}
    return {**kept, "data": {**data, **written}}


def desired_part(manifest: Mapping[str, Any] | None) -> Manifest:
    """An object without what the server writes by itself: what a diff compares."""
    if not manifest:
        return {}
    kept = {key: value for key, value in manifest.items() if key not in ("status", "metadata")}
    metadata = {k: v for k, v in (manifest.get("metadata") or {}).items() if k not in _SERVER_METADATA and v}
    return {**kept, "metadata": metadata}


_CHOSEN = frozenset({"annotations", "binaryData", "data"})
"""Mappings into which others may put something of their own."""
_THEIRS = "(somebody else's, hidden)"


def theirs_hidden(live: Any, ours: Any) -> Any:
    """A live object with what somebody else has put into it hidden: annotations, keys of data, environment variables.

    :param ours: the manifest that we apply. What has a name there is no secret, whatever its value is now.
    """
    if isinstance(live, Mapping):
        wanted = ours if isinstance(ours, Mapping) else {}
        kept = ("data",) if live.get("kind") == "Secret" else ()  # redacted_pair hides them, and shows which change
        return {key: value if key in kept else _hidden_in(key, value, wanted.get(key)) for key, value in live.items()}
    if isinstance(live, list):
        return [theirs_hidden(each, _namesake(each, ours, at)) for at, each in enumerate(live)]
    return live


def _hidden_in(key: str, value: Any, ours: Any) -> Any:
    if key in _CHOSEN and isinstance(value, Mapping):
        known = ours if isinstance(ours, Mapping) else {}
        return {name: text if name in known else _THEIRS for name, text in value.items()}
    if key == "env" and isinstance(value, list):
        names = {each.get("name") for each in ours or () if isinstance(each, Mapping)}
        return [
            {**each, "value": _THEIRS} if "value" in each and each.get("name") not in names else each for each in value
        ]
    return theirs_hidden(value, ours)


def _namesake(one: Any, others: Any, at: int) -> Any:
    """The item of the other list that has its name, or its place where it has none."""
    others = others if isinstance(others, list) else []
    if isinstance(one, Mapping) and "name" in one:
        return next((each for each in others if isinstance(each, Mapping) and each.get("name") == one["name"]), None)
    return others[at] if at < len(others) else None


def redacted_pair(before: Manifest, after: Manifest) -> tuple[Manifest, Manifest]:
    """Both sides of a diff with the values of Secrets hidden, and still showing which keys change."""
    if "Secret" not in (before.get("kind"), after.get("kind")):
        return before, after
    old, new = before.get("data") or {}, after.get("data") or {}

    def hidden(side: Manifest, values: Mapping[str, Any], changed_text: str) -> Manifest:
        if not side:
            return side
        shown = {k: "(hidden)" if old.get(k) == new.get(k) else changed_text for k in values}
        kept = {k: v for k, v in side.items() if k not in ("data", "stringData")}
        metadata = dict(kept.get("metadata") or {})
        metadata["annotations"] = {
            k: v
            for k, v in (metadata.get("annotations") or {}).items()
            if k != "kubectl.kubernetes.io/last-applied-configuration"  # kubectl keeps the values here
        }
        if not metadata["annotations"]:
            del metadata["annotations"]
        return {**kept, "metadata": metadata, **({"data": shown} if shown else {})}

    return hidden(before, old, "(hidden, before)"), hidden(after, new, "(hidden, after)")


def canonical(value: object) -> str:
    """One text for one value, whatever the order of its keys."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
