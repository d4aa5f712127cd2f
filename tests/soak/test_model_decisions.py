# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a contract says of changes of models holds, by the API server's own log.

As in test_decisions.py, a cell that may go is a dry run, so that the next one finds the cluster as it was; and that it
is done is seen once of each playbook.
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
from tests.integration.decisions import EXPIRED, GO, SRE, Cell, Table, cells, logged_cluster, writes
from tests.integration.governed import bounds_in_force
from tests.integration.journey import NO_BAKE, NO_REQUESTS, agreed, onboard, play

NAME = LLAMA["name"]
KIND = "model_change"
FIRST = Cell(KIND, "not needed", "open", "none")
APPROVED = Cell(KIND, "required", "open", "valid")
OPTIONS = {
    "deploy_models": (*NO_REQUESTS, *NO_BAKE),
    "retire_model": ("-e", f"model={NAME}", "-e", "confirm=retire"),
    "onboard": (*NO_REQUESTS, *NO_BAKE),
}


@dataclass
class Site:
    """A cluster that serves one model, and what came of each cell."""

    cluster: Any
    folder: Path
    table: Table
    digests: dict[str, str] = field(default_factory=dict)

    def contract(self, cell: Cell, **model: Any) -> Contract:
        made = agreed(self.cluster, replicas=1)
        made["models"][0].update(model)
        return {**made, "change": cell.change}

    def run(self, playbook: str, contract: Contract, *options: str) -> tuple[subprocess.CompletedProcess[str], Any]:
        """The run, and its result as data."""
        file = self.folder / "result.json"
        file.unlink(missing_ok=True)
        given = (*OPTIONS[playbook], "-e", f"result_file={file}", *options)
        done = play(playbook, self.folder, [contract], *given)
        return done, json.loads(file.read_text())

    def asked(self, playbook: str, cell: Cell) -> tuple[Contract, tuple[str, ...]]:
        """The contract of a cell in which the model has another revision, and who asks for it with which approvals."""
        contract = bounds_in_force(self.cluster, self.contract(cell, context_length=16384))
        given = cell.approvals(self._digest(playbook, cell, contract), EXPIRED)
        return contract, ("-e", f"requested_by={SRE}", "-e", json.dumps({"approvals": given}))

    def _digest(self, playbook: str, cell: Cell, contract: Contract) -> str:
        """What an approval names, as the dry run of one who has none shows it."""
        key = f"{playbook} {cell.needed} {cell.clock}"
        if key not in self.digests:
            _done, result = self.run(playbook, contract, "-e", f"requested_by={SRE}", "--check")
            [decisions] = [one for one in result["reports"] if one["title"] == "Decisions"]
            self.digests[key] = decisions["rows"][0]["digest"]
        return self.digests[key]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("models")
    with logged_cluster() as cluster:
        made = Site(cluster, folder, Table("decisions-models"))
        done = onboard(folder, made.contract(FIRST))
        assert done.returncode == 0, done.stdout
        yield made


@pytest.mark.parametrize("cell", cells(KIND), ids=str)
@pytest.mark.parametrize("playbook", ["deploy_models", "retire_model"])
def test_a_model_changes_where_it_may_and_nothing_is_written_where_not(site: Site, playbook: str, cell: Cell) -> None:
    wanted = cell.decided()
    contract, asked = site.asked(playbook, cell)
    with writes(site.cluster) as made:
        done, result = site.run(playbook, contract, *asked, *(("--check",) if wanted == GO else ()))
    [outcome] = result["clusters"]
    site.table.add(playbook, cell, f"{outcome['result']} {outcome['code']}", made)
    assert done.returncode == 0, done.stdout
    assert outcome["result"] == ("would_change" if wanted == GO else "waiting"), done.stdout
    assert wanted in (GO, outcome["code"]), done.stdout
    assert made == []


# It takes no approvals: what is approved is done by the playbook that it names.
@pytest.mark.parametrize("cell", [cell for cell in cells(KIND) if cell.given == "none"], ids=str)
@pytest.mark.parametrize("what", ["release", "revision"])
def test_onboarding_moves_nothing_that_is_installed(site: Site, what: str, cell: Cell) -> None:
    contract = site.contract(cell, **({"context_length": 16384} if what == "revision" else {}))
    if what == "release":
        contract["stack"] = {"release": "2026.12.0"}
    with writes(site.cluster) as made:
        done, result = site.run("onboard", contract)
    [outcome] = result["clusters"]
    site.table.add(f"onboard, {what}", cell, f"{outcome['result']} {outcome['code']}", made)
    assert (done.returncode, outcome["result"]) == (2, "refused"), done.stdout
    assert made == []


def test_what_is_approved_is_done(site: Site) -> None:
    for playbook in ("deploy_models", "retire_model"):
        contract, asked = site.asked(playbook, APPROVED)
        with writes(site.cluster) as made:
            done, result = site.run(playbook, contract, *asked)
        [outcome] = result["clusters"]
        site.table.add(playbook, APPROVED, f"{outcome['result']} {outcome['code']}", made)
        assert (done.returncode, outcome["result"]) == (0, "done"), done.stdout
        assert made
        site.digests.clear()  # a digest holds for one move, and what it moves from is another one now
