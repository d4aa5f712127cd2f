# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes of models wait for what the contract says, whichever playbook would make them; rollbacks do not.

fireworks.byoc.plan_models, fireworks.byoc.deploy_models, fireworks.byoc.retire_model, fireworks.byoc.onboard.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from demo.contracts import LLAMA, QWEN, Contract
from tests.integration.journey import agreed, line, onboard, ours, play, wipe

NAME = LLAMA["name"]
SRE, BOSS = "sre@fireworks.example", "boss@acme.example"
ASKED = ("-e", f"requested_by={SRE}")
QUICK = ("-e", "validate_http_request=false", "-e", "model_bake=0")
LEASES = "/apis/coordination.k8s.io/v1/namespaces/fireworks-system/leases"
NOW = datetime.now(UTC)
TOMORROW = NOW + timedelta(days=1)
CLOSED = {"windows": [{"weekly": [f"{TOMORROW:%a}".lower()], "start": "02:00", "duration": "3h", "time_zone": "UTC"}]}
FROZEN = {"freezes": [{"from": "2020-01-01", "until": "2099-01-01", "time_zone": "UTC", "reason": "stocktaking"}]}
FREE: dict[str, Any] = {"approvals": {"model_change": "none"}}
REQUIRED: dict[str, Any] = {"approvals": {"model_change": "required", "approvers": [BOSS]}}


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
    return contract


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


@pytest.mark.soak(sample=2)
@pytest.mark.parametrize(
    ("change", "options", "code", "said"),
    [
        pytest.param(REQUIRED, (), "approval", "who requests the change is not named", id="nobody requests it"),
        pytest.param(REQUIRED, ASKED, "approval", f"no approval yet: {BOSS} approves digest", id="not approved"),
        pytest.param(
            REQUIRED, (*ASKED, *approval("f" * 64)), "approval", "they name ffffffffffff", id="another digest"
        ),
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


def test_what_is_approved_goes_once_and_a_rollback_waits_for_nothing(acme: Any, tmp_path: Path) -> None:
    contract, before = served(acme, 8192, **REQUIRED), state(acme)
    for check in ((), ("--check",)):
        planned = deploy(tmp_path, contract, *ASKED, *check, name="plan_models")
        assert planned.returncode == 0, planned.stdout
        assert "new revision, from 1" in line(planned, "acme-eu-1", NAME)
        assert state(acme) == before
    digest = digest_shown(planned)
    for refused in (approval(digest, by=SRE), approval(digest, given_at="2026-01-01T00:00:00+00:00")):
        done = deploy(tmp_path, contract, *ASKED, *refused)
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
    stale = deploy(tmp_path, contract, *ASKED, *approval(digest))
    assert "waiting" in line(stale, "acme-eu-1"), stale.stdout


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
