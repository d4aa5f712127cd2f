# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pods of a few namespaces as they are now: one list and one watch of each, in the background."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import Any

from .errors import KubeError
from .pods import Pod, pod_of
from .session import Session

_WATCH_SECONDS = 30.0
_TICK_SECONDS = 0.05


class PodWatch:
    """Follows pods between :meth:`start` and :meth:`stop`."""

    def __init__(self, session: Session, namespaces: Iterable[str]) -> None:
        self._session = session
        self._namespaces = tuple(namespaces)
        self._lock = threading.Lock()
        self._pods: dict[str, dict[str, Pod]] = {namespace: {} for namespace in self._namespaces}
        self._stop = threading.Event()

    def start(self) -> None:
        """List them, and follow them from then on.

        :raises KubeError: they could not even be listed.
        """
        for namespace in self._namespaces:
            self._list(namespace)
        for namespace in self._namespaces:
            threading.Thread(target=self._follow, args=(namespace,), daemon=True).start()

    def stop(self) -> None:
        """Follow them no longer."""
        self._stop.set()

    def tick(self) -> None:
        """Let a moment pass."""
        self._stop.wait(_TICK_SECONDS)

    def pods(self) -> list[Pod]:
        """All of them."""
        with self._lock:
            return [pod for pods in self._pods.values() for pod in pods.values()]

    def _list(self, namespace: str) -> str:
        version, found = "", {}
        for page in self._session.list_pages(f"/api/v1/namespaces/{namespace}/pods"):
            version = page.get("metadata", {}).get("resourceVersion", "")
            for live in page["items"]:
                pod = pod_of(live)
                found[pod.uid] = pod
        with self._lock:
            self._pods[namespace] = found
        return version

    def _follow(self, namespace: str) -> None:
        """List and watch, again and again: a broken stream or an unavailable server only costs time."""
        while not self._stop.is_set():
            try:
                version = self._list(namespace)
                path = f"/api/v1/namespaces/{namespace}/pods"
                for event in self._session.watch(path, {"resourceVersion": version}, _WATCH_SECONDS):
                    if event.get("type") == "ERROR" or self._stop.is_set():
                        break
                    self._see(namespace, event)
            except KubeError:
                pass  # asked again until the drain's own deadline
            self._stop.wait(_TICK_SECONDS)

    def _see(self, namespace: str, event: Mapping[str, Any]) -> None:
        if event.get("type") == "BOOKMARK":
            return
        pod = pod_of(event["object"])
        with self._lock:
            if event["type"] == "DELETED":
                self._pods[namespace].pop(pod.uid, None)
            else:
                self._pods[namespace][pod.uid] = pod
