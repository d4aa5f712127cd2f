# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Repairs that ``fireworks.byoc.remediate`` has made: side by side, until one deadline, and reported as they are."""

from __future__ import annotations

import json
import shlex
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.integration import journey
from tests.integration.journey import as_admin
from tests.integration.remediating import ALLOWED, NODE, OTHER, finding, said, with_models

BOTH = {"max_nodes": 2, "max_share": 1, "max_nodes_per_model": 2, "breaker_share": 1, "healthy_for": "1h"}


@pytest.fixture
def cluster(bed: Any) -> Iterator[Any]:
    with with_models(bed["acme"]) as it:
        yield it


def recorded(folder: Path) -> list[dict[str, Any]]:
    lines = folder / "records" / "acme-eu-1.jsonl"
    return [json.loads(one) for one in lines.read_text().splitlines()] if lines.exists() else []


def pasted(done: subprocess.CompletedProcess[str]) -> list[dict[str, str]]:
    """The approvals that a run shows, ready to be given."""
    block = done.stdout.partition("approves each of these")[2].partition("-e '")[2].partition("'")[0]
    return list(json.loads(block)["approvals"])


def remediated(
    cluster: Any, folder: Path, actions: dict[str, str], status: int = 0, **asked: Any
) -> subprocess.CompletedProcess[str]:
    (folder / "asked.json").write_text(json.dumps({"requested_by": "sre@fireworks.example", **asked}))
    contract = {**journey.agreed(cluster), "actions": actions, "remediation": BOTH}
    options = ("-e", f"@{folder / 'asked.json'}", "-e", f"records_dir={folder / 'records'}")
    done = journey.play("remediate", folder, [contract], *options)
    assert done.returncode == status, done.stdout
    return done


class Controllers:
    """Management controllers of both nodes. The one of NODE power-cycles it; the other's only says that it would."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self._reads_since = 0

    def reset(self, name: str) -> None:
        self.asked.append(("reset", name))
        self._reads_since = 0

    def read(self, name: str) -> dict[str, str]:
        self.asked.append(("read", name))
        if name == OTHER or ("reset", name) not in self.asked:
            return {"PowerState": "On", "LastResetTime": "2026-01-01T00:00:00Z"}
        self._reads_since += 1
        if self._reads_since < 2:
            return {"PowerState": "On", "LastResetTime": "2026-01-01T00:00:00Z"}  # it has not gone down yet
        return {"PowerState": "On", "LastResetTime": "2026-11-28T00:00:00Z"}


@contextmanager
def serving(controllers: Controllers) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(controllers.read(self.path.strip("/")))

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            controllers.reset(self.path.strip("/").split("/")[0])
            self._answer({})

        def _answer(self, body: dict[str, str]) -> None:
            text = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_words: Any) -> None:
            """Nothing: the output is the test's."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.soak
def test_power_cycles_run_side_by_side_and_one_that_is_not_seen_is_pending(cluster: Any, tmp_path: Path) -> None:
    controllers = Controllers()
    with serving(controllers) as url:
        done = remediated(
            cluster,
            tmp_path,
            ALLOWED,
            remediate_findings=[finding(), finding(node=OTHER)],
            remediate_repair="bare_metal",
            remediate_bmc_url=url + "/{{ remediate_step.node }}",
            remediate_bmc_password="sesame",
            remediate_repair_timeout=20,
        )
    requests = [("read", NODE), ("reset", NODE), ("read", OTHER), ("reset", OTHER)]
    assert sorted(controllers.asked[:4]) == sorted(requests), controllers.asked
    assert controllers.asked[4:].count(("read", NODE)) == 2, controllers.asked
    assert said(cluster)["state"] == "validating"
    assert said(cluster, OTHER)["state"] == "repairing"
    words = " ".join(done.stdout.split())
    assert "it was power-cycled" in words, done.stdout
    assert "has not ended in 20 s (remediate_repair_timeout): it is on, and its LastResetTime is what it was" in words
    assert "sesame" not in done.stdout


