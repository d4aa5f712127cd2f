# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a contract says of upgrades and rollbacks holds, by the API server's own log.

Nothing is written where nothing may be, and nothing is held that may go. A cell that may go is a dry run, so that the
next one finds the cluster as it was; that it is done is seen once of each playbook.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from demo.contracts import LLAMA, Contract
from tests.integration.decisions import EXPIRED, GO, Cell, Table, cells, logged_cluster, writes
from tests.integration.governed import bounds_in_force
from tests.integration.journey import NO_BAKE, NO_REQUESTS, agreed, line, onboard, play
from tests.integration.remediating import OTHER, SAYS
from tests.integration.upgrades import NEW, OLD, ended, publish, release_of, rollback, upgrade

STRICTEST = {kind: Cell(kind, "required", "frozen", "none") for kind in ("stack_upgrade", "model_change")}
# Of rollbacks nothing is approved, and their playbooks take no approvals.
ROLLED_BACK = {kind: [cell for cell in cells(kind) if cell.given == "none"] for kind in STRICTEST}
ROLLBACK_MODEL = (*NO_REQUESTS, *NO_BAKE, "-e", f"model={LLAMA['name']}", "-e", "revision=1")


@dataclass
class Site:
    """A cluster whose API server logs who did what, and what came of each cell."""

    cluster: Any
    folder: Path
    releases: Path
    table: Table
    digests: dict[str, str] = field(default_factory=dict)

    def contract(self, cell: Cell) -> Contract:
        made = agreed(self.cluster, replicas=1)
        return {**made, "stack": {"release": OLD}, "change": cell.change}

    def bind(self, cell: Cell) -> None:
        """The administrator applies the bounds of the cell's contract."""
        bounds_in_force(self.cluster, self.contract(cell))

    def digest(self, cell: Cell) -> str:
        """What an approval of the upgrade names under the cell's contract, as the plan shows it."""
        key = f"{cell.needed} {cell.clock}"
        if key not in self.digests:
            file = self.folder / "plan.json"
            options = ("-e", f"releases={self.releases}", "-e", "requested_by=sre@fireworks.example")
            asked = ("-e", f"release={NEW}", "-e", f"plan_json={file}", *options)
            done = play("plan_upgrade", self.folder, [self.contract(cell)], *asked)
            assert done.returncode == 0, done.stdout
            self.digests[key] = json.loads(file.read_text())["clusters"][0]["digest"]
        return self.digests[key]

    def upgrade(self, cell: Cell, *options: str) -> subprocess.CompletedProcess[str]:
        given = ("-e", json.dumps({"approvals": cell.approvals(self.digest(cell), EXPIRED)}))
        return upgrade(self.folder, [self.contract(cell)], self.releases, *given, *options)


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """With the release from which an upgrade is asked for, and a model that has two revisions."""
    folder = tmp_path_factory.mktemp("old")
    with logged_cluster() as cluster:
        site = Site(cluster, folder, publish(folder), Table("decisions-old"))
        first = site.contract(Cell("model_change", "not needed", "open", "none"))
        done = onboard(folder, first)
        assert done.returncode == 0, done.stdout
        first["models"][0]["context_length"] = 16384
        done = play("deploy_models", folder, [first], *NO_REQUESTS, *NO_BAKE)
        assert done.returncode == 0, done.stdout
        yield site


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """With the release to which it was upgraded, as the contract lets it be: approved, in a window.

    One of its nodes is quarantined, which holds up no upgrade.
    """
    folder = tmp_path_factory.mktemp("new")
    with logged_cluster() as cluster:
        site = Site(cluster, folder, publish(folder), Table("decisions-new"))
        cell = Cell("stack_upgrade", "required", "open", "valid")
        assert onboard(folder, site.contract(cell)).returncode == 0
        sick = {"metadata": {"annotations": {f"{SAYS}state": "quarantined"}}, "spec": {"unschedulable": True}}
        cluster.request("PATCH", f"/api/v1/nodes/{OTHER}", sick)
        with writes(cluster) as made:
            done = site.upgrade(cell)
        assert done.returncode == 0, done.stdout
        assert release_of(cluster)["release"] == NEW
        site.table.add("upgrade", cell, "done", made)
        assert made
        yield site


@pytest.mark.soak
@pytest.mark.parametrize("cell", cells("stack_upgrade"), ids=str)
def test_an_upgrade_goes_where_it_may_and_nothing_is_written_where_not(old: Site, cell: Cell) -> None:
    wanted = cell.decided()
    old.bind(cell)
    old.digest(cell)
    with writes(old.cluster) as made:
        done = old.upgrade(cell, *(("--check",) if wanted == GO else ()))
    assert done.returncode == 0, done.stdout
    came = " ".join(ended(done, "acme-eu-1")[4:6])
    old.table.add("upgrade", cell, came, made)
    assert came == ("would change" if wanted == GO else f"waiting {wanted}"), done.stdout
    assert made == []


@pytest.mark.soak
@pytest.mark.parametrize("cell", ROLLED_BACK["stack_upgrade"], ids=str)
def test_a_rollback_of_the_stack_is_never_held(new: Site, cell: Cell) -> None:
    with writes(new.cluster) as made:
        done = rollback(new.folder, [new.contract(cell)], "--check")
    new.table.add("rollback_stack", cell, GO if "would change" in line(done, "acme-eu-1") else "held", made)
    assert "would change" in line(done, "acme-eu-1"), done.stdout
    assert made == []


@pytest.mark.soak
@pytest.mark.parametrize("cell", ROLLED_BACK["model_change"], ids=str)
def test_a_rollback_of_a_model_is_never_held(old: Site, cell: Cell) -> None:
    with writes(old.cluster) as made:
        done = play("rollback_model", old.folder, [old.contract(cell)], *ROLLBACK_MODEL, "--check")
    old.table.add("rollback_model", cell, GO if "would change" in line(done, "acme-eu-1") else "held", made)
    assert "would change" in line(done, "acme-eu-1"), done.stdout
    assert made == []


@pytest.mark.soak
def test_rollbacks_are_done_where_nothing_else_may_be(old: Site, new: Site) -> None:
    cell = STRICTEST["stack_upgrade"]
    with writes(new.cluster) as made:
        done = rollback(new.folder, [new.contract(cell)])
    new.table.add("rollback_stack", cell, "done", made)
    assert done.returncode == 0, done.stdout
    assert release_of(new.cluster)["release"] == OLD
    cell = STRICTEST["model_change"]
    with writes(old.cluster) as made:
        done = play("rollback_model", old.folder, [old.contract(cell)], *ROLLBACK_MODEL)
    old.table.add("rollback_model", cell, "done", made)
    assert "done" in line(done, "acme-eu-1", "done"), done.stdout
    assert made
