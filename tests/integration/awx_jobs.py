# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWX as far as a job can see it: an inventory update, and ansible-runner in a private folder of AWX's form.

Each job is a pod of its own: another home, another folder, the same claim. What AWX itself does between them is done
here as its 24.6.1 does it: ``get_script_data``, ``awx_meta_vars`` and ``get_job_kwargs``.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from demo.contracts import Contract, write_fleet
from tests.integration.ansible_runs import ROOT, ansible_environment, run_command, run_inventory
from tests.tools.environments import events

PROJECT = ROOT / "extensions" / "awx" / "project"
#: What the tests say by themselves, and a pod has not.
_NOT_IN_A_POD = ("ANSIBLE_CONFIG", "ANSIBLE_STDOUT_CALLBACK", "BYOC_RECORDS_DIR")
#: Who started the workflow, as the jobs of it are told.
ALICE = {"user_id": 3, "user_name": "alice", "user_email": "alice@fireworks.example"}


@dataclass(frozen=True)
class Job:
    """A job that has ended."""

    done: subprocess.CompletedProcess[str]
    artifacts: dict[str, Any]
    told: str

    @property
    def result(self) -> dict[str, Any]:
        found: dict[str, Any] = self.artifacts["byoc_result"]
        return found


class Awx:
    """A project, its inventory, and the jobs that are run with both."""

    def __init__(self, folder: Path, contracts: Iterable[Contract], **environment: str) -> None:
        self.folder, self.claim = folder, folder / "claim"
        self._environment, self._jobs = environment, 6
        shutil.copytree(PROJECT, folder / "project")
        self.claim.mkdir()
        self._source = write_fleet(folder / "project" / "inventories", contracts)
        self.inventory = self._update()

    def _update(self) -> dict[str, Any]:
        """An inventory update: what AWX keeps in its database of what the plugin read."""
        output = self.folder / "output.json"
        arguments = ("-i", str(self._source), "--list", "--export", "--output", str(output))
        done = run_inventory(*arguments, environment=ansible_environment(**self._environment))
        assert done.returncode == 0, done.stderr
        read: dict[str, Any] = json.loads(output.read_text())
        return read

    def _script(self) -> str:
        """The inventory of a job: a program that prints what is in the database."""
        hosts = {
            name: {**told, "remote_tower_enabled": "true", "remote_tower_id": number}
            for number, (name, told) in enumerate(self.inventory["_meta"]["hostvars"].items(), start=1)
        }
        groups = {name: each for name, each in self.inventory.items() if name not in ("_meta", "all")}
        data = {**groups, "all": {"hosts": [], "children": list(groups)}, "_meta": {"hostvars": hosts}}
        return f"#! /usr/bin/env python3\n# -*- coding: utf-8 -*-\nprint({json.dumps(data)!r})\n"

    def job(
        self,
        playbook: str,
        *options: str,
        starter: Mapping[str, Any] = ALICE,
        environment: Mapping[str, str] | None = None,
        **variables: Any,
    ) -> Job:
        """Run a playbook of the project as a job.

        :param variables: of the template, of the survey's answers, and of what the jobs before it handed on.
        """
        venv = events()
        self._jobs += 1
        folder = self.folder / f"job-{self._jobs}"
        (folder / "env").mkdir(parents=True)
        (folder / "inventory").mkdir()
        (folder / "home").mkdir()
        shutil.copytree(self.folder / "project", folder / "project")
        (folder / "inventory" / "hosts").write_text(self._script())
        (folder / "inventory" / "hosts").chmod(0o700)
        records = {"records_dir": str(self.claim / "records"), "records_writer": "awx"}
        said = {f"{prefix}_{name}": value for prefix in ("awx", "tower")
                for name, value in {**starter, "job_id": self._jobs, "workflow_job_id": 6}.items()}  # fmt: skip
        (folder / "env" / "extravars").write_text(_untrusted({**records, **variables, **said}))
        (folder / "env" / "cmdline").write_text(" ".join(["-u", "root", *options]))
        command = [str(venv.bin / "ansible-runner"), "run", str(folder), "--playbook", f"playbooks/{playbook}.yml",
                   "--ident", str(self._jobs)]  # fmt: skip
        pod = {
            "HOME": str(folder / "home"),
            "JOB_ID": str(self._jobs),
            "INVENTORY_ID": "1",
            "PATH": f"{venv.bin}{os.pathsep}{os.environ['PATH']}",
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".collections"),
        }
        whole = ansible_environment(**{**self._environment, **(environment or {}), **pod})
        done = run_command(command, {key: value for key, value in whole.items() if key not in _NOT_IN_A_POD})
        return _ended(done, folder / "artifacts" / str(self._jobs))


def _ended(done: subprocess.CompletedProcess[str], kept: Path) -> Job:
    texts = [path.read_text() for path in (kept / "job_events").glob("*.json")]
    ended = [event for event in map(json.loads, texts) if event["event"] == "playbook_on_stats"]
    assert len(ended) == 1, done.stdout
    return Job(done, ended[0]["event_data"].get("artifact_data") or {}, "\n".join([done.stdout, *texts]))


def _untrusted(value: Any) -> str:
    """As AWX writes extra variables: no text in them is a template."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"!unsafe {json.dumps(key)}: {_untrusted(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_untrusted, value)) + "]"
    return f"!unsafe {json.dumps(value)}" if isinstance(value, str) else json.dumps(value)


class Api:
    """A stand-in of AWX's API on loopback: what it answers, by path, to whoever has the token; and what was posted."""

    def __init__(self, answers: Mapping[str, Any], token: str) -> None:
        self.posted: list[tuple[str, Any]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(answers, token, self.posted))
        Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(answers: Mapping[str, Any], token: str, posted: list[tuple[str, Any]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """404 to what it does not know, 401 to everybody else."""

        def _answer(self) -> None:
            known = self.headers.get("Authorization") == f"Bearer {token}"
            found = answers.get(self.path.partition("?")[0]) if known else None
            body = json.dumps(found if found is not None else {"detail": "no"}).encode()
            self.send_response(401 if not known else 404 if found is None else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _keep(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            posted.append((self.path, json.loads(self.rfile.read(length) or b"{}")))
            self._answer()

        do_GET, do_POST, do_PATCH = _answer, _keep, _keep  # noqa: N815

        def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002
            pass

    return Handler


@contextmanager
def api(answers: Mapping[str, Any], token: str) -> Iterator[Api]:
    made = Api(answers, token)
    try:
        yield made
    finally:
        made.close()


def workflow(by: Mapping[str, Any], **answer: Any) -> dict[str, Any]:
    """What AWX's API says of the workflow of a job, whose approval this user has given."""
    approval = {"id": 12, "type": "workflow_approval", "status": "successful", **answer}
    node = [{"summary_fields": {"job": {"id": 10, "type": "job", "status": "successful"}}}, {"summary_fields": {}},
            {"summary_fields": {"job": approval}}]  # fmt: skip
    who = {key: by[key] for key in ("id", "username") if key in by}
    return {
        "/api/v2/workflow_jobs/6/workflow_nodes/": {"count": 3, "results": node},
        "/api/v2/workflow_approvals/12/": {
            "finished": "2026-11-28T09:00:00.123456Z",
            **approval,
            "summary_fields": {"approved_or_denied_by": who} if who else {},
        },
        f"/api/v2/users/{by.get('id')}/": dict(by),
    }
