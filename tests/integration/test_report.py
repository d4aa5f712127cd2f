# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""fireworks.byoc.run_result before its run has ended, and the filters, as a playbook uses them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.integration.ansible_runs import ROOT, run_playbook

BEGUN = {"playbook": "status", "state": "begun"}
ROWS = [{"cluster": "acme", "gpus": 16}, {"cluster": "birch", "gpus": 8}]


def run(folder: Path, *tasks: dict[str, Any], hosts: str = "a,b,", flags: tuple[str, ...] = ()) -> Any:
    playbook = folder / "play.yml"
    playbook.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": list(tasks)}]))
    return run_playbook("-i", hosts, "-c", "local", str(playbook), *flags)


@pytest.mark.parametrize("flags", [(), ("--check",)])
def test_a_table_is_printed_once_for_all_hosts(tmp_path: Path, flags: tuple[str, ...]) -> None:
    old = tmp_path / "result.json"
    old.write_text("of an earlier run")
    told = {**BEGUN, "reports": [{"title": "Fleet", "text": "Two of them.", "rows": ROWS}]}
    asked = {"fireworks.byoc.run_result": {**told, "query": "clusters"}}  # which prints what it finds, and nothing else
    done = run(tmp_path, {"fireworks.byoc.run_result": {**told, "file": str(old)}}, asked, flags=flags)
    assert done.returncode == 0, done.stdout
    table = "Fleet\n\nTwo of them.\n\nCLUSTER  GPUS\n-------  ----\nacme       16\nbirch       8\n"
    assert done.stdout.count(table) == 1
    assert "changed=1" not in done.stdout
    assert not old.exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rowz": []}, "rowz"),
        ({"query": "clusters["}, "the query cannot be answered: "),
        (
            {"file": "/proc/none/result.json"},
            "there can be no result file, cannot write /proc/none/result.json: No such",
        ),
        ({"file": "/"}, "there can be no result file, cannot write /: "),
    ],
)
def test_what_could_not_be_told_at_the_end_is_refused_at_the_beginning(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    done = run(tmp_path, {"fireworks.byoc.run_result": {**BEGUN, **options}})
    assert done.returncode != 0
    assert message in " ".join(done.stdout.split()), done.stdout
    assert "Traceback" not in done.stdout


RELEASES = ROOT / "roles" / "stack" / "files" / "releases"
LLAMA = {"name": "llama", "load_timeout": "20m", "engine": {"name": "vllm"}}
CONTRACT = {"identity": {"name": "acme"}, "models": [LLAMA]}


@pytest.mark.parametrize(
    ("expression", "answer"),
    [
        ("(contract | fireworks.byoc.model_rollback('llama', '3')).load_seconds", "1800"),
        ("contract | fireworks.byoc.model_rollback('x', '3')", "acme has no model 'x'; its contract has llama"),
        ("contract | fireworks.byoc.model_changes(['x'], {})", "acme has no model 'x'; its contract has llama"),
        ("[{'a': 1}] | fireworks.byoc.table(['a'])", "-"),
        ("lookup('fireworks.byoc.stack_release', {'channel': 'stable'}).version", "2026.11.0"),
        ("lookup('fireworks.byoc.stack_release', {'release': '2020.1.0'})", "there is no stack release 2020.1.0"),
        ("lookup('fireworks.byoc.stack_release', {}, directory='/nowhere')", "/nowhere/channels.yml"),
        ("lookup('fireworks.byoc.stack_release', {}, directory=edited)", "2026.11.0 is not used: its files have the"),
        ("q('fireworks.byoc.stack_release', {}, directory=edited, skip_unknown=true)[0].unusable", "is not used: its"),
        (
            "lookup('fireworks.byoc.stack_release', {}, directory=unknown)",
            "digests.yml: has no digest of it; when it is",
        ),
    ],
)
def test_filters_and_lookups_answer_or_say_why_not(tmp_path: Path, expression: str, answer: str) -> None:
    edited, unknown = (shutil.copytree(RELEASES, tmp_path / name) for name in ("edited", "unknown"))
    with (edited / "2026.11.0" / "router.yml.j2").open("a") as router:
        router.write("# more\n")
    (unknown / "digests.yml").unlink()
    known = {"contract": CONTRACT, "edited": str(edited), "unknown": str(unknown)}
    done = run(tmp_path, {"ansible.builtin.debug": {"msg": "{{ " + expression + " }}"}, "vars": known}, hosts="a,")
    assert answer in " ".join(done.stdout.split())
    assert "Traceback" not in done.stdout
