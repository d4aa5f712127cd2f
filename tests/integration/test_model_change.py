# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes of models wait for what the contract says, whichever playbook would make them; rollbacks do not.

fireworks.byoc.plan_models, fireworks.byoc.deploy_models, fireworks.byoc.retire_model, fireworks.byoc.onboard; and
fireworks.byoc.approve, fireworks.byoc.revoke_approval, in them fireworks.byoc.change_approval.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from demo.contracts import LLAMA, QWEN, Contract, write_fleet
from tests.integration.clocked import put_in_force
from tests.integration.governed import bounds_in_force
from tests.integration.journey import agreed, as_admin, line, onboard, ours, play, wipe
from tests.integration.killing import begin_playbook, kill, wait_for_task
from tests.integration.plays import connection_to, perform

NAME = LLAMA["name"]
SRE, BOSS = "sre@fireworks.example", "boss@acme.example"
ASKED = ("-e", f"requested_by={SRE}")
QUICK = ("-e", "validate_http_request=false", "-e", "model_bake=0")
LEASES = "/apis/coordination.k8s.io/v1/namespaces/fireworks-system/leases"
NAMESPACE = "/api/v1/namespaces/fireworks-system"
NOW = datetime.now(UTC)
TOMORROW = NOW + timedelta(days=1)
CLOSED = {"windows": [{"weekly": [f"{TOMORROW:%a}".lower()], "start": "02:00", "duration": "3h", "time_zone": "UTC"}]}
FROZEN = {"freezes": [{"from": "2020-01-01", "until": "2099-01-01", "time_zone": "UTC", "reason": "stocktaking"}]}
FREE: dict[str, Any] = {"approvals": {"model_change": "none"}}
REQUIRED: dict[str, Any] = {
    "approvals": {"model_change": "required", "approvers": [BOSS], "sources": ["cluster", "file"]}
}