@pytest.mark.soak
def test_each_repair_waits_for_an_approval_of_its_own_by_a_person(cluster: Any, tmp_path: Path) -> None:
    approve = {**ALLOWED, "reboot": "approve", "replace": "approve"}
    before = len(recorded(tmp_path))
    asked = {"remediate_findings": [finding()], "remediate_repair": "custom"}
    asked["remediate_repair_tasks"] = str(tmp_path / "repair.yml")
    refusing = {"name": "Make it", "ansible.builtin.fail": {"msg": "the provider says no"}}
    (tmp_path / "repair.yml").write_text(json.dumps([refusing]))
    asked["requested_by"] = "sre@fireworks.example"
    waiting = remediated(cluster, tmp_path, approve, **asked)
    assert said(cluster)["state"] == "drained"
    assert "the reboot waits: no approval yet" in " ".join(waiting.stdout.split()), waiting.stdout
    assert "waiting" in journey.line(waiting, "acme-eu-1"), waiting.stdout
    session = said(cluster)["session"]
    nobody = "does not say who approved it"
    for nameless, told in (
        (session, "a list of mappings"),
        ([session], "a list of mappings"),
        ([{"digest": "f" * 64}], nobody),
    ):
        refused = remediated(cluster, tmp_path, approve, 2, **asked, approvals=nameless)
        assert told in " ".join(refused.stdout.split()), refused.stdout
        assert said(cluster)["state"] == "drained"
    [given] = pasted(waiting)
    assert (given["node"], given["goal"], given["session"]) == (NODE, "reboot", session)
    approved = remediated(cluster, tmp_path, approve, **asked, approvals=json.dumps([given]))
    assert (said(cluster)["state"], said(cluster)["goal"]) == ("drained", "reboot"), approved.stdout
    assert "Make it: the provider says no" in " ".join(approved.stdout.split())
    assert said(cluster)["approved-by"] == given["by"]
    assert said(cluster)["approval"].startswith(given["digest"])
    [stronger] = pasted(approved)
    assert stronger["goal"] == "replace"
    assert "it names" in " ".join(approved.stdout.split()), approved.stdout
    held, began = recorded(tmp_path)[before:][0], recorded(tmp_path)[-1]
    assert held["result"] == began["result"] == "waiting"
    assert f"reboot of {NODE} approved by {given['by']} (digest {given['digest']}" in began["clause"]
    assert f"Node {NODE}" in [one["object"] for one in began["objects"]]


@pytest.mark.soak
def test_a_repair_is_approved_by_the_command_that_the_run_prints(cluster: Any, tmp_path: Path) -> None:
    cluster.request("POST", "/api/v1/namespaces", {"metadata": {"name": "fireworks-system"}})
    try:
        approve_as_printed(cluster, tmp_path)
    finally:
        cluster.remove_namespaces("fireworks-system")


def approve_as_printed(cluster: Any, tmp_path: Path) -> None:
    approve = {**ALLOWED, "reboot": "approve"}
    asked = {"remediate_findings": [finding()], "remediate_repair": "none"}
    waiting = remediated(cluster, tmp_path, approve, **asked)
    [printed] = [each for each in waiting.stdout.splitlines() if "fireworks.byoc.approve" in each]
    assert printed.strip().startswith(f"reboot of {NODE}: ansible-playbook fireworks.byoc.approve -i <inventory> ")
    findings = tmp_path / "findings.json"
    findings.write_text(json.dumps({"remediate_findings": asked["remediate_findings"]}))
    filled_in = printed.partition("<inventory>")[2].replace("<remediate_findings>", str(findings))
    given = [each for each in shlex.split(filled_in) if "<path>" not in each]
    contract = {**journey.agreed(cluster), "actions": approve, "remediation": BOTH}
    options = (*given[2:-1], *as_admin(cluster))
    other = [each.replace("digest=", "digest=0") for each in options]
    refused = journey.play("approve", tmp_path, [contract], *other, clusters="acme-eu-1")
    assert refused.returncode == 2, refused.stdout
    assert f"(reboot of {NODE}), and 0" in " ".join(refused.stdout.split()), refused.stdout
    done = journey.play("approve", tmp_path, [contract], *options, clusters="acme-eu-1")
    assert done.returncode == 0, done.stdout
    assert said(cluster)["state"] == "drained"
    remediated(cluster, tmp_path, approve, **asked)
    assert said(cluster)["state"] == "repairing"
    assert (
        said(cluster)["approved-by"]
        == next(each for each in given if each.startswith("approved_by=")).partition("=")[2]
    )


def test_a_custom_repair_is_polled_until_it_has_ended(cluster: Any, tmp_path: Path) -> None:
    flag = tmp_path / "ended"
    request = {"name": "Ask for it", "ansible.builtin.debug": {"msg": "asked"}}
    look = {"name": "Look", "ansible.builtin.set_fact": {"remediate_repair_state": {
        "outcome": f"{{{{ 'failed' if '{flag}' is exists else 'pending' }}}}",
        "detail": "the vendor says no"}}}  # fmt: skip
    (tmp_path / "request.yml").write_text(json.dumps([request]))
    (tmp_path / "look.yml").write_text(json.dumps([look]))
    threading.Timer(6, flag.touch).start()
    started = time.monotonic()
    done = remediated(
        cluster,
        tmp_path,
        ALLOWED,
        remediate_findings=[finding()],
        remediate_repair="custom",
        remediate_repair_tasks=str(tmp_path / "request.yml"),
        remediate_repair_poll_tasks=str(tmp_path / "look.yml"),
        remediate_repair_timeout=60,
    )
    assert 6 < time.monotonic() - started < 50
    assert (said(cluster)["state"], said(cluster)["goal"]) == ("repairing", "replace"), done.stdout
    assert "the vendor says no" in " ".join(done.stdout.split())
