# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No secret comes out: by what a talkative run says, its cache, its listings, its events or the process table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.ansible_runs import ansible_environment, run_inventory, run_playbook
from tests.integration.canaries import Controller, process_table
from tests.integration.under_runner import run_under_runner

TALKATIVE = ("-vvvv", "--check", "--diff", "-f", "20")


@pytest.fixture
def controller(bed: Any, tmp_path: Path) -> Iterator[Controller]:
    made = Controller(tmp_path / "fleet", bed["acme"])
    yield made
    made.remove()


def require_silence(controller: Controller, told: dict[str, str]) -> None:
    """:param told: texts by what they are."""
    found = {what: ways for what, text in told.items() if (ways := controller.secret.in_text(text))}
    assert found == {}, found


def files(folder: Path) -> Iterable[str]:
    return (path.read_text(errors="replace") for path in folder.rglob("*") if path.is_file())


@pytest.mark.soak
@pytest.mark.parametrize("by", ["hand", "runner"])
def test_none_of_sixty_secrets_comes_out_again(controller: Controller, by: str, tmp_path: Path) -> None:
    environment = ansible_environment(**controller.environment)
    arguments = ("-i", str(controller.source), str(controller.playbook), *TALKATIVE)
    told: dict[str, str] = {}
    with process_table() as processes:
        listed = run_inventory("-i", str(controller.source), "--list", "-vvvv", environment=environment)
        told["listing"] = listed.stdout + listed.stderr
        if by == "hand":
            told["run"] = run_playbook(*arguments, environment=environment).stdout
        else:
            folder = tmp_path / "runner"
            done, _artifacts = run_under_runner(
                folder, str(controller.playbook), *arguments[:2], *TALKATIVE, environment=controller.environment
            )
            # What it was started with, its environment included, ansible-runner keeps beside them by itself.
            told |= {"run": done.stdout, "events": "\n".join(files(folder / "artifacts" / "run" / "job_events"))}
    told |= {"cache": "\n".join(files(controller.cache)), "processes": "\n".join(processes)}
    assert len(controller.secret) >= 60
    assert len(set(re.findall(r"fatal: \[(acme-\d+)\]", told["run"]))) > 20, "too few credentials were tried"
    assert (
        "fatal: [localhost]" in told["run"]
        and "after: Secret default/kept" in told["run"]
        and "HF_TOKEN" in told["run"]
    ), told["run"]
    assert [what for what, text in told.items() if len(text) < 100] == []
    require_silence(controller, told)
