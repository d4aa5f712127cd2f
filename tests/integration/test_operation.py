# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scaffold of every operation, ``fireworks.byoc.operation``, by the playbook that docs/playbooks.md shows."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from demo.contracts import write_fleet
from tests.integration.ansible_runs import ROOT, run_playbook
from tests.integration.journey import agreed, line
from tests.integration.plays import connection_to, perform
from tests.integration.test_operation_lock import LEASE, SYSTEM, birch, there

__all__ = ["birch"]
LONGEST = 10
ANNOUNCED = f"{SYSTEM}/configmaps/maintenance"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files that the page shows, each by the name in its first line."""
    text = (ROOT / "docs" / "playbooks.md").read_text()
    for name, body in re.findall(r"^```yaml\n# (\w+\.yml)\n(.+?)^```$", text, re.MULTILINE | re.DOTALL):
        (tmp_path / name).write_text(f"---\n{body}")
    return tmp_path


def announce(cluster: Any, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    fleet = write_fleet(folder, [agreed(cluster)])
    return run_playbook(
        str(folder / "announce.yml"), "-i", str(fleet), "-e", f"records_dir={folder / 'records'}", *options
    )


def recorded(folder: Path) -> list[tuple[str, str]]:
    lines = [each for path in (folder / "records").glob("*.jsonl") for each in path.read_text().splitlines()]
    return [(record["operation"], record["result"]) for record in map(json.loads, lines)]


def test_a_playbook_of_few_lines_is_locked_recorded_and_summed_up(birch: Any, folder: Path) -> None:
    assert len((folder / "announce.yml").read_text().splitlines()) <= LONGEST
    one = ("-e", "clusters=birch-eu-1", "-e", "reason=today")
    unnamed = announce(birch, folder, "-e", "reason=today")
    assert unnamed.returncode != 0
    assert "no clusters are named; nothing was changed. Next: " in unnamed.stdout, unnamed.stdout
    checked = announce(birch, folder, *one, "--check")
    assert checked.returncode == 0, checked.stdout
    assert "would change" in line(checked, "birch-eu-1")
    assert (there(birch, ANNOUNCED), there(birch, LEASE), recorded(folder)) == ({}, {}, [])
    playbook = folder / "announce.yml"
    whole = playbook.read_text()
    playbook.write_text(
        f"{whole}    byoc_is_recorded: false\n"
    )  # whoever wrote something is recorded, whatever is said
    done = announce(birch, folder, *one)
    playbook.write_text(whole)
    again = announce(birch, folder, *one)
    assert (done.returncode, again.returncode) == (0, 0), done.stdout + again.stdout
    assert "done" in line(done, "birch-eu-1")
    assert "unchanged" in line(again, "birch-eu-1")
    assert there(birch, ANNOUNCED)["data"] == {"text": "today"}
    failed = announce(birch, folder, "-e", "clusters=birch-eu-1")
    assert failed.returncode != 0
    assert "failed" in line(failed, "birch-eu-1")
    assert "1 of 1 clusters not completed: birch-eu-1." in failed.stdout
    assert not there(birch, LEASE).get("spec", {}).get("holderIdentity"), "the lock was not released"
    assert recorded(folder) == [("remediate", "done"), ("remediate", "unchanged"), ("remediate", "failed")]


def test_a_cluster_without_an_outcome_is_not_completed(birch: Any, bed: Any, folder: Path) -> None:
    """Not "0 of 0 clusters not completed"."""
    fleet = write_fleet(folder, [agreed(birch), agreed(bed["cedar"])])
    given = ("-i", str(fleet), "-e", "clusters=byoc", "-e", "reason=today", "-e", f"records_dir={folder / 'records'}")
    for limit in ("localhost,birch-eu-1", "birch-eu-1"):
        limited = run_playbook(str(folder / "announce.yml"), *given, "--limit", limit, "--check")
        assert limited.returncode == 0, limited.stdout
        assert "would change" in line(limited, "birch-eu-1"), limited.stdout
        assert "cedar-eu-1" not in limited.stdout, limited.stdout
    playbook = folder / "announce.yml"
    playbook.write_text(playbook.read_text() + "    byoc_success: {}\n")
    untold = announce(birch, folder, "-e", "clusters=birch-eu-1", "--check")
    assert untold.returncode != 0, untold.stdout
    assert "failed" in line(untold, "birch-eu-1"), untold.stdout
    assert "1 of 1 clusters not completed: birch-eu-1." in " ".join(untold.stdout.split()), untold.stdout


def test_what_could_not_be_recorded_is_not_done_and_the_verdict_says_so(birch: Any, folder: Path) -> None:
    done = announce(birch, folder, *("-e", "clusters=birch-eu-1"), *("-e", "reason=x"), *("-e", "records_dir=/proc/no"))
    assert done.returncode != 0, done.stdout
    assert "failed" in line(done, "birch-eu-1"), done.stdout
    text = " ".join(done.stdout.split())
    assert "Record what was done: " in text and "Action required by: you" in text, done.stdout
    assert "1 of 1 clusters not completed: birch-eu-1." in text
    assert not there(birch, LEASE).get("spec", {}).get("holderIdentity"), "the lock was not released"


BROKEN = [{"name": "Look behind the steps", "ansible.builtin.set_fact": {"found": "{{ nothing.at_all }}"}}]


@pytest.mark.soak(sample=1)
@pytest.mark.parametrize(("part", "steps"), [("byoc_afterwards", []), ("byoc_undo", BROKEN)])
def test_what_follows_the_steps_may_fail_and_the_verdict_is_given(
    birch: Any, folder: Path, part: str, steps: list[dict[str, Any]]
) -> None:
    """On all clusters at once, after which Ansible runs no further play."""
    (folder / "broken.yml").write_text(json.dumps(BROKEN))
    (folder / "announce_steps.yml").write_text(json.dumps(steps))
    playbook = folder / "announce.yml"
    playbook.write_text(f"{playbook.read_text()}    {part}: {folder / 'broken.yml'}\n")
    done = announce(birch, folder, "-e", "clusters=birch-eu-1")
    assert done.returncode != 0, done.stdout
    assert "failed" in line(done, "birch-eu-1"), done.stdout
    text = " ".join(done.stdout.split())
    assert "Look behind the steps: " in text and "1 of 1 clusters not completed: birch-eu-1." in text, done.stdout
    assert recorded(folder) == [("remediate", "unchanged" if not steps else "failed")]
    assert not there(birch, LEASE).get("spec", {}).get("holderIdentity"), "the lock was not released"


HANDED = {"run_id": "two", "holder": "bob@ctl-2", "purpose": "remediate", "break_reason": "a test"}


@pytest.mark.soak(sample=1)
@pytest.mark.parametrize(
    ("step", "said", "next_step"),
    [
        (
            {"fireworks.byoc.operation_lock": {**HANDED, "break_holder": "{{ byoc_lock.holder }}"}},
            "at its end its lock was in other hands: bob@ctl-2/two",
            "look at what that run has done meanwhile",
        ),
        (
            {"ansible.builtin.set_fact": {"byoc_connection": "{{ byoc_connection | combine(away) }}"}},
            "its lock could not be released: the API server did not answer",
            "when the lock is free by itself, or take it from this run: -e break_lock=",
        ),
    ],
)
def test_a_lock_that_was_not_released_is_part_of_how_it_ended(
    birch: Any, folder: Path, step: dict[str, Any], said: str, next_step: str
) -> None:
    # As another cluster's: one that had answered this run would be waited for as one that restarts.
    away = birch.kubeconfig_with(folder / "away.kubeconfig", server="https://127.0.0.1:1")
    elsewhere = {"kubeconfig_file": str(away), "cluster_uid": "11111111-1111-4111-8111-111111111111"}
    (folder / "announce_steps.yml").write_text(json.dumps([{"name": "Lose it", **step, "vars": {"away": elsewhere}}]))
    done = announce(birch, folder, "-e", "clusters=birch-eu-1")
    assert done.returncode == 0, done.stdout
    assert "unchanged" in line(done, "birch-eu-1"), done.stdout
    text = " ".join(done.stdout.split())
    assert said in text, done.stdout
    assert next_step in text, done.stdout
    assert there(birch, LEASE)["spec"]["holderIdentity"]
    left = {"run_id": "three", "state": "absent", "break_holder": there(birch, LEASE)["spec"]["holderIdentity"]}
    assert perform(connection_to(birch), "fireworks.byoc.operation_lock", **left, break_reason="the test is over")[
        "changed"
    ]
