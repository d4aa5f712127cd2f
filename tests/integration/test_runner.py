# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The result of a run in ansible-runner's events is that of its file. All playbooks: tests/soak/test_reruns.py."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.result_schema import SCHEMA
from tests.integration.under_runner import run_under_runner
from tests.tools.environments import SetupError, events


@pytest.fixture(scope="module", autouse=True)
def runner() -> None:
    try:
        events().ensure()
    except SetupError as error:
        pytest.skip(f"ansible-runner cannot be installed here: {error}")


@pytest.mark.parametrize(
    ("given", "status", "result", "code"),
    [("release=2026.12.0", 0, "passed", ""), ("relase=2026.12.0", 2, "refused", "invalid_request")],
)
def test_what_a_run_hands_on_is_what_it_writes(tmp_path: Path, given: str, status: int, result: str, code: str) -> None:
    file = tmp_path / "result.json"
    arguments = ("fireworks.byoc.verify_release", "-e", given, "-e", f"result_file={file}")
    done, artifacts = run_under_runner(tmp_path / "runner", *arguments)
    assert done.returncode == status, done.stdout
    told = artifacts["byoc_result"]
    jsonschema.Draft202012Validator(SCHEMA).validate(told)
    assert told == json.loads(file.read_text())
    assert (told["result"], told["code"]) == (result, code)
