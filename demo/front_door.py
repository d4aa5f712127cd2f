# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions to a model through the router's Service, from the network of a real node, as any client asks."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from byoc_testbed import Cluster
from tests.tools.environments import Environment

_NAME, _PORT = "router.fireworks-system.svc", 8001
_SERVICE = "/api/v1/namespaces/fireworks-system/services/router"
_SECONDS = 30
_OPENAI = """\
import sys, openai
client = openai.OpenAI(base_url=sys.argv[1], api_key="none", timeout=30)
asked = [{"role": "user", "content": sys.argv[3]}]
said = client.chat.completions.create(model=sys.argv[2], messages=asked, max_tokens=8)
print(said.choices[0].message.content)
"""


@dataclass(frozen=True)
class Answer:
    """Status 0: there was none, and the text says why."""

    status: int
    text: str
    retry_after: str = ""


class FrontDoor:
    """The router of one cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._real = cluster.real
        self._address = cluster.request("GET", _SERVICE)["spec"]["clusterIP"]
        self.url = f"http://{_NAME}:{_PORT}/v1"

    def curl(self, model: str, question: str) -> tuple[list[str], Answer]:
        """Ask with curl: the command, as a reader would type it, and the answer."""
        command = self._command(model, question)
        more = ["--max-time", str(_SECONDS), "--show-error", "-w", "\n%{http_code} %header{retry-after}"]
        done = self._run([*command, *self._way(), *more])
        if done.returncode:
            return command, Answer(0, done.stderr.strip())
        text, _gap, last = done.stdout.rpartition("\n")
        status, _gap, retry_after = last.partition(" ")
        return command, Answer(int(status), text.strip(), retry_after)

    def openai(self, environment: Environment, model: str, question: str) -> Answer:
        """Ask with OpenAI's own client, which raises what it does not like."""
        url = f"http://{self._address}:{_PORT}/v1"
        done = self._run([str(environment.bin / "python"), "-c", _OPENAI, url, model, question])
        if done.returncode:
            return Answer(0, "\n".join(done.stderr.strip().splitlines()[-1:]))
        return Answer(200, done.stdout.strip())

    def again(self, model: str, question: str) -> str:
        """The command line by which a reader asks, as root, while the cluster stays."""
        return shlex.join(self._inside([*self._command(model, question), *self._way()]))

    def _command(self, model: str, question: str) -> list[str]:
        asked = {"model": model, "messages": [{"role": "user", "content": question}], "max_tokens": 8}
        headers = ["-H", "Content-Type: application/json"]
        return ["curl", "-s", f"{self.url}/chat/completions", *headers, "-d", json.dumps(asked)]

    def _way(self) -> list[str]:
        """No DNS outside of pods knows the Service's name, and no proxy the way to it."""
        return ["--resolve", f"{_NAME}:{_PORT}:{self._address}", "--noproxy", "*"]

    def _inside(self, command: Sequence[str]) -> list[str]:
        return list(self._real.in_network_of(self._real.names[0], command))

    def _run(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "NO_PROXY": "*", "no_proxy": "*"}
        try:
            return subprocess.run(
                self._inside(command),
                env=environment,
                capture_output=True,
                text=True,
                timeout=2 * _SECONDS,
                stdin=subprocess.DEVNULL,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(list(command), 1, "", f"no answer within {2 * _SECONDS} s")
