# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``fireworks.byoc.upgrade`` and ``fireworks.byoc.rollback_stack`` over two clusters that serve."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.journey import agreed, line, offboard, onboard, play
from tests.integration.upgrades import NEW, OLD, ended, entries, publish, release_of, rollback, stack, upgrade

Fleet = tuple[Any, Any, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def fleet(bed: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Two onboarded clusters of different customers: acme is the canary."""
    folder = tmp_path_factory.mktemp("fleet")
    contracts = [agreed(bed["acme"]), agreed(bed["birch"])]
    for contract in contracts:
        contract["change"] = {"approvals": {"stack_upgrade": "none"}}
    contracts[0]["identity"]["ring"] = "canary"
    done = onboard(folder, *contracts)
    assert done.returncode == 0, done.stdout
    yield bed["acme"], bed["birch"], contracts
    assert offboard(folder, *contracts).returncode == 0


def names(found: dict[str, str]) -> set[str]:
    return {place.rpartition("/")[2] for place in found}


def test_it_is_planned_brought_wave_by_wave_and_brought_back(fleet: Fleet, tmp_path: Path) -> None:
    acme, birch, contracts = fleet
    releases = publish(tmp_path)
    old = stack(acme), stack(birch)

    checked = upgrade(tmp_path, contracts, releases, "--check", "--diff")
    assert checked.returncode == 0, checked.stdout
    assert ended(checked, "acme-eu-1")[4:6] == ["would", "change"], checked.stdout
    assert "Deployment fireworks-system/ledger (created)" in checked.stdout
    assert "Deployment fireworks-system/telemetry (deleted)" in checked.stdout
    assert (stack(acme), stack(birch)) == old
    assert entries(acme) == []

    done = upgrade(tmp_path, contracts, releases)
    assert done.returncode == 0, done.stdout
    assert ended(done, "acme-eu-1")[:6] == ["1", "acme-eu-1", "canary", OLD, "done", "go"]
    assert ended(done, "birch-eu-1")[:6] == ["2", "birch-eu-1", "general", OLD, "done", "go"]
    assert release_of(acme)["release"] == NEW
    assert "ledger" in names(stack(acme))
    assert "telemetry" not in {place.rpartition("/")[2] for place in stack(acme) if "deployments" in place}
    assert entries(acme) == entries(birch) == [(OLD, NEW, "good")]
    new = stack(acme), stack(birch)

    again = upgrade(tmp_path, contracts, releases)
    assert ended(again, "acme-eu-1")[4:6] == ["skip", "already_there"], again.stdout
    assert (stack(acme), stack(birch)) == new
    status = play("status", tmp_path, contracts, clusters="")
    assert line(status, "acme-eu-1").split()[2:4] == ["ready", NEW], status.stdout

    contracts[0]["change"]["windows"] = []
    checked = rollback(tmp_path, contracts, "--check", "--diff")
    assert "Deployment fireworks-system/ledger (deleted)" in checked.stdout, checked.stdout
    assert stack(acme) == new[0]
    back = rollback(tmp_path, contracts)
    assert back.returncode == 0, back.stdout
    assert (stack(acme), stack(birch)) == old
    assert release_of(acme)["release"] == OLD
    assert entries(acme) == [(OLD, NEW, "good"), (NEW, OLD, "good")]
