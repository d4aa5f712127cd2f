# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The callback ``fleet_progress`` in a real ``ansible-playbook``, against golden output; it needs no cluster."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._vocabulary.harmless import STEERING
from tests.integration.ansible_runs import ROOT, ansible_environment, run_playbook

ENABLED = {"ANSIBLE_STDOUT_CALLBACK": "fireworks.byoc.fleet_progress"}
GOLDEN = Path(__file__).with_name("golden") / "fleet_progress.txt"
FACT = "ansible.builtin.set_fact"


def outcome(result: str, what: str = "") -> dict[str, Any]:
    return {FACT: {"byoc_outcome": {"result": result, "what": what}}}


def write_play(folder: Path, *, tasks: int = 0) -> Path:
    """Five clusters: two well, one refused, one that nobody rescues, one that is unwell and comes round."""
    (folder / "tasks").mkdir(exist_ok=True)
    acquire = {"name": "Acquire the cluster lock", FACT: {"lock": 1}}
    (folder / "tasks" / "acquire_lock.yml").write_text(json.dumps([acquire]))
    (folder / "tasks" / "set_failure.yml").write_text(json.dumps([outcome("failed", "Break: the cluster said no")]))
    fails = {"ansible.builtin.fail": {"msg": "the cluster said no"}}
    plays: list[dict[str, Any]] = [
        {"name": "Say which clusters", "hosts": "localhost", "gather_facts": False,
         "tasks": [{"name": "Say it", "ansible.builtin.debug": {"msg": "five"}}]},
        {"name": "Upgrade", "hosts": "fleet", "gather_facts": False, "strategy": "ansible.builtin.free",
         "tasks": [
             {"name": "Work", "block": [
                 {"ansible.builtin.include_tasks": "tasks/acquire_lock.yml"},
                 {"name": "Break", **fails, "when": "inventory_hostname == 'birch'"},
                 {"name": "Stumble", **fails, "ignore_errors": True, "when": "inventory_hostname == 'elm'"},
                 *({"name": f"Step {number}", FACT: {"step": number}} for number in range(tasks)),
                 outcome("done"),
              ], "rescue": [{"ansible.builtin.include_tasks": "tasks/set_failure.yml"}]},
             {"name": "Fall", **fails, "when": "inventory_hostname == 'cedar'"},
         ]},
        {"name": "Report", "hosts": "localhost", "gather_facts": False,
         "tasks": [{"name": "Show it", "fireworks.byoc.run_result": {
                       "state": "begun", "playbook": "upgrade", "reports": [{"text": "This is the report."}]}},
                   {"name": "End", "ansible.builtin.fail": {"msg": "2 of 5 not done"}}]},
    ]  # fmt: skip
    path = folder / "play.yml"
    path.write_text(json.dumps(plays))
    return path


def inventory(folder: Path, names: list[str]) -> Path:
    path = folder / "hosts.yml"
    hosts = {name: {"ansible_connection": "local"} for name in names}
    path.write_text(json.dumps({"all": {"children": {"fleet": {"hosts": hosts}}}}))
    return path


SAME_PYTHON = {"ansible_python_interpreter": sys.executable}
FIVE = ["acme", "birch", "cedar", "dogwood", "elm"]


def timeless(text: str) -> str:
    """Without what differs from run to run: times, and the width that they take."""
    text = re.sub(r"(?<=\S) {2,}", "  ", re.sub(r"\b\d+ s\b", "N s", text))
    return re.sub(r" +$", "", re.sub(r"-{3,}", "---", text), flags=re.MULTILINE)


def test_what_awx_shows_is_as_it_should_be(tmp_path: Path) -> None:
    hosts, play = inventory(tmp_path, FIVE), write_play(tmp_path)
    environment = ansible_environment(**ENABLED, ANSIBLE_FORKS="1")
    done = run_playbook("-i", str(hosts), str(play), environment=environment)
    assert done.returncode == 2
    assert timeless(done.stdout).strip() == GOLDEN.read_text().strip(), done.stdout


@pytest.mark.soak
def test_plain_lines_come_from_time_to_time(tmp_path: Path) -> None:
    hosts, play = inventory(tmp_path, FIVE), write_play(tmp_path, tasks=5)
    environment = ansible_environment(**ENABLED, BYOC_PROGRESS_INTERVAL="0")
    said = run_playbook("-i", str(hosts), str(play), environment=environment).stdout
    assert re.search(r"^Upgrade: [0-5] of 5 finished, .*at work: acquire lock [1-5].* elapsed", said, re.MULTILINE), (
        said
    )
    assert "\x1b" not in said


@pytest.mark.soak
def test_what_others_wrote_cannot_speak_to_the_terminal(tmp_path: Path) -> None:
    hostile = "pod \x1b[2J\x1b]0;gone\x07 \u202eedon \x9b31m\r"
    ended = {"cluster": "acme", "customer": "acme", "result": "failed", "code": "task_failed", "owner": "fireworks",
             "contact": {"name": "", "email": ""}, "object": hostile, "what": hostile, "next_step": hostile,
             "written": [], "details": hostile, "blockers": [], "steps": [], "started": "", "ended": ""}  # fmt: skip
    plays = [
        {"name": "Work", "hosts": "fleet", "gather_facts": False, "vars": SAME_PYTHON, "tasks": [
            {"name": "Say it", "ansible.builtin.debug": {"msg": hostile}},
            {"name": "Refuse", "ignore_errors": True, "fireworks.byoc.requirement": {
                "that": False, "what": hostile, "next_step": hostile, "code": "task_failed"}},
            {"name": "Write it", "ansible.builtin.copy": {"content": hostile, "dest": str(tmp_path / "written")}},
            outcome("failed", hostile),
            {"name": "Break", "ansible.builtin.fail": {"msg": hostile}, "when": "inventory_hostname == 'acme'"}]},
        {"name": "Report", "hosts": "localhost", "gather_facts": False, "tasks": [
            {"name": "Show it", "fireworks.byoc.run_result": {
                "playbook": "upgrade", "run_id": "1", "outcomes": [ended], "file": str(tmp_path / "result.json"),
                "reports": [{"title": hostile, "text": hostile, "rows": [{"what": hostile}]}]}}]},
    ]  # fmt: skip
    (tmp_path / "play.yml").write_text(json.dumps(plays))
    hosts = inventory(tmp_path, ["acme", "birch"])
    environment = ansible_environment(**ENABLED)
    done = run_playbook("-i", str(hosts), str(tmp_path / "play.yml"), "--diff", environment=environment)
    assert (tmp_path / "result.json").exists(), done.stdout
    shown = done.stdout + (tmp_path / "result.json").read_text()
    assert shown.count(r"\u001b[2J") >= 10, done.stdout
    assert not STEERING.search(shown), ascii(shown)


def test_in_a_terminal_one_line_is_painted_anew(tmp_path: Path) -> None:
    hosts, play = inventory(tmp_path, FIVE), write_play(tmp_path, tasks=20)
    ours, theirs = pty.openpty()
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(hosts), str(play)]
    running = subprocess.Popen(command, cwd=ROOT, env=ansible_environment(**ENABLED), stdin=theirs, stdout=theirs)
    os.close(theirs)
    said = b""
    try:
        while chunk := os.read(ours, 65536):
            said += chunk
    except OSError:
        pass  # the other end is closed
    assert running.wait() == 2
    text = said.decode()
    assert re.search(r"\r\x1b\[KUpgrade: \d of 5 finished", text), text
    assert "\r\x1b[Kbirch failed" in text or "birch failed at acquire lock" in text
    assert "This is the report." in text
