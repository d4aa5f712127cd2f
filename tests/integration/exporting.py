# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DCGM exporters that really answer: what they say is given, how they are reached is as in a cluster."""

from __future__ import annotations

import http.server
import socket
import socketserver
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

PODS = "/api/v1/namespaces/default/pods"


class Tunnel(socketserver.StreamRequestHandler):
    """The way from an API server to its pods, which a testbed without a data plane lacks: one HTTP CONNECT."""

    ports: Mapping[str, int] = {}

    def handle(self) -> None:
        asked = self.rfile.readline().decode()
        while self.rfile.readline().strip():
            pass
        host, _colon, port = asked.split()[1].rpartition(":")
        try:
            inner = socket.create_connection(("127.0.0.1", self.ports.get(host, int(port))), timeout=5)
        except OSError:
            self.wfile.write(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
            return
        with inner:
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            threading.Thread(target=self._pump, args=(self.connection, inner), daemon=True).start()
            self._pump(inner, self.connection)

    @staticmethod
    def _pump(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)


class _Silent(socketserver.StreamRequestHandler):
    asked: list[str]

    def handle(self) -> None:
        self.asked.append(self.rfile.readline().decode().split()[1])
        self.rfile.read()  # until the API server hangs up


class _Answering(http.server.BaseHTTPRequestHandler):
    exporter: Exporter

    def do_GET(self) -> None:
        self.exporter.asked.append(time.time())
        self.exporter.headers.append(dict(self.headers))
        text = self.exporter.text.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_arguments: Any) -> None:
        pass


class Exporter:
    """One that answers with ``text``, which may change. ``asked`` is when it was asked, ``headers`` with what."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.asked: list[float] = []
        self.headers: list[dict[str, str]] = []
        handler = type("Answering", (_Answering,), {"exporter": self})
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _ThreadingUnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


@contextmanager
def silent_data_plane(cluster: Any) -> Iterator[list[str]]:
    """What the API server sends to pods is taken and never answered, as where a firewall is between; what it sent."""
    asked: list[str] = []
    way = _way(cluster)
    server = _ThreadingUnixServer(way, type("Silent", (_Silent,), {"asked": asked}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield asked
    finally:
        server.shutdown()
        server.server_close()
        Path(way).unlink(missing_ok=True)


def _way(cluster: Any) -> str:
    """Where the testbed sends what is for pods, and nobody listens: components.no_egress."""
    return str(Path(cluster.kubeconfig).with_name("no-data-plane.sock"))


@contextmanager
def exporters(cluster: Any, texts: Mapping[str, str], *, by_address: bool = True) -> Iterator[dict[str, Exporter]]:
    """A DCGM exporter on each of these nodes.

    by_address: whether any port of an exporter's pod leads to it; else the port that is asked for is one here.
    """
    made = {node: Exporter(text) for node, text in texts.items()}
    ports: dict[str, int] = {}
    way = _way(cluster)
    tunnel = _ThreadingUnixServer(way, type("Way", (Tunnel,), {"ports": ports}))
    threading.Thread(target=tunnel.serve_forever, daemon=True).start()
    labels = {"app": "nvidia-dcgm-exporter"}
    for node in made:
        spec = {"nodeName": node, "containers": [{"name": "exporter", "image": "dcgm-exporter:4"}]}
        cluster.request(
            "POST", PODS, {"metadata": {"name": f"nvidia-dcgm-exporter-{node}", "labels": labels}, "spec": spec}
        )
    try:
        for node, exporter in made.items():
            address = _address(cluster, f"{PODS}/nvidia-dcgm-exporter-{node}")
            if by_address:
                ports[address] = exporter.port
        yield made
    finally:
        tunnel.shutdown()
        tunnel.server_close()
        for exporter in made.values():
            exporter.close()
        Path(way).unlink(missing_ok=True)
        for node in made:
            cluster.request("DELETE", f"{PODS}/nvidia-dcgm-exporter-{node}", {"gracePeriodSeconds": 0})


def settle(cluster: Any, node: str, *, pod: str, host: str) -> None:
    """Have the pod of a node's exporter be at these addresses, of this machine."""
    status = {"podIP": pod, "podIPs": [{"ip": pod}], "hostIP": host, "hostIPs": [{"ip": host}]}
    cluster.request("PATCH", f"{PODS}/nvidia-dcgm-exporter-{node}/status", {"status": status})


def _address(cluster: Any, path: str) -> str:
    deadline = time.monotonic() + 60
    while not (address := cluster.request("GET", path)["status"].get("podIP")):
        assert time.monotonic() < deadline, "the pod was not started"
        time.sleep(0.2)
    return str(address)
