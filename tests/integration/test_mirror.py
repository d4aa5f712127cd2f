# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``fireworks.byoc.mirror`` over two clusters that nobody could reach: it reads the contracts only."""

from __future__ import annotations

import json
from pathlib import Path

from tests.integration.ansible_runs import run_playbook
from tests.integration.test_contract_calendar import fleet


def test_it_prints_what_to_copy_in_check_mode_too_and_asks_no_cluster(tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    given = ("-i", str(fleet(tmp_path)), "-e", f"result_file={file}", "-e", "mirror_tool=crane", "--check")
    done = run_playbook("fireworks.byoc.mirror", *given)
    assert done.returncode == 0, done.stdout
    told = json.loads(file.read_text())
    images, weights, lines, *_rest = told["reports"]
    assert {row["cluster"] for row in images["rows"]} == {"acme-eu-1", "birch-eu-1"}
    router = next(row for row in images["rows"] if (row["cluster"], row["what"]) == ("acme-eu-1", "router"))
    assert router["from"].startswith("registry.fireworks.ai/byoc/envoy@sha256:")
    assert router["to"].startswith("registry.acme.example/fireworks/envoy:")
    assert {row["what"] for row in images["rows"]} >= {"router", "telemetry", "vllm 0.11.0"}
    assert [row["revision"] for row in weights["rows"]] == [weights["rows"][0]["revision"]] * 2
    text = lines["text"].splitlines()
    assert f"crane copy {router['from']} {router['to']}" in text
    assert len(text) == len(set(text)) == 2 * 3 + 1  # the images of each customer, and the weights that both have
    assert "crane copy registry.fireworks.ai/byoc/envoy@sha256:" in done.stdout


def test_a_tool_that_is_none_is_refused(tmp_path: Path) -> None:
    done = run_playbook("fireworks.byoc.mirror", "-i", str(fleet(tmp_path)), "-e", "mirror_tool=docker")
    assert done.returncode != 0
    assert "mirror_tool is 'docker'" in done.stdout and "Traceback" not in done.stdout, done.stdout
