# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each playbook three times in a row with the same arguments: the second and the third run change nothing.

The first run is one of ansible-runner's: what it hands on is valid by the schema, and the same as the result file.

What is compared is everything of ours in the cluster, its nodes, and the files that a playbook writes on the
controller. Not compared are what a cluster itself keeps up to date (status, versions, managers of fields) and where
the records end, which moves with every operation.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.outcome import fine_results
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.result_schema import SCHEMA
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.table import table
from tests.integration.ansible_runs import ROOT, run_playbook
from tests.integration.faults import EVENTS, report_xid
from tests.integration.journey import LOGS, agreed, command, wipe, without_approvals
from tests.integration.kubelets import kubelets_for
from tests.integration.remediating import restore
from tests.integration.under_runner import run_under_runner
from tests.soak.reruns import BARE, NODE, NOWHERE, ONBOARDED, ROWS, Row

TABLE = ROOT / "build" / "reruns.txt"
VOLATILE = ("resourceVersion", "generation", "managedFields")
#: Kinds that a cluster makes by itself, and remakes at its own pace.
ITS_OWN = ("events", "endpoints", "endpointslices", "componentstatuses")
SETTLE_SECONDS = 60

State = dict[str, str]


class Stage:
    """A cluster, and what is on it now."""

    def __init__(self, cluster: Any, folder: Path) -> None:
        self.cluster = cluster
        self._root = folder
        self._is = BARE
        self.folder = folder
        self.told: list[dict[str, Any]] = []
        self._contract: Any = None

    def set(self, row: Row, number: int) -> None:
        """Bring the cluster to where the row begins. What only reads leaves it as it is for the next row."""
        if row.where == NOWHERE or row.where == self._is:
            return
        wipe(self.cluster)
        self.folder = self._root / str(number)
        self.folder.mkdir()
        if row.where == ONBOARDED:
            self.run(ROWS[[one.playbook for one in ROWS].index("onboard")], 0)
        self._is = row.where

    def run(self, row: Row, status: int, options: tuple[str, ...] | None = None, *, under_runner: bool = False) -> str:
        contract = agreed(self.cluster)
        contract["models"][0] |= row.model or {}
        contract["change"] = without_approvals()
        contract["health"] = {"sources": {"dcgm_exporter": False, "node_problem_detector": False}}
        given = [self._filled(option) for option in options or row.options]
        clusters = "" if row.playbook in ("operation", "verify_release", "new_contract", "remediate_node") else "byoc"
        file = self.folder / "result.json"
        file.unlink(missing_ok=True)
        given += [*self._records(), "-e", f"result_file={file}"]
        arguments = command(row.playbook, self.folder, [contract], *given, clusters=clusters)
        with kubelets_for(row.playbook, self.cluster, self.folder):
            if under_runner:
                done, artifacts = run_under_runner(self.folder / "runner" / row.playbook, *arguments)
            else:
                done, artifacts = run_playbook(*arguments), {}
        assert done.returncode == status, done.stdout
        assert "[WARNING]" not in done.stdout and "Traceback" not in done.stdout, done.stdout
        result = json.loads(file.read_text())
        jsonschema.Draft202012Validator(SCHEMA).validate(result)
        assert (result["playbook"], result["check_mode"]) == (row.playbook, False)
        assert (result["result"] in fine_results()) is (status == 0), result
        assert not under_runner or artifacts == {"byoc_result": result}
        return str(done.stdout)

    def prepare(self, row: Row) -> tuple[str, ...]:
        """What has to be before the first run; the options of all runs."""
        for playbook, options in row.before:
            self.run(Row(playbook, row.where, options, model=row.model), 0)
        if row.sick:
            report_xid(self.cluster, NODE)
        return tuple(self._filled(option) for option in row.options)

    def left(self, row: Row) -> None:
        if row.changes:
            self._is = ""

    def _records(self) -> tuple[str, str]:
        return ("-e", f"records_dir={self.folder / 'records'}")

    def _filled(self, option: str) -> str:
        """An option with what is there now. JSON has braces of its own."""
        setup = self.folder / "setup.kubeconfig"
        now = {"kubeconfig": self.cluster.kubeconfig, "folder": self.folder}
        for name, value in now.items():
            option = option.replace(f"{{{name}}}", str(value))
        if "{grant}" in option:  # its name has the minute of its end in it
            option = option.replace("{grant}", yaml.safe_load(setup.read_text())["users"][0]["name"])
        return option

    def state(self) -> State:
        """Everything that is compared, by kind and name, once it no longer moves."""
        paths = listable(self.cluster)
        deadline, before = time.monotonic() + SETTLE_SECONDS, self._seen(paths)
        while True:
            time.sleep(1)
            now = self._seen(paths)
            if now == before:
                return now
            assert time.monotonic() < deadline, f"still moving: {differences(before, now)}"
            before = now

    def _seen(self, paths: list[str]) -> State:
        found = {}
        for path in paths:
            for item in self.cluster.request("GET", path)["items"]:
                metadata = item["metadata"]
                place = f"{metadata.get('namespace', '')}/{metadata['name']}"
                if compared(path, metadata):
                    kept = {key: value for key, value in item.items() if key != "status"}
                    kept["metadata"] = {key: value for key, value in metadata.items() if key not in VOLATILE}
                    found[f"{kind_of(path)} {place}"] = json.dumps(kept, sort_keys=True)
        for path in sorted(self.folder.rglob("*")):
            name = path.relative_to(self.folder).as_posix()
            if path.is_file() and name.split("/")[0] in ("credentials", "operator.kubeconfig", "setup.kubeconfig"):
                found[f"file {name}"] = hashlib.sha256(path.read_bytes()).hexdigest()
        return found


