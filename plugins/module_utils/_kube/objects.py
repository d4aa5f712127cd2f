# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kubernetes objects as plain data: what names one, what of it is desired state, what must not be shown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Manifest = dict[str, Any]

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


def desired_part(manifest: Mapping[str, Any] | None) -> Manifest:
    """An object without what the server writes by itself: what a diff compares."""
    if not manifest:
        return {}
    kept = {key: value for key, value in manifest.items() if key not in ("status", "metadata")}
    metadata = {k: v for k, v in (manifest.get("metadata") or {}).items() if k not in _SERVER_METADATA and v}
    return {**kept, "metadata": metadata}


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
