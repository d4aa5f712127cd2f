# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real scheduler that says on which nodes a pod may be, instead of placing it.

It runs its filters and hands the nodes that are left to an extender, which is this program: it notes them, and lets it
have none. Of a pod that no node is left for, the extender is not asked, and the pod's condition says so.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from byoc_testbed import ClusterSpec, Testbed
from tests.integration.raw_scenes import SPACES, Drawn

Raw = dict[str, Any]
_SEEN_SECONDS = 0.25
"""After which the scheduler has seen a scene: its watches are of one idle API server."""
_ANSWER_SECONDS = 30.0


class AskedScheduler:
    """One cluster without kubelets and controllers, in which scenes are laid out one after the other."""

    def __init__(self, cluster: Any, noted: dict[str, list[str]]) -> None:
        self._cluster = cluster
        self._noted = noted

    def lay_out(self, drawn: Drawn) -> tuple[list[Raw], list[Raw]]:
        """Make the scene. Returns its nodes and pods as the API server lists them, those that ask included."""
        it = self._cluster
        it.create_many([*drawn.nodes, *drawn.there])
        for pod in drawn.over():
            body = {"status": {"phase": "Succeeded"}}
            it.request("PATCH", f"{_path(pod)}/status", body, "application/merge-patch+json")
        for pod in drawn.leaving():
            if pod not in drawn.over():
                it.request("DELETE", _path(pod))
        time.sleep(_SEEN_SECONDS)
        it.create_many(drawn.asking)
        pods = [pod for space in SPACES for pod in it.request("GET", f"/api/v1/namespaces/{space}/pods")["items"]]
        return it.request("GET", "/api/v1/nodes")["items"], pods

    def answers(self, drawn: Drawn) -> dict[str, list[str]]:
        """By ``namespace/name`` of each pod that asks, the nodes that the scheduler may put it on."""
        found: dict[str, list[str]] = {}
        deadline = time.monotonic() + _ANSWER_SECONDS
        for pod in drawn.asking:
            while not _said(self._cluster.request("GET", _path(pod))):
                assert time.monotonic() < deadline, f"the scheduler says nothing of {_path(pod)}"
                time.sleep(0.02)
            found[_key(pod)] = sorted(self._noted.get(_key(pod), []))
        return found

    def clear(self) -> None:
        """Remove the scene."""
        for space in SPACES:
            self._cluster.request("DELETE", f"/api/v1/namespaces/{space}/pods?gracePeriodSeconds=0")
        self._cluster.request("DELETE", "/api/v1/nodes")


def _key(pod: Raw) -> str:
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"


def _path(pod: Raw) -> str:
    return f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"


def _said(pod: Raw) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(one["type"] == "PodScheduled" and one["status"] == "False" for one in conditions)


@contextmanager
def asked_scheduler() -> Iterator[AskedScheduler]:
    """A cluster with such a scheduler, and what it asks."""
    noted: dict[str, list[str]] = {}

    class Extender(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            given = {key.lower(): value for key, value in asked.items()}
            names = given["nodenames"]
            noted[_key(given["pod"])] = names
            refused = dict.fromkeys(names, "it is only asked")
            body = json.dumps({"NodeNames": [], "FailedAndUnresolvableNodes": refused}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_parts: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Extender) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        spec = ClusterSpec(
            "asked",
            kubelets=False,
            controllers=False,
            device_plugin=False,
            scheduler_extender=f"http://127.0.0.1:{server.server_port}",
        )
        with Testbed.start([spec]) as bed:
            for space in SPACES:
                bed["asked"].request("POST", "/api/v1/namespaces", {"metadata": {"name": space}})
                account = {"metadata": {"name": "default"}}
                bed["asked"].request("POST", f"/api/v1/namespaces/{space}/serviceaccounts", account)
            yield AskedScheduler(bed["asked"], noted)
        server.shutdown()
