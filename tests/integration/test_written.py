# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run says it wrote is what the API server's audit log says: in the summary, the record and the result.

All of it comes by fireworks.byoc.run_result and fireworks.byoc.operation_record.
"""

from __future__ import annotations

import json
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.result_schema import SCHEMA
from byoc_testbed import ClusterSpec, Testbed
from demo.contracts import Contract
from tests.beds import h100
from tests.integration.ansible_runs import run_playbook
from tests.integration.audit_log import calls, written
from tests.integration.journey import (
    NO_BAKE,
    NO_REQUESTS,
    agreed,
    as_admin,
    changes,
    command,
    ending,
    line,
    play,
    without_approvals,
)
from tests.integration.remediating import NODE, OTHER, finding, node, restore
from tests.integration.upgrades import NEW, NO_SOAK, QUICK, REQUESTED_BY, publish

CLUSTER = "acme-eu-1"
OFFBOARD = ("-e", "confirm=offboard")


@pytest.fixture(scope="module")
def audited() -> Iterator[Any]:
    with Testbed.start([ClusterSpec("acme", pools=[h100(2, 8, "aws")], load_seconds=1.0, audit=True)]) as bed:
        yield bed["acme"]


def run(
    cluster: Any, folder: Path, contract: Contract, name: str, *options: str
) -> tuple[Any, dict[str, Any], set[Any]]:
    """The run, its result, and the objects that it wrote by the audit log."""
    file, begun = folder / "result.json", cluster.audit_log.stat().st_size
    given = ("-e", f"records_dir={folder / 'records'}", "-e", f"result_file={file}")
    done = play(name, folder, [contract], *NO_BAKE, *given, *options)
    assert file.exists(), done.stdout
    result = json.loads(file.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(SCHEMA).validate(result)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    return done, result, written(calls(cluster.audit_log, after=begun))


def told(result: dict[str, Any]) -> set[tuple[str, str, str]]:
    """What a result says was written, as the audit log names it."""
    [cluster] = result["clusters"]
    assert sum(each["count"] for each in cluster["counts"]) == len(cluster["written"])
    return {(_resource(one["kind"]), one["namespace"], one["name"]) for one in cluster["written"]}


def _resource(kind: str) -> str:
    word = kind.lower()
    return f"{word[:-1]}ies" if word.endswith("y") else f"{word}es" if word.endswith("s") else f"{word}s"


def recorded(folder: Path) -> list[dict[str, Any]]:
    file = folder / "records" / f"{CLUSTER}.jsonl"
    return [json.loads(each) for each in file.read_text().splitlines()] if file.exists() else []


def agree(
    cluster: Any, folder: Path, contract: Contract, name: str, *options: str, exact: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run it as a check and then really, and hold what both say against what the API server saw.

    :param exact: the check promised these very objects.
    """
    before = recorded(folder)
    checked, promised, wrote = run(cluster, folder, contract, name, *options, "--check")
    assert wrote == set(), f"{name} --check wrote {sorted(wrote)}"
    assert promised["check_mode"] and recorded(folder) == before
    assert changes(checked, CLUSTER) == len(promised["clusters"][0]["written"])
    done, result, wrote = run(cluster, folder, contract, name, *options)
    assert told(result) == wrote, f"{name}: {sorted(told(result) ^ wrote)}\n{done.stdout}"
    [record] = recorded(folder)[len(before) :]
    assert len(record["objects"]) == changes(done, CLUSTER) == len(result["clusters"][0]["written"]) > 0, done.stdout
    assert (result["playbook"], result["result"]) == (name, record["result"])
    if exact:
        assert told(promised) == wrote, f"{name} --check promised otherwise: {sorted(told(promised) ^ wrote)}"
    return done


@pytest.mark.soak
def test_summary_record_and_result_count_what_the_audit_log_does(audited: Any, tmp_path: Path) -> None:
    contract = agreed(audited, replicas=1)
    # Nothing answers on a testbed: the model's test request fails, after most of the cluster is written.
    failed = agree(audited, tmp_path, contract, "onboard")
    assert failed.returncode == 2
    assert "failed after" in line(failed, CLUSTER)
    assert "✔ stack   ✘ models 0/1" in ending(failed)
    assert "Action required by: " in ending(failed)
    contract["models"][0]["context_length"] = 16384
    assert agree(audited, tmp_path, contract, "deploy_models", *NO_REQUESTS, exact=True).returncode == 0
    asked = run_playbook(*command("status", tmp_path, [contract], "-e", "query=reports[0].rows[].[cluster,state]"))
    found = asked.stdout.partition("\n[\n")[2].partition("\n]\n")[0]
    assert json.loads(f"[{found}]") == [[CLUSTER, "ready"]], asked.stdout
    wrong = run_playbook(*command("offboard", tmp_path, [contract], *OFFBOARD, "-e", "query=clusters["))
    assert wrong.returncode == 2
    assert "the query cannot be answered: " in wrong.stdout and "nothing was done" in wrong.stdout
    gone = agree(audited, tmp_path, contract, "offboard", *OFFBOARD, exact=True)
    assert gone.returncode == 0
    assert "objects of ours" in gone.stdout.lower(), "no proof"


@pytest.mark.soak
def test_every_operation_counts_what_the_audit_log_does(audited: Any, tmp_path: Path) -> None:
    contract = agreed(audited, replicas=2)
    contract["change"] = without_approvals()
    releases = publish(tmp_path, broken=[CLUSTER])
    nodes = {name: node(audited, name) for name in (NODE, OTHER)}
    credentials = ("-e", f"credentials_dir={tmp_path / 'credentials'}")
    assert agree(audited, tmp_path, contract, "onboard", *NO_REQUESTS, exact=True).returncode == 0
    assert agree(audited, tmp_path, contract, "rotate_credentials", *credentials, exact=True).returncode == 0
    drill = (*as_admin(audited), *credentials, *NO_REQUESTS, "-e", "confirm=drill")
    assert agree(audited, tmp_path, contract, "revocation_drill", *drill).returncode == 0
    asked = ("-e", f"release={NEW}", "-e", f"releases={releases}", *REQUESTED_BY, *QUICK, *NO_SOAK)
    assert agree(audited, tmp_path, contract, "upgrade", *asked).returncode == 2, "it should have been rolled back"
    findings = tmp_path / "findings.json"
    findings.write_text(json.dumps({"remediate_findings": [finding()]}))
    agree(audited, tmp_path, contract, "remediate", "-e", f"@{findings}", *REQUESTED_BY)
    for name, before in nodes.items():
        restore(audited, name, before)
    retired = ("-e", "model=llama-3-1-8b", "-e", "confirm=retire")
    assert agree(audited, tmp_path, contract, "retire_model", *retired, exact=True).returncode == 0
    assert agree(audited, tmp_path, contract, "offboard", *OFFBOARD, exact=True).returncode == 0
