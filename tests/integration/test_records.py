# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records on a real API server.

fireworks.byoc.operation_record, fireworks.byoc.records_info, fireworks.byoc.verify_records.
"""

from __future__ import annotations

import json
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.journey import agreed, bare, line, offboard, onboard, play
from tests.integration.plays import AS_MODULE, Outcome, connection_to, run_tasks
from tests.integration.test_operation_lock import SYSTEM, there

CLAUSE = "access.mode: standard; stack.channel: stable; models: llama-3-1-8b"
HEAD = f"{SYSTEM}/configmaps/operation-records"


@pytest.fixture
def birch(bed: Any) -> Iterator[Any]:
    """A cluster that has the namespace."""
    cluster = bed["birch"]
    cluster.request("POST", "/api/v1/namespaces", {"metadata": {"name": "fireworks-system"}})
    yield cluster
    cluster.remove_namespaces("fireworks-system")


def record(folder: Path, **options: Any) -> dict[str, Any]:
    keywords = {key: options.pop(key) for key in list(options) if key in ("environment",)}
    given = {
        "directory": str(folder / "records"),
        "writer": "ctl-1",
        "operation": "upgrade",
        "run_id": "one",
        "result": "done",
        "started": "2026-11-25T21:18:00Z",
        "ended": "2026-11-25T21:20:00Z",
        **options,
    }
    return {"fireworks.byoc.operation_record": given, **keywords}


def check(*folders: Path) -> dict[str, Any]:
    return {"fireworks.byoc.records_info": {"directories": [str(each / "records") for each in folders]}}


def go(cluster: Any, folder: Path, *tasks: dict[str, Any], **more: Any) -> Outcome:
    folder.mkdir(exist_ok=True)
    outcome = run_tasks(folder, connection_to(cluster), *tasks, **more)
    assert "Traceback" not in outcome.output
    return outcome


def head_of(cluster: Any) -> dict[str, Any]:
    return dict(json.loads(there(cluster, HEAD)["data"]["head"]))


def test_lines_are_chained_and_the_cluster_knows_the_end(birch: Any, tmp_path: Path) -> None:
    path = tmp_path / "records" / "birch.jsonl"
    [checked] = go(birch, tmp_path, record(tmp_path), flags=("--check",)).results
    assert (checked["changed"], path.exists(), there(birch, HEAD)) == (True, False, {})
    first, second, report = go(
        birch, tmp_path, record(tmp_path), record(tmp_path, **AS_MODULE), check(tmp_path)
    ).results
    assert (first["in_cluster"], second["in_cluster"]) == (True, True)
    assert second["record"]["previous"] == first["record"]["hash"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert report["report"] == {"ok": True, "broken": "", "unproven": [], "lines": 2}
    assert head_of(birch)["sequence"] == 2
    path.write_text(path.read_text().splitlines()[0] + "\n")
    assert "line 2 of" in go(birch, tmp_path, check(tmp_path)).result["report"]["broken"]


def test_two_controllers_at_once_get_a_place_each(birch: Any, tmp_path: Path) -> None:
    def work(name: str) -> None:
        folder = tmp_path / name
        outcome = go(birch, folder, *[record(folder, writer=name, run_id=str(number)) for number in range(8)])
        assert all(each["in_cluster"] for each in outcome.results), outcome.output

    both = [threading.Thread(target=work, args=(name,)) for name in ("ctl-1", "ctl-2")]
    for each in both:
        each.start()
    for each in both:
        each.join()
    report = go(birch, tmp_path, check(tmp_path / "ctl-1", tmp_path / "ctl-2")).result["report"]
    assert report == {"ok": True, "broken": "", "unproven": [], "lines": 16}
    alone = go(birch, tmp_path, check(tmp_path / "ctl-1")).result["report"]
    assert alone["unproven"] == ["8 of 16 lines of the cluster's chain are in files of ctl-2, which are not here"]


@pytest.mark.soak(sample=1)
@pytest.mark.parametrize("when", ["before the head was written", "after it"])
def test_what_a_dead_run_left_is_finished_by_the_next(birch: Any, tmp_path: Path, when: str) -> None:
    folder = tmp_path / "records"
    go(birch, tmp_path, record(tmp_path))
    path, pending = folder / "birch.jsonl", folder / "birch.pending"
    kept, head = path.read_text(), there(birch, HEAD)["data"]
    go(birch, tmp_path, record(tmp_path, run_id="dead"))
    pending.write_text(path.read_text().splitlines()[1])
    path.write_text(kept + pending.read_text()[:20])
    if when.startswith("before"):
        birch.request("PATCH", HEAD, {"data": head}, "application/merge-patch+json")
        path.write_text(kept)
    _made, report = go(birch, tmp_path, record(tmp_path, run_id="next"), check(tmp_path)).results
    assert report["report"] == {"ok": True, "broken": "", "unproven": [], "lines": 3}
    assert [json.loads(each)["run"] for each in path.read_text().splitlines()] == ["one", "dead", "next"]
    assert not pending.exists()


@pytest.mark.soak
def test_an_operation_is_recorded_and_tampering_is_found(bed: Any, tmp_path: Path) -> None:
    records = ("-e", f"records_dir={tmp_path / 'kept'}")
    with bare(bed["acme"], tmp_path) as acme:
        contract = agreed(acme)
        assert onboard(tmp_path, contract, options=("--check", *records)).returncode == 0
        assert not (tmp_path / "kept").exists()
        for _ in range(2):
            assert onboard(tmp_path, contract, options=records).returncode == 0
        path = tmp_path / "kept" / "acme-eu-1.jsonl"
        first, second = (json.loads(each) for each in path.read_text().splitlines())
        assert (first["operation"], first["result"], second["result"]) == ("onboard", "done", "unchanged")
        assert (first["clause"], len(first["contract"])) == (CLAUSE, 64)
        made = {each["object"]: each for each in first["objects"]}
        assert len(made["Deployment fireworks-models/llama-3-1-8b"]["after"]) == 64
        assert second["objects"] == []
        done = play("verify_records", tmp_path, [contract], *records)
        assert done.returncode == 0, done.stdout
        assert "all hold" in line(done, "acme-eu-1", "hold")
        assert play("verify_records", tmp_path, [contract], *records, "--check").returncode == 0
        text = path.read_text()
        path.write_text(text.replace('"result":"done"', '"result":"nope"'))
        broken = play("verify_records", tmp_path, [contract], *records)
        assert broken.returncode == 2
        assert "line 1 of" in " ".join(broken.stdout.split())
        assert "was changed: its content has another hash than it says" in " ".join(broken.stdout.split())
        path.write_text(text)
        assert offboard(tmp_path, contract, options=records).returncode == 0
        last = json.loads(path.read_text().splitlines()[-1])
        assert (last["operation"], last["chain"]) == ("offboard", "")
        assert len(last["objects"]) > 20
