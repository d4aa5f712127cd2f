# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-in kubelets of simulated nodes, which have logs: what they say is given, how they are reached is not.

They understand what the API server asks them for as a real kubelet does (pkg/kubelet/kuberuntime/logs):
``sinceSeconds``, ``sinceTime``, ``tailLines``, ``limitBytes``, ``previous`` and ``timestamps``.
"""

from __future__ import annotations

import http.server
import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from byoc_testbed.pki import Authority
from tests.integration.exporting import Tunnel, _ThreadingUnixServer, _way

Lines = Sequence[tuple[datetime, str]]


class Kubelets:
    """Of all nodes of a cluster.

    logs: by pod and container, or with ``(previous)`` behind it. everywhere: what any other says now. broken: as
    logs, with the error. asked: the queries.
    """

    def __init__(self, everywhere: str = "") -> None:
        self._everywhere = everywhere
        self.logs: dict[tuple[str, str], Lines] = {}
        self.broken: dict[tuple[str, str], str] = {}
        self.asked: list[str] = []

    def answer(self, path: str) -> tuple[int, str]:
        """The status and the text of one request."""
        self.asked.append(path)
        parts = urlsplit(path)
        _root, kind, _namespace, pod, container = parts.path.split("/")
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        key = pod, container + ("(previous)" if query.get("previous") == "true" else "")
        if key in self.broken:
            return 500, self.broken[key]
        now = [(datetime.now(UTC), self._everywhere)] if self._everywhere and not query.get("previous") else []
        lines = self.logs.get(key, now)
        if kind != "containerLogs" or not (lines or key in self.logs):
            return 404, f"container {container} of {pod} has no log"
        return 200, _log(lines, query)


def _log(lines: Lines, query: Mapping[str, str]) -> str:
    if "tailLines" in query:
        lines = lines[max(0, len(lines) - int(query["tailLines"])) :]
    if "sinceSeconds" in query:
        since = datetime.now(UTC) - timedelta(seconds=int(query["sinceSeconds"]))
        lines = [each for each in lines if each[0] >= since]
    if "sinceTime" in query:
        lines = [each for each in lines if each[0] >= datetime.fromisoformat(query["sinceTime"])]
    timed = query.get("timestamps") == "true"
    text = "".join(f"{moment(at)} {said}\n" if timed else f"{said}\n" for at, said in lines)
    limit = int(query.get("limitBytes", len(text.encode())))
    return text.encode()[:limit].decode(errors="ignore")


@lru_cache(maxsize=100_000)
def moment(at: datetime) -> str:
    """As a container runtime writes it: once, so that a benchmark does not count it again and again."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "123Z"


class _Handler(http.server.BaseHTTPRequestHandler):
    kubelets: Kubelets

    def do_GET(self) -> None:
        status, text = self.kubelets.answer(self.path)
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_arguments: Any) -> None:
        pass


class _Anywhere(dict[str, int]):
    """Whatever node is asked for, its port is that of the stand-in."""

    def __init__(self, port: int) -> None:
        self._port = port

    def get(self, _host: str, _default: int | None = None) -> int:  # type: ignore[override]
        return self._port


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


@contextmanager
def kubelets(cluster: Any, folder: Path, everywhere: str = "") -> Iterator[Kubelets]:
    """The kubelets of a cluster's simulated nodes, as long as this is open.

    everywhere: what each container says whose log is not given.
    """
    folder.mkdir(exist_ok=True)
    pair = Authority(folder, f"kubelets of {cluster.name}").peer("kubelet")
    (folder / "kubelet.pem").write_bytes(pair.certificate + pair.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "kubelet.pem")
    made = Kubelets(everywhere)
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"kubelets": made}))
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    way = _way(cluster)
    ports = _Anywhere(int(server.server_address[1]))
    tunnel = _ThreadingUnixServer(way, type("Way", (Tunnel,), {"ports": ports}))
    for each in (server, tunnel):
        threading.Thread(target=each.serve_forever, daemon=True).start()
    try:
        yield made
    finally:
        for each in (server, tunnel):
            each.shutdown()
            each.server_close()
        Path(way).unlink(missing_ok=True)


def kubelets_for(playbook: str, cluster: Any, folder: Path) -> AbstractContextManager[Any]:
    """What ``logs`` needs, as it fails where none can be read; nothing for any other playbook."""
    return kubelets(cluster, folder / "kubelets", "started") if playbook == "logs" else nullcontext()
