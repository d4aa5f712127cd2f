# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests through the router of real nodes, from the network of a node, and what its routers say of themselves."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

SYSTEM = "/api/v1/namespaces/fireworks-system"
MODELS = "/api/v1/namespaces/fireworks-models"
_SCRIPT = """
import http.client, json, sys
for asked in json.load(sys.stdin):
    connection = http.client.HTTPConnection(asked["host"], asked["port"], timeout=60)
    try:
        connection.request(asked["method"], asked["path"], asked["body"], asked["headers"])
        answer = connection.getresponse()
        body = answer.read().decode(errors="replace")
        said = [answer.status, {name.lower(): value for name, value in answer.getheaders()}, body]
    except OSError as error:
        said = [0, {}, type(error).__name__]
    print(json.dumps(said), flush=True)
    connection.close()
"""


@dataclass(frozen=True)
class Said:
    """One answer. Status 0: there was none."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def error(self) -> Mapping[str, Any]:
        return dict(json.loads(self.text)["error"])

    @property
    def version(self) -> str:
        return self.headers.get("x-standin-version", "")


@dataclass(frozen=True)
class Asked:
    """One request. ``body`` is sent as it is where it is a text, and else as JSON."""

    body: Any = None
    path: str = "/v1/completions"
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)


class Door:
    """The router's Service, or one pod of it."""

    def __init__(self, cluster: Any, host: str = "", port: int = 8001) -> None:
        self._cluster, self.port = cluster, port
        self.host = host or cluster.request("GET", f"{SYSTEM}/services/router")["spec"]["clusterIP"]

    def ask(self, *requests: Asked, node: int = 0) -> list[Said]:
        """Send requests, one after the other, each on a connection of its own."""
        sent = json.dumps([self._as_sent(one) for one in requests])
        real = self._cluster.real
        command = real.in_network_of(real.names[node], [sys.executable, "-c", _SCRIPT])
        done = subprocess.run(command, input=sent, capture_output=True, text=True, check=True, timeout=300)
        return [Said(*json.loads(line)) for line in done.stdout.splitlines()]

    def complete(self, model: str, times: int = 1, **more: Any) -> list[Said]:
        """Ask a model for a token, so many times."""
        body = {"model": model, "prompt": "Hi", "max_tokens": 1, **more}
        return self.ask(*[Asked(body)] * times)

    def _as_sent(self, one: Asked) -> dict[str, Any]:
        body = one.body if one.body is None or isinstance(one.body, str) else json.dumps(one.body)
        headers = {"Content-Type": "application/json", **one.headers}
        return {"host": self.host, "port": self.port, "method": one.method, "path": one.path, "body": body,
                "headers": headers}  # fmt: skip


def pods(cluster: Any, component: str = "router") -> list[dict[str, Any]]:
    """The pods of a component that stay."""
    selector = f"labelSelector=byoc.fireworks.ai%2Fcomponent%3D{component}"
    items = cluster.request("GET", f"{SYSTEM}/pods?{selector}")["items"]
    return [one for one in items if not one["metadata"].get("deletionTimestamp")]


def engines(cluster: Any, model: str) -> list[dict[str, Any]]:
    """The pods of a model that stay."""
    selector = f"labelSelector=byoc.fireworks.ai%2Fmodel%3D{model}"
    items = cluster.request("GET", f"{MODELS}/pods?{selector}")["items"]
    return [one for one in items if not one["metadata"].get("deletionTimestamp")]


def is_ready(pod: Mapping[str, Any]) -> bool:
    conditions = pod["status"].get("conditions") or ()
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def status_of(cluster: Any, pod: str, path: str) -> str:
    """What a router says of itself."""
    return str(cluster.request("GET", f"{SYSTEM}/pods/{pod}:8002/proxy/{path}"))


def counted(cluster: Any, metric: str, model: str, routers: Sequence[Mapping[str, Any]]) -> int:
    """A counter of a model, over these routers."""
    pattern = re.compile(rf'^envoy_cluster_{metric}{{envoy_cluster_name="{re.escape(model)}"}} (\d+)$', re.MULTILINE)
    texts = [status_of(cluster, one["metadata"]["name"], "metrics") for one in routers]
    return sum(int(found) for text in texts for found in pattern.findall(text))


def answered(cluster: Any, kind: str, model: str, routers: Sequence[Mapping[str, Any]]) -> int:
    """Answers to requests for a model whose status begins with this digit, over these routers."""
    texts = [status_of(cluster, one["metadata"]["name"], "metrics") for one in routers]
    of = (f'envoy_response_code_class="{kind}"', f'envoy_cluster_name="{model}"')
    lines = [line for text in texts for line in text.splitlines() if line.startswith("envoy_cluster_upstream_rq_xx{")]
    return sum(int(line.rpartition(" ")[2]) for line in lines if all(part in line for part in of))
