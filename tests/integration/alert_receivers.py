# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An Alertmanager, the one that the stack release runs, and what its receivers get: all on loopback."""

from __future__ import annotations

import json
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.alerting import alerting
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.alerting.receivers import SECRETS
from byoc_testbed import parts
from byoc_testbed.ports import quiet_ports
from tests.integration.event_chain import Chain, answers, until_ready


@dataclass(frozen=True)
class Message:
    """One request that arrived: when, where, with which authorization, and what it says."""

    at: float
    path: str
    authorization: str
    body: Any


@dataclass
class Inbox:
    """All that arrived, by the path of the receiver."""

    port: int
    messages: list[Message] = field(default_factory=list)

    def of(self, path: str) -> list[Message]:
        return [each for each in self.messages if each.path == path]

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"


@contextmanager
def inbox() -> Iterator[Inbox]:
    """A server that takes every post."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["Content-Length"]))
            said = self.headers.get("Authorization", "")
            made.messages.append(Message(time.time(), self.path, said, json.loads(text)))
            self.send_response(202 if self.path == "/pagerduty" else 200)
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_args: Any) -> None:
            """It would be on the screen."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = Inbox(server.server_address[1])
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()


def configured(contract: Mapping[str, Any], folder: Path, secrets: Mapping[str, str]) -> Path:
    """The configuration of a contract as a file, with the customer's Secrets (by ``name/key``) in the folder."""
    text = json.dumps(alerting(contract)["configuration"]).replace(SECRETS, str(folder / "secrets"))
    for name, value in secrets.items():
        path = folder / "secrets" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(value)
    (folder / "alertmanager.yml").write_text(text)
    return folder / "alertmanager.yml"


def told_by_amtool(config: Path, labels: Mapping[str, str]) -> list[str]:
    """The receivers of an alert, as Alertmanager's own routing says."""
    said = [f"{key}={value}" for key, value in labels.items()]
    return amtool("config", "routes", "test", f"--config.file={config}", *said).strip().split(",")


def amtool(*arguments: str) -> str:
    command = [str(parts.program(parts.ALERTMANAGER, "amtool")), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextmanager
def alertmanager(folder: Path, config: Path) -> Iterator[Chain]:
    """Alertmanager with a configuration, and a port for a Prometheus."""
    names = ("alertmanager", "prometheus")
    made = Chain(folder, dict(zip(names, quiet_ports(len(names)), strict=True)))
    program = str(parts.program(parts.ALERTMANAGER, "alertmanager"))
    try:
        made.start("alertmanager", [
            program, f"--config.file={config}", "--storage.path=am", "--log.level=debug",
            f"--web.listen-address=127.0.0.1:{made.ports['alertmanager']}", "--cluster.listen-address=",
        ])  # fmt: skip
        ready(made, "alertmanager")
        yield made
    finally:
        made.stop()


def ready(made: Chain, name: str) -> None:
    until_ready(made, name, lambda: answers(made.ports[name], "/-/ready") == 200)


def post_alerts(made: Chain, alerts: Sequence[Mapping[str, Any]]) -> None:
    """As Prometheus does it."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{made.ports['alertmanager']}/api/v2/alerts",
        json.dumps(list(alerts)).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        assert answer.status == 200