@pytest.fixture(scope="module")
def acme(bed: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A cluster that serves one model."""
    cluster = bed["acme"]
    assert ours(cluster) == {}
    done = onboard(tmp_path_factory.mktemp("onboarded"), served(cluster))
    assert done.returncode == 0, done.stdout
    yield cluster
    wipe(cluster)


def served(cluster: Any, context: int = 32768, **change: Any) -> Contract:
    contract = agreed(cluster, replicas=1)
    contract["models"][0]["context_length"] = context
    contract["change"] = {**FREE, **change}
    return bounds_in_force(cluster, contract)


def state(cluster: Any) -> tuple[dict[str, str], list[str]]:
    """Every object of ours, and who held the lock last: what is written anywhere shows in it."""
    leases = [item["spec"].get("renewTime") for item in cluster.request("GET", LEASES)["items"]]
    return ours(cluster), leases


def approval(digest: str, **more: Any) -> tuple[str, ...]:
    given = {"by": BOSS, "digest": digest, "given_at": NOW.isoformat(), **more}
    return ("-e", json.dumps({"approvals": [given]}))


def deploy(folder: Path, contract: Contract, *options: str, name: str = "deploy_models") -> Any:
    return play(name, folder, [contract], *QUICK, *options)


def digest_shown(done: subprocess.CompletedProcess[str]) -> str:
    block = done.stdout.partition("-e '")[2].partition("'")[0]
    return str(json.loads(block)["approvals"][0]["digest"])


@pytest.mark.soak(sample=1)
@pytest.mark.parametrize(
    ("change", "options", "code", "said"),
    [
        pytest.param(REQUIRED, (), "approval", "who requests the change is not named", id="nobody requests it"),
        pytest.param(REQUIRED, ASKED, "approval", f"no approval yet: {BOSS} approves digest", id="not approved"),
        pytest.param(REQUIRED, (*ASKED, *approval("f" * 64)), "approval", "it names ffffffffffff", id="another digest"),
        pytest.param(CLOSED, (), "outside_window", "outside its change windows", id="outside its windows"),
        pytest.param(FROZEN, (), "frozen", "stocktaking", id="frozen"),
        pytest.param(
            CLOSED,
            ("-e", json.dumps({"emergency": "{approver: eve@acme.example, reason: a leak}"})),
            "outside_window",
            "emergency refused",
            id="an emergency that the contract does not know, given as text",
        ),
    ],
)
@pytest.mark.parametrize("playbook", ["deploy_models", "retire_model"])
def test_what_may_not_go_now_waits_and_nothing_is_written(
    acme: Any, tmp_path: Path, playbook: str, change: Any, options: Any, code: str, said: str
) -> None:
    contract, before = served(acme, 16384, **change), state(acme)
    more = ("-e", f"model={NAME}", "-e", "confirm=retire") if playbook == "retire_model" else ()
    done = deploy(tmp_path, contract, *more, *options, name=playbook)
    assert done.returncode == 0, done.stdout
    assert "waiting" in line(done, "acme-eu-1"), done.stdout
    assert said in " ".join(done.stdout.split()), done.stdout
    assert state(acme) == before
    failed = deploy(tmp_path, contract, *more, *options, "-e", "fail_on=waiting", name=playbook)
    assert failed.returncode == 2, failed.stdout
    assert "1 of 1 clusters not completed: acme-eu-1" in " ".join(failed.stdout.split())
    assert state(acme) == before


@pytest.mark.soak
def test_what_is_approved_goes_once_and_a_rollback_waits_for_nothing(acme: Any, tmp_path: Path) -> None:
    contract, before = served(acme, 8192, **REQUIRED), state(acme)
    planned = deploy(tmp_path, contract, *ASKED, "--check", name="plan_models")
    assert planned.returncode == 0, planned.stdout
    assert "new revision, from 1" in line(planned, "acme-eu-1", NAME)
    digest = digest_shown(planned)
    # Approvals that do not count: tests/soak/test_model_decisions.py.
    done = deploy(tmp_path, contract, *ASKED, *approval(digest, by=SRE))
    assert "waiting" in line(done, "acme-eu-1"), done.stdout
    assert state(acme) == before
    done = deploy(tmp_path, contract, *ASKED, *approval(digest))
    assert done.returncode == 0, done.stdout
    assert "done" in line(done, "acme-eu-1"), done.stdout
    after = state(acme)[0]
    assert after != before[0]

    shut = served(acme, 8192, **REQUIRED, **CLOSED, **FROZEN)
    again = deploy(tmp_path, shut)
    assert "unchanged" in line(again, "acme-eu-1"), again.stdout
    assert state(acme)[0] == after
    back = play("rollback_model", tmp_path, [shut], *QUICK, "-e", f"model={NAME}", "-e", "revision=1")
    assert "done" in line(back, "acme-eu-1", "done"), back.stdout
    # The approval was for what was there then, and not for bringing it back after a rollback.
    stale = deploy(tmp_path, served(acme, 8192, **REQUIRED), *ASKED, *approval(digest))
    assert "waiting" in line(stale, "acme-eu-1"), stale.stdout


def kept(cluster: Any) -> list[dict[str, str]]:
    """The approvals in the cluster."""
    notes = cluster.request("GET", NAMESPACE)["metadata"].get("annotations") or {}
    return list(json.loads(notes.get("byoc.fireworks.ai/approval", "[]")))


def changing(acme: Any, folder: Path, context: int) -> Callable[..., subprocess.CompletedProcess[str]]:
    """What runs a playbook about a change of the model that needs an approval; approvals as the administrator."""
    contract = served(acme, context, **REQUIRED)

    def run(name: str, *options: str) -> subprocess.CompletedProcess[str]:
        admin = as_admin(acme) if "approv" in name else ()
        return deploy(folder, contract, *admin, *options, name=name)

    return run


def given(digest: str) -> tuple[str, ...]:
    """What the administrator says to approve it."""
    return ("-e", "operation=deploy_models", "-e", f"digest={digest}", "-e", f"approved_by={BOSS}")


@pytest.mark.soak
def test_what_the_administrator_approves_is_done_and_recorded_with_who_approved(acme: Any, tmp_path: Path) -> None:
    run = changing(acme, tmp_path, 6144)
    digest = digest_shown(run("plan_models", *ASKED))
    done = run("approve", *given(digest), "-e", "approval_until=8h", "--diff")
    assert "done" in line(done, "acme-eu-1"), done.stdout
    assert f"{NAME}: new revision, from" in line(done, "acme-eu-1", "deploy_models"), done.stdout
    [approved] = kept(acme)
    # From now on the API server asks for it too, by the marks of the pods that were approved.
    in_cluster = {"approvals": {**REQUIRED["approvals"], "sources": ["cluster"]}}
    approvals = "byoc.fireworks.ai/approved-versions"
    versions = {approvals: acme.request("GET", NAMESPACE)["metadata"]["annotations"][approvals]}
    put_in_force(acme, {**served(acme, 6144), "change": in_cluster}, versions)
    assert approved["digest"].startswith(digest)
    assert (approved["by"], approved["written_by"]) == (BOSS, "admin")
    other, before = served(acme, 5120, **REQUIRED), state(acme)
    assert "waiting" in line(deploy(tmp_path, other, *ASKED), "acme-eu-1")
    assert state(acme) == before
    records = tmp_path / "records"
    done = run("deploy_models", *ASKED, "-e", f"records_dir={records}")
    assert "done" in line(done, "acme-eu-1"), done.stdout
    [record] = [json.loads(each) for each in (records / "acme-eu-1.jsonl").read_text().splitlines()]
    assert f"approved by {BOSS} (annotation)" in record["clause"]
    assert record["plan"].startswith(digest)
    assert f"digest {record['plan']}" in record["clause"]
    put_in_force(acme, {**served(acme, 6144), "change": {}}, {})


@pytest.mark.soak
def test_an_approval_is_given_once_for_what_is_planned_now_and_taken_back(acme: Any, tmp_path: Path) -> None:
    annotate(acme, {"byoc.fireworks.ai/approval": None})
    run, before = changing(acme, tmp_path, 3072), state(acme)
    approve = given(digest_shown(run("plan_models", *ASKED)))
    # What else is refused: tests/unit/domain/rollout/test_approving.py.
    done = run("approve", *approve, "-e", "digest=000000000000")
    assert done.returncode == 2, done.stdout
    assert "refused" in line(done, "acme-eu-1"), done.stdout
    assert "the plan is" in " ".join(done.stdout.split()), done.stdout
    for check, result in (("--check", "would change"), ("--diff", "done"), ("--diff", "unchanged")):
        assert kept(acme) == [] or result == "unchanged"
        done = run("approve", *approve, "-e", "approval_until=8h", check)
        assert result in line(done, "acme-eu-1"), done.stdout
    shown = run("plan_models", *ASKED)
    assert f"{BOSS} until" in line(shown, "acme-eu-1", NAME), shown.stdout

    revocation = approve[2:4]
    assert "would change" in line(run("revoke_approval", *revocation, "--check"), "acme-eu-1")
    for result in ("done", "unchanged"):
        done = run("revoke_approval", *revocation)
        assert result in line(done, "acme-eu-1"), done.stdout
        assert kept(acme) == []
    assert "waiting" in line(run("deploy_models", *ASKED), "acme-eu-1")
    assert state(acme)[0] == before[0]
    approve = given(digest_shown(run("plan_models", *ASKED)))
    assert "done" in line(run("approve", *approve), "acme-eu-1")
    assert "done" in line(run("deploy_models", *ASKED), "acme-eu-1")
    again = run("approve", *approve)
    assert "it would change nothing that waits for an approval" in " ".join(again.stdout.split()), again.stdout


def test_approvers_who_write_at_once_lose_nothing_and_what_cannot_be_read_is_left(acme: Any) -> None:
    module = "fireworks.byoc.change_approval"
    given = {"given_at": NOW.isoformat(), "expires_at": TOMORROW.isoformat(), "digest": "a" * 64}

    def approve(number: int) -> dict[str, Any]:
        return perform(connection_to(acme), module, by=f"{number}@acme.example", **given)

    with ThreadPoolExecutor() as threads:
        done = list(threads.map(approve, range(5)))
    assert all(one["changed"] for one in done), done
    there = sorted(one["by"] for one in kept(acme) if one["digest"] == given["digest"])
    assert there == [f"{number}@acme.example" for number in range(5)]
    revoked = perform(connection_to(acme), module, state="absent", digest="a" * 12)
    assert len(revoked["revoked"]) == 5
    assert given["digest"] not in {one["digest"] for one in kept(acme)}
    annotate(acme, {"byoc.fireworks.ai/approval": "yes, do it"})
    refused = perform(connection_to(acme), module, by=BOSS, **given)
    assert (refused["code"], refused["owner"]) == ("approvals_unreadable", "customer")
    annotate(acme, {"byoc.fireworks.ai/approval": None})


def test_what_was_decided_before_the_lock_is_decided_again_under_it(acme: Any, tmp_path: Path) -> None:
    contract, before = served(acme, 7168), state(acme)
    inventory = write_fleet(tmp_path, [contract])
    other = {"run_id": "other", "holder": "alice@ctl-1", "purpose": "upgrade", "duration": 600}
    assert perform(connection_to(acme), "fireworks.byoc.operation_lock", **other)["held"]
    records = ("-e", f"records_dir={tmp_path / 'records'}")
    running = begin_playbook(
        "fireworks.byoc.deploy_models", "-i", str(inventory), "-e", "clusters=byoc", *QUICK, *ASKED, *records
    )
    try:
        wait_for_task(running, "Acquire the cluster lock")
        annotate(acme, {"byoc.fireworks.ai/freeze": "stocktaking"})
        perform(connection_to(acme), "fireworks.byoc.operation_lock", **{**other, "state": "absent"})
        said, _none = running.communicate(timeout=120)
    finally:
        kill(running)
        annotate(acme, {"byoc.fireworks.ai/freeze": None})
    assert running.returncode == 0, said
    assert "Release the lock of a cluster that may not go any more" in said
    assert "frozen until further notice: stocktaking" in " ".join(said.split()), said
    assert state(acme) == before
    assert not list((tmp_path / "records").glob("*.jsonl"))


def annotate(cluster: Any, notes: dict[str, str | None]) -> None:
    cluster.request("PATCH", NAMESPACE, {"metadata": {"annotations": notes}}, "application/merge-patch+json")


@pytest.mark.soak(sample=1)
@pytest.mark.parametrize(
    ("edit", "said"),
    [
        ("other revision", "which is not what the contract says; onboarding changes no model that is installed"),
        ("new model", f"{QWEN['name']} is not there"),
        ("newer release", "the stack is at 2026.11.0 and the contract says 2026.12.0"),
    ],
)
def test_onboarding_refuses_to_move_what_is_installed(acme: Any, tmp_path: Path, edit: str, said: str) -> None:
    contract, before = served(acme), state(acme)
    if edit == "other revision":
        contract["models"][0]["context_length"] = 4096
    elif edit == "new model":
        contract["models"].append({**contract["models"][0], **QWEN})
    else:
        contract["stack"] = {"release": "2026.12.0"}
    done = onboard(tmp_path, contract)
    assert done.returncode == 2, done.stdout
    assert "refused" in line(done, "acme-eu-1"), done.stdout
    assert said in " ".join(done.stdout.split()), done.stdout
    assert state(acme) == before
