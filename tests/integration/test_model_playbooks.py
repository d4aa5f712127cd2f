# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks about models, each with --check and without, as the identity that runs them in a hardened cluster.

That a repeat changes nothing: tests/soak/test_reruns.py.
fireworks.byoc.deploy_models, fireworks.byoc.models, fireworks.byoc.rollback_model, fireworks.byoc.retire_model.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from demo.contracts import LLAMA, Contract
from tests.integration.journey import (
    NO_BAKE,
    NO_REQUESTS,
    agreed,
    as_admin,
    hardened,
    line,
    onboard,
    ours,
    play,
    unreachable,
    wipe,
)

NAME = LLAMA["name"]
QUICK = (*NO_REQUESTS, "-e", "model_bake=1")


def by(cluster: Any, identity: str, context: int = 32768) -> Contract:
    """The contract with the credential of one of our identities, and its model with so much context."""
    contract = hardened(cluster, cluster.kubeconfig_for_service_account("fireworks-system", identity))
    contract["models"][0]["context_length"] = context
    return contract


@pytest.fixture
def birch(bed: Any, tmp_path: Path) -> Iterator[Any]:
    """A cluster that was onboarded, and serves one model."""
    cluster = bed["birch"]
    assert ours(cluster) == {}
    play("presetup", tmp_path, [hardened(cluster)], *as_admin(cluster))
    done = onboard(tmp_path, by(cluster, "operator"))
    assert done.returncode == 0, done.stdout
    yield cluster
    wipe(cluster)


def deployed(cluster: Any) -> dict[str, str]:
    return {place: text for place, text in ours(cluster).items() if "controllerrevisions" not in place}


def test_a_model_is_deployed_shown_rolled_back_and_retired(birch: Any, tmp_path: Path) -> None:
    first = deployed(birch)
    longer = by(birch, "deployer", 16384)
    checked = play("deploy_models", tmp_path, [longer], *QUICK, "--check", "--diff")
    assert "would change" in line(checked, "birch-eu-1"), checked.stdout
    assert "surge" in line(checked, "birch-eu-1", NAME)
    assert deployed(birch) == first, "check mode wrote"
    done = play("deploy_models", tmp_path, [longer], *QUICK, "-e", "requested_by=alice", "-e", "reason=longer")
    assert done.returncode == 0, done.stdout
    assert " done " in line(done, "birch-eu-1")
    assert "unproven" in line(done, "birch-eu-1", NAME)

    observer = by(birch, "observer")
    told = play("models", tmp_path, [observer], "-e", f"model={NAME}", "-e", '{"compare": ["1", "2"]}')
    assert told.returncode == 0, told.stdout
    assert line(told, "birch-eu-1", "good").split()[:4] == ["birch-eu-1", "1", "good", "first"]
    assert " alice " in line(told, "birch-eu-1", "surge")
    assert "--max-model-len=16384" in told.stdout

    back, second = ("-e", f"model={NAME}"), deployed(birch)
    unnamed = play("rollback_model", tmp_path, [longer], *QUICK, *back)
    assert unnamed.returncode == 2, unnamed.stdout
    said = " ".join(unnamed.stdout.split())
    assert "the last good one before what runs is 1; nothing was changed" in said, said
    assert "name it: -e revision=1" in said, said
    assert deployed(birch) == second
    first_one = (*back, "-e", "revision=1")
    checked = play("rollback_model", tmp_path, [longer], *QUICK, *first_one, "--check")
    assert "would change" in line(checked, "birch-eu-1"), checked.stdout
    done = play("rollback_model", tmp_path, [longer], *QUICK, *first_one)
    assert " done " in line(done, "birch-eu-1"), done.stdout
    assert deployed(birch) == first
    told = play("models", tmp_path, [observer], "-e", f"model={NAME}")
    assert " 3 " in line(told, "birch-eu-1", "(restores 1) rolled back"), told.stdout

    refused = play("retire_model", tmp_path, [longer], *back)
    assert refused.returncode == 2
    assert "still has the model" in " ".join(refused.stdout.split())
    assert deployed(birch) == first
    without = {**longer, "models": []}
    checked = play("retire_model", tmp_path, [without], *back, "--check")
    assert "would change" in line(checked, "birch-eu-1"), checked.stdout
    assert deployed(birch) == first, "check mode removed"
    gone = play("retire_model", tmp_path, [without], *back)
    assert " done " in line(gone, "birch-eu-1"), gone.stdout
    assert "nothing carries its label any more" in gone.stdout
    assert not [place for place in ours(birch) if NAME in place]


@pytest.mark.soak
def test_no_wave_begins_after_one_that_failed_and_who_is_offline_holds_nobody_up(
    bed: Any, birch: Any, tmp_path: Path
) -> None:
    first = deployed(birch)
    longer = by(birch, "deployer", 16384)
    canary = agreed(bed["acme"])  # is not onboarded, so this fails
    canary["identity"]["ring"] = "canary"
    offline = unreachable(agreed(bed["cedar"]), bed["cedar"], tmp_path)
    offline["identity"]["ring"] = "canary"
    stopped = play("deploy_models", tmp_path / "stopped", [longer, canary], *QUICK)
    assert stopped.returncode == 2
    assert " not begun " in line(stopped, "birch-eu-1"), stopped.stdout
    assert "in wave 1 1 failed (acme-eu-1), and 0 may" in " ".join(stopped.stdout.split())
    assert deployed(birch) == first
    bears = ("-e", '{"policy": {"wave_failures": 1, "fleet_failures": 1}}')
    shared = play("deploy_models", tmp_path / "shared", [longer, canary], *bears, *QUICK)
    assert " not begun " in line(shared, "birch-eu-1"), shared.stdout
    told = " ".join(shared.stdout.split())
    assert "with acme-eu-1, where this failed, and nothing has proved that harmless" in told, shared.stdout
    assert deployed(birch) == first
    done = play("deploy_models", tmp_path / "offline", [longer, offline], *QUICK)
    assert " failed " in line(done, "cedar-eu-1"), done.stdout
    assert " done " in line(done, "birch-eu-1"), done.stdout
    assert deployed(birch) != first


@pytest.mark.soak(sample=1)
@pytest.mark.parametrize(
    ("playbook", "options", "message"),
    [
        ("rollback_model", (), "model is not given, which is the name of a model: -e model="),
        ("retire_model", (), "model is not given, which is the name of a model: -e model="),
        ("rollback_model", ("-e", "model=x", "-e", "revision=1"), "has no model 'x'"),
        ("rollback_model", ("-e", f"model={NAME}"), "no good one is recorded before what runs; nothing was changed"),
    ],
)
def test_a_model_that_is_not_said_or_not_there_is_refused(
    bed: Any, tmp_path: Path, playbook: str, options: tuple[str, ...], message: str
) -> None:
    done = play(playbook, tmp_path, [agreed(bed["birch"])], *NO_BAKE, *options)
    assert done.returncode == 2
    assert message in " ".join(done.stdout.split())
    assert ours(bed["birch"]) == {}
