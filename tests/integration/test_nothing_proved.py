# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No playbook exits 0 where nothing was done or proved, and its result says no better. No API server is needed.

The table is in build/.
"""

from __future__ import annotations

import fcntl
import json
import re
import subprocess
from pathlib import Path

import jsonschema
import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.result_schema import SCHEMA
from tests.integration.ansible_runs import ROOT, ansible_environment, run_playbook
from tests.integration.nothing_proved import (
    ASK_NO_CLUSTER,
    CLUSTER,
    NEEDS_NO_INVENTORY,
    NEW,
    PLAYBOOKS,
    REQUIRED,
    WAYS,
    WITHOUT_PATTERN,
    Way,
    asked,
    result,
)

EARLIER = '{"result": "passed"}'
TABLE = ROOT / "build" / "nothing-proved.md"
HEAD = ["| playbook | way | exit | first line |", "|---|---|---|---|"]


def note(playbook: str, way: str, status: int, said: str) -> None:
    """A run's row, in place of that of the same case before. Workers write the table beside each other."""
    TABLE.parent.mkdir(exist_ok=True)
    with TABLE.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        rows = {_case(row): row for row in file.read().splitlines()[len(HEAD) :]}
        row = f"| {playbook} | {way} | {status} | {said} |"
        rows[_case(row)] = row
        file.truncate(0)
        file.write("\n".join([*HEAD, *(rows[case] for case in sorted(rows)), ""]))


def _case(row: str) -> tuple[str, ...]:
    return tuple(row.split(" | ")[:2])


@pytest.mark.soak(sample=4, together=1)
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_a_run_that_proves_nothing_fails_and_says_why(tmp_path: Path, playbook: str, way: Way) -> None:
    environment = ansible_environment(**way.environment(tmp_path))
    result(tmp_path).write_text(EARLIER)
    done = run_playbook(*asked(playbook, way, tmp_path), environment=environment)
    text = " ".join(done.stdout.split())
    told = re.search(r"\[ERROR\]: (?:Task failed: Action failed: )?(.*)", done.stdout)
    note(playbook, way.name, done.returncode, (told[1] if told else "").replace("|", "\\|")[:160])
    assert "Traceback" not in done.stdout, done.stdout
    assert_result_agrees(tmp_path, way, done)
    without = playbook == NEEDS_NO_INVENTORY and not way.sources(tmp_path)
    if without or (playbook in ASK_NO_CLUSTER and way.asks):
        assert done.returncode == 0, done.stdout
        assert ASK_NO_CLUSTER[playbook] in done.stdout
        return
    assert done.returncode != 0, done.stdout
    other = playbook == NEW and not way.sources(tmp_path)
    if playbook == "operation" or other or ("clusters" in way.given and playbook in WITHOUT_PATTERN):
        return  # refused before, for another reason
    assert way.said in text, done.stdout
    if way.asks and playbook not in _SWEEPS:
        assert re.search(rf"^{CLUSTER} +: .*\bfailed=[1-9]", done.stdout, re.MULTILINE), done.stdout


@pytest.mark.soak(sample=2)
@pytest.mark.parametrize(("playbook", "variable"), REQUIRED)
def test_a_required_variable_that_is_left_out_is_asked_for_before_anything_is_read(
    tmp_path: Path, playbook: str, variable: str
) -> None:
    way = Way("a variable left out", variable)
    done = run_playbook(*asked(playbook, way, tmp_path, without=variable))
    assert done.returncode != 0
    assert f"-e {variable}=" in " ".join(done.stdout.split()), done.stdout
    told = json.loads(result(tmp_path).read_text())
    assert (told["result"], told["owner"], told["clusters"]) == ("refused", "operator", []), done.stdout


def assert_result_agrees(folder: Path, way: Way, done: subprocess.CompletedProcess[str]) -> None:
    """With how the run ended; where Ansible ended it before the first task, nobody could say so."""
    text = result(folder).read_text()
    assert (text == EARLIER) is way.unplayed, done.stdout
    if way.unplayed:
        return
    told = json.loads(text)
    jsonschema.Draft202012Validator(SCHEMA).validate(told)
    assert (told["result"] == "passed") is (done.returncode == 0), text
    if done.returncode:
        assert told["result"] in ("refused", "failed", "skipped"), text
        for one in told["clusters"] or [told]:
            assert one["code"] and one["owner"] and one["what"], text
            assert one["next_step"], text


#: They ask all clusters in one task of the controller, and show those that do not answer.
_SWEEPS = ("fleet_report", "health", "logs", NEW, "plan_upgrade", "status")
