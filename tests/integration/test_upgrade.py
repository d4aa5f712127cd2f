# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``fireworks.byoc.upgrade`` and ``fireworks.byoc.rollback_stack``, and in them ``fireworks.byoc.stack_upgrade``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.integration.clocked import CLOSED, put_in_force
from tests.integration.governed import bounds_in_force
from tests.integration.guarded import until
from tests.integration.journey import agreed, line, onboard, play, wipe, without_approvals
from tests.integration.upgrades import (
    NAMESPACE,
    NEW,
    NEWER,
    NEWEST,
    OLD,
    REQUESTED_BY,
    deployments,
    edition_of,
    ended,
    entries,
    kill_upgrade,
    publish,
    release_of,
    rollback,
    stack,
    upgrade,
)

Fleet = tuple[Any, Any, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def fleet(bed: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Two onboarded clusters of different customers: acme is the canary."""
    folder = tmp_path_factory.mktemp("fleet")
    contracts = [agreed(bed["acme"]), agreed(bed["birch"])]
    for contract in contracts:
        contract["change"] = without_approvals()
    contracts[0]["identity"]["ring"] = "canary"
    contracts[0]["stack"] = {"release": OLD}
    done = onboard(folder, *contracts)
    assert done.returncode == 0, done.stdout
    yield bed["acme"], bed["birch"], contracts
    for name in ("acme", "birch"):
        wipe(bed[name])


@pytest.fixture(autouse=True)
def bound(fleet: Fleet) -> None:
    """By the bounds of their contracts, whatever a test before had put in force."""
    acme, birch, contracts = fleet
    for cluster, contract in zip((acme, birch), contracts, strict=True):
        bounds_in_force(cluster, contract)


def names(found: dict[str, str]) -> set[str]:
    return {place.rpartition("/")[2] for place in found}


@pytest.mark.soak
def test_two_runs_at_once_change_each_cluster_once_and_it_is_brought_back(fleet: Fleet, tmp_path: Path) -> None:
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

    with ThreadPoolExecutor() as threads:
        folders = [tmp_path / "one", tmp_path / "two"]
        both = list(threads.map(lambda folder: upgrade(folder, contracts, releases), folders))
    for done in both:
        assert done.returncode == 0, done.stdout
    for cluster, name, wave, ring in ((acme, "acme-eu-1", "1", "canary"), (birch, "birch-eu-1", "2", "general")):
        rows = sorted(ended(done, name)[:6] for done in both)
        assert rows[0][:5] == [wave, name, ring, OLD, "done"], both[0].stdout + both[1].stdout
        assert rows[1][4] in ("unchanged", "waiting"), both[0].stdout + both[1].stdout
        assert entries(cluster) == [(OLD, NEW, "good")]
        assert release_of(cluster)["release"] == NEW
        assert "ledger" in names(stack(cluster))
        assert "telemetry" not in deployments(cluster)
    assert any(f'acme-eu-1: stack: {{release: "{NEW}"}}' in done.stdout for done in both), both[0].stdout
    new = stack(acme), stack(birch)
    status = play("status", tmp_path, contracts, clusters="")
    assert line(status, "acme-eu-1").split()[2:4] == ["ready", NEW], status.stdout

    checked = rollback(tmp_path, contracts, "--check", "--diff")
    assert "Deployment fireworks-system/ledger (deleted)" in checked.stdout, checked.stdout
    assert (stack(acme), stack(birch)) == new
    unnamed = rollback(tmp_path, contracts, to="")
    assert unnamed.returncode == 2, unnamed.stdout
    said = " ".join(unnamed.stdout.split())
    assert f"no release to go back to is named; {OLD} was here before {NEW}; nothing was changed" in said, said
    assert f"name it: -e to={OLD}" in said, said
    assert (stack(acme), stack(birch)) == new
    for turn in ("first", "second"):
        back = rollback(tmp_path, contracts)
        assert back.returncode == 0, back.stdout
        assert ("done" if turn == "first" else "unchanged") in line(back, "acme-eu-1"), f"{turn}: {back.stdout}"
        assert (stack(acme), stack(birch)) == old, turn
        assert release_of(acme)["release"] == OLD, turn
        assert entries(acme) == [(OLD, NEW, "good"), (NEW, OLD, "good")], turn
    unknown = rollback(tmp_path, contracts, to=NEWEST)
    assert unknown.returncode == 2, unknown.stdout
    said = " ".join(unknown.stdout.split())
    assert f"no backup of {NEWEST} is recorded here; nothing was changed" in said, said
    assert (stack(acme), stack(birch)) == old


@pytest.mark.soak
def test_a_quota_without_room_is_said_before_anything_is_written(fleet: Fleet, tmp_path: Path) -> None:
    acme, _birch, contracts = fleet
    releases, before = publish(tmp_path), (stack(acme), entries(acme))
    running = len(acme.request("GET", f"{NAMESPACE}/pods")["items"])
    quota = {"metadata": {"name": "theirs"}, "spec": {"hard": {"pods": str(running)}}}
    acme.request("POST", f"{NAMESPACE}/resourcequotas", quota)
    path = f"{NAMESPACE}/resourcequotas/theirs"
    until(lambda: acme.request("GET", path)["status"].get("used"), "the quota was not counted", 30)
    try:
        done = upgrade(tmp_path, contracts[:1], releases)
        assert done.returncode == 0, done.stdout  # it waits for the customer, and holds nobody up
        assert ended(done, "acme-eu-1")[4:6] == ["waiting", "no_room"], done.stdout
        said = " ".join(done.stdout.split())
        assert "there is no room for the upgrade, so none was begun: quota theirs has 0 of pods left" in said, said
        assert "Action required by: customer" in said, said
        assert (stack(acme), entries(acme)) == before
    finally:
        acme.request("DELETE", path)


def test_a_release_that_was_altered_here_is_named_and_holds_up_only_what_uses_it(fleet: Fleet, tmp_path: Path) -> None:
    _acme, _birch, contracts = fleet
    releases = publish(tmp_path)
    for version in (OLD, NEW):
        with (releases / version / "router.yml.j2").open("a") as router:
            router.write("# more\n")
    given = ("-e", f"releases={releases}")
    for name in ("status", "models"):
        shown = play(name, tmp_path, contracts, *given, clusters="")
        assert shown.returncode == 0, shown.stdout
        assert f"cannot be compared: {releases / OLD} is not used: its files have" in shown.stdout, shown.stdout
    refused = play("plan_upgrade", tmp_path, contracts, *given, "-e", f"release={NEW}", *REQUESTED_BY, clusters="")
    said = " ".join(refused.stdout.split())
    assert refused.returncode == 2, said
    assert f"{NEW} is not used: its files have the digest" in said
    assert "install the collection on this controller anew" in said
    assert "Action required by: you docs/runbooks/other-release.md" in said


@pytest.mark.soak
def test_what_the_api_server_holds_is_taken_back_and_is_no_fault_of_the_release(fleet: Fleet, tmp_path: Path) -> None:
    acme, _birch, contracts = fleet
    # Of one that a test before has brought and rolled back, the ReplicaSets are there: it is no new version any more.
    releases, before = publish(tmp_path, NEWEST), stack(acme)
    put_in_force(acme, {**contracts[0], "change": CLOSED}, {})
    try:
        done = upgrade(tmp_path, contracts[:1], releases, release=NEWEST)
        said = " ".join(done.stdout.split())
        assert done.returncode == 2, done.stdout
        assert "held_by_policy" in said and "no window is open" in said, said
        assert "Action required by: customer" in said, said
        assert (stack(acme), entries(acme)[-1]) == (before, (OLD, NEWEST, "withdrawn"))
        assert release_of(acme)["release"] == OLD
    finally:
        put_in_force(acme, contracts[0], {})


def test_what_does_not_pass_is_rolled_back_and_tried_again_when_corrected(fleet: Fleet, tmp_path: Path) -> None:
    acme, birch, contracts = fleet
    old = stack(birch)
    releases = publish(tmp_path, broken=["birch-eu-1"])
    together = [{**one, "identity": {**one["identity"], "ring": "general"}} for one in contracts]
    bounds_in_force(acme, together[0])
    bounds_in_force(birch, together[1])
    options = ("-e", '{"policy": {"soak": 0, "canaries": 2, "wave_percent": 100}}')
    done = upgrade(tmp_path, together, releases, *options)
    assert done.returncode == 2, done.stdout
    assert ended(done, "acme-eu-1")[4:6] == ["done", "go"], done.stdout
    assert ended(done, "birch-eu-1")[4:6] == ["failed", "rolled_back"], done.stdout
    assert "2026.11.0 was restored whole, and is ready" in done.stdout
    assert ", rolled back" in " ".join(done.stdout.split()) and ", kept" not in done.stdout, done.stdout
    assert stack(birch) == old
    marks = release_of(birch)
    assert marks["release"] == OLD
    assert json.loads(marks["release-failed"])["release"] == NEW
    assert "release-unfinished" not in marks
    assert marks["release-since"], "what was approved before is approved no more"

    again = upgrade(tmp_path, together, releases, *options)
    assert again.returncode == 2, again.stdout
    assert ended(again, "birch-eu-1")[4:6] == ["waiting", "failed_before"], again.stdout
    assert stack(birch) == old

    releases = publish(tmp_path)
    fixed = upgrade(tmp_path, together, releases, *options)
    assert fixed.returncode == 0, fixed.stdout
    assert ended(fixed, "acme-eu-1")[4:6] == ["unchanged", "already_there"], fixed.stdout
    assert ended(fixed, "birch-eu-1")[4:6] == ["done", "go"], fixed.stdout
    assert names(stack(birch)) == names(stack(acme))
    assert "release-failed" not in release_of(birch)


@pytest.mark.soak
def test_a_newer_release_takes_the_place_of_one_that_was_killed(fleet: Fleet, tmp_path: Path) -> None:
    acme, _birch, contracts = fleet
    before, installed = stack(acme), release_of(acme)["release"]
    releases = publish(tmp_path, NEWER, source=NEW, edition="2")
    publish(tmp_path, NEWEST, source=NEW, edition="3")
    kill_upgrade(tmp_path, contracts, releases, NEWER, reached=lambda: edition_of(acme) == "2")
    assert release_of(acme) == {**release_of(acme), "release": installed, "release-unfinished": NEWER}
    status = play("status", tmp_path, contracts, clusters="")
    assert f"the way to {NEWER} has not come to its end" in line(status, "acme-eu-1")

    done = upgrade(tmp_path, contracts, releases, "-e", "reason=stuck", release=NEWEST, clusters="acme-eu-1")
    assert done.returncode == 0, done.stdout
    assert ended(done, "acme-eu-1")[3:6] == [installed, "done", "go"], done.stdout
    assert entries(acme)[-2:] == [(installed, NEWER, "superseded"), (installed, NEWEST, "good")]
    assert rollback(tmp_path, contracts[:1], to=installed).returncode == 0
    assert stack(acme) == before
