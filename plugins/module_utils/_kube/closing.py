# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Closes nodes for the seconds in which a replica that moves is placed, and keeps on them what is being moved."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .errors import ConflictError, KubeError, NotFoundError
from .session import FIELD_MANAGER, Session

NODES = "/api/v1/nodes"
_MERGE_PATCH = "application/merge-patch+json"
_TRIES = 6

Raw = Mapping[str, Any]


class BusyNodeError(KubeError):
    """A node changed at each try."""

    code = "conflict"


class NodeCloser:
    """Closes and opens nodes by a taint of ours, which nobody else sets: what a customer cordons is not touched.

    :param taint: its key. :param annotation: that of what is being moved.
    """

    def __init__(self, session: Session, taint: str, annotation: str) -> None:
        self._session = session
        self._taint = taint
        self._annotation = annotation

    def close(self, names: Iterable[str]) -> None:
        """Let nothing new be placed on the nodes. Those that are gone are closed."""
        self._session.in_parallel(lambda name: self._patch(name, self._closed), sorted(names))

    def open(self, names: Iterable[str]) -> None:
        """Let the nodes take pods again."""
        self._session.in_parallel(lambda name: self._patch(name, self._opened), sorted(names))

    def keep(self, texts: Mapping[str, str]) -> None:
        """Note on each node what is being moved off it; nothing any more where the text is empty."""
        self._session.in_parallel(self._noted, sorted(texts.items()))

    def kept(self, nodes: Iterable[Raw]) -> dict[str, str]:
        """What is noted, by node."""
        found = {one["metadata"]["name"]: one["metadata"].get("annotations") or {} for one in nodes}
        return {name: str(notes[self._annotation]) for name, notes in found.items() if self._annotation in notes}

    def closed(self, nodes: Iterable[Raw]) -> list[str]:
        """Those that are closed."""
        return [one["metadata"]["name"] for one in nodes if self._is_closed(one)]

    def _is_closed(self, node: Raw) -> bool:
        return any(taint.get("key") == self._taint for taint in (node.get("spec") or {}).get("taints") or ())

    def _closed(self, node: Raw) -> Raw | None:
        if self._is_closed(node):
            return None
        taints = [*((node.get("spec") or {}).get("taints") or ()), {"key": self._taint, "effect": "NoSchedule"}]
        return {"spec": {"taints": taints}}

    def _opened(self, node: Raw) -> Raw | None:
        if not self._is_closed(node):
            return None
        taints = [taint for taint in node["spec"]["taints"] if taint.get("key") != self._taint]
        return {"spec": {"taints": taints or None}}

    def _noted(self, one: tuple[str, str]) -> None:
        name, text = one
        notes = {"metadata": {"annotations": {self._annotation: text or None}}}
        self._patch(name, lambda node: notes if (self.kept([node]).get(name) or "") != text else None)

    def _patch(self, name: str, change: Callable[[Raw], Raw | None]) -> None:
        """Change a node as it is at this moment; other taints of it are kept, whoever sets them meanwhile."""
        path = f"{NODES}/{name}"
        for _try in range(_TRIES):
            try:
                node = self._session.get(path)
                wanted = change(node)
                if wanted is None:
                    return
                same = {"uid": node["metadata"]["uid"], "resourceVersion": node["metadata"]["resourceVersion"]}
                body = {**wanted, "metadata": {**(wanted.get("metadata") or {}), **same}}
                query = {"fieldManager": FIELD_MANAGER}
                self._session.request("PATCH", path, query=query, body=body, content_type=_MERGE_PATCH)
            except NotFoundError:
                return
            except ConflictError:
                continue
            else:
                return
        raise BusyNodeError(f"the node {name} changes all the time", next_step="run this again")
