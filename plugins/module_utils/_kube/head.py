# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small JSON document in a ConfigMap, changed only over the version that was read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .._vocabulary.others_json import read_json
from .errors import ConflictError, NotFoundError
from .session import Session

_MERGE = "application/merge-patch+json"
_KEY = "head"


@dataclass(frozen=True)
class Head:
    """The document, or None, and the version of its ConfigMap; empty when there is none.

    is_empty: the ConfigMap is there, and nothing has been written in it yet.
    """

    data: dict[str, Any] | None
    version: str
    is_empty: bool = False


class HeadPlace:
    """Where one document is."""

    def __init__(self, session: Session, namespace: str, name: str, labels: Mapping[str, str]) -> None:
        self._session = session
        self._collection = f"/api/v1/namespaces/{namespace}/configmaps"
        self._path = f"{self._collection}/{name}"
        self._metadata = {"name": name, "labels": dict(labels)}

    def read(self) -> Head:
        """The document. One that is no JSON counts as none. Errors as for ``Session.request``."""
        try:
            live = self._session.get(self._path)
        except NotFoundError:
            return Head(None, "")
        text = (live.get("data") or {}).get(_KEY, "")
        try:
            data = read_json(text)
        except ValueError:
            data = None
        version = str(live["metadata"]["resourceVersion"])
        return Head(data if isinstance(data, dict) else None, version, is_empty=not text)

    def write(self, data: Mapping[str, Any], version: str) -> bool:
        """Write it over this version; False when somebody else was first.

        :raises NotFoundError: there is no namespace for it.
        """
        text = {"data": {_KEY: json.dumps(data, sort_keys=True)}}
        try:
            if version:
                body = {**text, "metadata": {"resourceVersion": version}}
                self._session.request("PATCH", self._path, body=body, content_type=_MERGE)
            else:
                made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": self._metadata, **text}
                self._session.request("POST", self._collection, body=made)
        except ConflictError:
            return False
        return True