def listable(cluster: Any) -> list[str]:
    """The collections of every kind that the cluster serves, in the version that it prefers."""
    groups = {"/api/v1": "/api/v1"}
    for group in cluster.request("GET", "/apis")["groups"]:
        groups[f"/apis/{group['preferredVersion']['groupVersion']}"] = group["name"]
    return [
        f"{api}/{each['name']}"
        for api in groups
        for each in cluster.request("GET", api)["resources"]
        if "list" in each["verbs"] and "delete" in each["verbs"] and each["name"] not in ITS_OWN
    ]


def kind_of(path: str) -> str:
    plural = path.rpartition("/")[2]
    return {"serviceaccounts": "ServiceAccount", "nodes": "Node"}.get(plural, plural)


def compared(path: str, metadata: dict[str, Any]) -> bool:
    ours = (metadata.get("labels") or {}).get("app.kubernetes.io/managed-by") == "fireworks-byoc"
    here = str(metadata.get("namespace", "")).startswith("fireworks-") or metadata["name"].startswith("fireworks-")
    return (ours or here or path == "/api/v1/nodes") and metadata["name"] not in LOGS


def differences(before: State, after: State) -> list[str]:
    changed = [name for name in before.keys() & after.keys() if before[name] != after[name]]
    return sorted(
        [
            *(f"changed {name}" for name in changed),
            *(f"created {name}" for name in after.keys() - before.keys()),
            *(f"deleted {name}" for name in before.keys() - after.keys()),
        ]
    )


@pytest.fixture(scope="module")
def stage(bed: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    cluster = bed["acme"]
    wipe(cluster)
    made = Stage(cluster, tmp_path_factory.mktemp("reruns"))
    yield made
    wipe(cluster)
    text = table(made.told, ["playbook", "run_1", "run_2", "run_3", "ends", "why"])
    TABLE.parent.mkdir(exist_ok=True)
    TABLE.write_text(text + "\n")
    print(f"\n{text}")


@pytest.fixture
def nodes(bed: Any) -> Iterator[None]:
    """The nodes as they were, afterwards."""
    cluster = bed["acme"]
    kept = cluster.request("GET", "/api/v1/nodes")["items"]
    yield
    for node in kept:
        restore(cluster, node["metadata"]["name"], node)
    cluster.request("DELETE", f"{EVENTS}?fieldSelector=involvedObject.kind%3DNode")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.playbook)
@pytest.mark.usefixtures("nodes")
def test_a_second_and_a_third_run_change_nothing(stage: Stage, row: Row) -> None:
    stage.set(row, ROWS.index(row))
    options = stage.prepare(row)
    states, runs = [stage.state()], []
    for number, status in enumerate(row.ends):
        runs.append(stage.run(row, status, options, under_runner=number == 0))
        states.append(stage.state())
    stage.left(row)
    first, *again = [differences(*pair) for pair in pairwise(states)]
    told = {f"run_{number}": len(found) or "-" for number, found in enumerate([first, *again], start=1)}
    stage.told.append({"playbook": row.playbook, **told, "ends": " ".join(map(str, row.ends)), "why": row.why})
    assert bool(first) is row.changes, first or runs[0]
    for number, found in enumerate(again, start=2):
        surprising = [each for each in found if each.split()[1] not in row.may]
        assert not surprising, f"run {number} changed {surprising}\n{runs[number - 1]}"
        assert bool(found) is bool(row.may), f"run {number} changed nothing: the table says otherwise"
