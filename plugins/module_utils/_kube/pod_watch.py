# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pods of a few namespaces as they are now: one list and one watch of each, in the background.

Whatever comes instead of pods, they are listed again: nothing ends the background work but :meth:`PodWatch.stop`. Where
nothing comes for a while, :meth:`PodWatch.blind` says so, and nobody may conclude anything from what was seen before.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from typing import Any

from .errors import KubeError
from .pods import Pod, pod_of
from .session import WATCH_SECONDS, Session

#: A watch is as long as this at most, and a list follows it: after more time than that, no answer came.
BLIND_SECONDS = WATCH_SECONDS + 15.0
_TICK_SECONDS = 0.05
#: Where each watch ends at once, lists must not follow one another without a rest, which grows to this.
_LONGEST_REST_SECONDS = 2.0
_SHORT_SECONDS = 5.0
#: What is raised where something else than a pod is taken apart.
_NO_POD = (AttributeError, KeyError, TypeError, ValueError)


class PodWatch:
    """Follows pods between :meth:`start` and :meth:`stop`."""

    def __init__(self, session: Session, namespaces: Iterable[str]) -> None:
        self._session = session
        self._namespaces = tuple(namespaces)
        self._lock = threading.Lock()
        self._pods: dict[str, dict[str, Pod]] = {namespace: {} for namespace in self._namespaces}
        self._heard = dict.fromkeys(self._namespaces, 0.0)
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

    def blind(self) -> str:
        """Since when nothing is known of a namespace's pods; empty while all are known."""
        now = time.monotonic()
        silent = {namespace: now - heard for namespace, heard in self._heard.items() if now - heard > BLIND_SECONDS}
        return "; ".join(f"the pods of {name} were last seen {age:.0f} s ago" for name, age in silent.items())

    def _list(self, namespace: str) -> str:
        asked, version, found = time.monotonic(), "", {}
        for page in self._session.list_pages(f"/api/v1/namespaces/{namespace}/pods"):
            version = page.get("metadata", {}).get("resourceVersion", "")
            for live in page["items"]:
                pod = pod_of(live)
                found[pod.uid] = pod
        with self._lock:
            self._pods[namespace], self._heard[namespace] = found, asked
        return version

    def _follow(self, namespace: str) -> None:
        """List and watch, again and again: a broken stream or an unavailable server only costs time."""
        rest = _TICK_SECONDS
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                version = self._list(namespace)
                path = f"/api/v1/namespaces/{namespace}/pods"
                for event in self._session.watch(path, {"resourceVersion": version}, WATCH_SECONDS):
                    if event.get("type") == "ERROR" or self._stop.is_set():
                        break
                    self._see(namespace, event)
            except (KubeError, *_NO_POD):
                pass  # asked again until the drain's own deadline
            short = time.monotonic() - began < _SHORT_SECONDS
            rest = min(2 * rest, _LONGEST_REST_SECONDS) if short else _TICK_SECONDS
            self._stop.wait(rest)

    def _see(self, namespace: str, event: Mapping[str, Any]) -> None:
        """Keep what one event says. The server sends them in order: what was before it is known too."""
        pod = None if event["type"] == "BOOKMARK" else pod_of(event["object"])
        with self._lock:
            self._heard[namespace] = time.monotonic()
            if pod is None:
                return
            if event["type"] == "DELETED":
                self._pods[namespace].pop(pod.uid, None)
            else:
                self._pods[namespace][pod.uid] = pod
