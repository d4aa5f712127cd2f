# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the command line says of a run: its limit, its inventory, and which of its tasks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible import context
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader

from ansible_collections.fireworks.byoc.plugins.plugin_utils import this_run

GROUPS = {"all": ["acme-eu-1", "birch-eu-1"], "byoc": ["acme-eu-1", "birch-eu-1"], "ring_canary": ["birch-eu-1"]}
Given = Callable[..., None]


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Given:
    def give(**options: Any) -> None:
        monkeypatch.setattr(context, "CLIARGS", options)

    monkeypatch.setattr(this_run, "_read", [])
    monkeypatch.setattr(this_run, "_unread", {})
    return give


@pytest.mark.parametrize(
    ("limit", "pattern", "hosts"),
    [
        (None, "byoc", ["acme-eu-1", "birch-eu-1"]),
        (None, "localhost", ["localhost"]),
        ("acme-eu-1", "byoc", ["acme-eu-1"]),
        ("acme-eu-1", "localhost", []),
        ("acme-eu-1,localhost", "localhost", ["localhost"]),
        ("all", "localhost", []),
        ("ring_canary", "byoc:!birch-eu-1", []),
        ("!birch-eu-1", "byoc", ["acme-eu-1"]),
        ("all,!birch-eu-1", ["byoc"], ["acme-eu-1"]),
        (None, "~(", []),
    ],
)
def test_a_limit_narrows_what_a_pattern_means(given: Given, limit: str | None, pattern: Any, hosts: list[str]) -> None:
    given(subset=limit)
    assert this_run.limited_hosts(pattern, {"groups": GROUPS}, DataLoader()) == hosts


@pytest.mark.parametrize("limit", [None, "acme-eu-1", "localhost,ring_canary", "all:!birch-eu-1", "@clusters.retry"])
def test_a_limit_that_means_something_is_let_pass(given: Given, limit: str | None) -> None:
    given(subset=limit)
    assert this_run.limit_doubts(GROUPS) == []


@pytest.mark.parametrize(
    ("limit", "said"), [("", "blank"), (",", "blank"), (" ", "blank"), ("acme-eu1", "acme-eu-1'?")]
)
def test_a_limit_that_is_blank_or_unknown_is_refused(given: Given, limit: str, said: str) -> None:
    given(subset=limit)
    [doubt] = this_run.limit_doubts(GROUPS)
    assert said in doubt


def test_each_source_that_was_not_read_is_told_with_the_reason(given: Given, tmp_path: Path) -> None:
    good, bad, other = (tmp_path / name for name in ("good.byoc.yml", "bad.byoc.yml", "other.yml"))
    for path in (good, bad, other):
        path.write_text("")
    read: list[str] = []
    given(
        inventory=[str(good), str(bad), str(other), str(tmp_path), str(tmp_path / "none"), "a,b", "/etc/ansible/hosts"]
    )
    with this_run.noting_whether_read(str(good), read):
        read.append(str(good))
    with pytest.raises(AnsibleError), this_run.noting_whether_read(str(bad), read):
        raise AnsibleError("one contract\ncannot be used")
    assert this_run.unread_sources() == [
        f"{tmp_path / 'none'}: there is no such file",
        f"{bad}: one contract cannot be used",
        f"{other}: it is no inventory that Ansible can read",
    ]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, ""),
        ({"tags": ("all",), "skip_tags": ()}, ""),
        ({"tags": ["untagged"], "skip_tags": ["never"]}, ""),
        ({"tags": ["x", "all"]}, ""),
        ({"tags": ["x", "always"]}, "--tags x,always"),
        ({"tags": ["all"], "skip_tags": ["untagged"]}, "--skip-tags untagged"),
        ({"tags": ["all"], "start_at_task": "Report"}, "--start-at-task 'Report'"),
    ],
)
def test_an_option_that_leaves_out_tasks_is_known(given: Given, options: dict[str, Any], said: str) -> None:
    given(**options)
    assert this_run.part_of_the_tasks() == said


def test_only_a_job_of_awx_names_who_started_it(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"awx_user_name": "boss", "awx_job_id": 7}
    monkeypatch.delenv("JOB_ID", raising=False)
    assert this_run.started_by(said) == ""
    monkeypatch.setenv("JOB_ID", "8")
    assert this_run.started_by(said) == ""
    monkeypatch.setenv("JOB_ID", "7")
    assert this_run.started_by(said) == "boss"
    assert this_run.started_by({"awx_job_id": "7"}) == ""
    assert this_run.started_by({"awx_job_id": 7, "awx_schedule_name": "at night"}) == "schedule:at-night"
    assert this_run.requested_by({**said, "awx_user_email": "boss@acme.example"}) == "boss@acme.example"
    assert this_run.requested_by({**said, "awx_job_id": 8, "awx_user_email": "boss@acme.example"}) == ""
