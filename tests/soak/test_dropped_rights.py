# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every playbook of every identity on a bare cluster; then again, without the rights that no identity used.

What was used is read in the API server's audit log, as a customer reads it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.audit_log.reading import Reading
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.dropped_rights import by_place
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.identities.needs import (
    CONNECTING,
    IDENTITIES,
    held,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.identities.playbooks import PLAYBOOKS
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.identities.uses import needed_by
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.names import account_user
from byoc_testbed import ClusterSpec, Testbed
from tests.beds import h100
from tests.integration.journey import NO_BAKE, NO_REQUESTS, as_admin, hardened, play, wipe, without_approvals
from tests.integration.kubelets import kubelets_for
from tests.integration.remediating import NODE, finding, restore
from tests.integration.upgrades import NEW, NO_SOAK, OLD, QUICK, REQUESTED_BY, publish

MODEL = "llama-3-1-8b"
LONGER = {"context_length": 16384}
_MODELS = (*NO_REQUESTS, *NO_BAKE)
_ONE = ("-e", f"model={MODEL}")
_UPGRADE = ("-e", f"release={NEW}", *REQUESTED_BY, *QUICK, *NO_SOAK)


@dataclass(frozen=True)
class Step:
    """One playbook, by its identity. :param model: what the contract says differently of its model."""

    playbook: str
    options: tuple[str, ...] = ()
    model: dict[str, int] = field(default_factory=dict)


STEPS = (
    Step("onboard", _MODELS),
    Step("rotate_credentials", ("-e", "credentials_dir={folder}/credentials")),
    Step("status"),
    Step("health"),
    Step("models"),
    Step("logs"),
    Step("fleet_report", ("-e", "report_file={folder}/fleet.html")),
    Step("support_bundle", ("-e", f"node={NODE}", "-e", "bundle_dir={folder}/bundles")),
    Step("support_bundle", (*_ONE, "-e", "bundle_dir={folder}/bundles")),
    Step("incident", ("-e", "do=open", "-e", "note=slow")),
    Step("incident", ("-e", "incident=1")),
    Step("explain"),
    Step("capacity"),
    Step("plan_consolidation"),
    Step("plan_cluster_upgrade", ("-e", "kubernetes=1.36")),
    Step("validate", NO_REQUESTS),
    Step("plan_models", model=LONGER),
    Step("deploy_models", _MODELS, LONGER),
    Step("rollback_model", (*_MODELS, *_ONE, "-e", "revision=1"), LONGER),
    Step("retire_model", (*_ONE, "-e", "confirm=retire")),
    Step("deploy_models", _MODELS),
    Step("plan_upgrade", ("-e", "releases={releases}", *_UPGRADE)),
    Step("upgrade", ("-e", "releases={releases}", *_UPGRADE)),
    Step("rollback_stack", ("-e", "releases={releases}", "-e", f"to={OLD}", *QUICK)),
    Step("consolidate"),
    Step("hand_over_nodes"),
    Step("remediate", ("-e", "@{findings}", *REQUESTED_BY)),
    Step("remediate_node", ("-e", "cluster=acme-eu-1", "-e", f"node={NODE}")),
    Step("verify_records"),
)
"""Each playbook of an identity, and of those that change something every way that this cluster has for it."""


class Site:
    """One cluster with an audit log, and the files of its runs."""

    def __init__(self, cluster: Any, folder: Path) -> None:
        self.cluster, self.folder = cluster, folder
        self.releases = publish(folder)

    def contract(
        self, kubeconfig: Any, dropped: list[dict[str, Any]], model: dict[str, int] | None = None
    ) -> dict[str, Any]:
        made = hardened(self.cluster, kubeconfig)
        made["change"] = without_approvals()
        made["health"] = {"observer_may_list": ["pods"]}  # without which no capacity is known
        made["efficiency"] = {"mode": "execute"}
        made["access"] |= {"dropped_rights": dropped} if dropped else {}
        return {**made, "models": [{**each, **(model or {})} for each in made["models"]]}

    def day(self, name: str, dropped: list[dict[str, Any]]) -> dict[str, Reading]:
        """The whole day from nothing, without what is dropped; what each playbook did, by the audit log."""
        folder = self.folder / name
        wipe(self.cluster)
        node = self.cluster.request("GET", f"/api/v1/nodes/{NODE}")
        admin = self.contract(self.cluster.kubeconfig, dropped)
        made = play("presetup", folder, [admin], *as_admin(self.cluster), *kept(folder))
        assert made.returncode == 0, made.stdout
        (folder / "findings.json").write_text(json.dumps({"remediate_findings": [finding()]}))
        did = {playbook: Reading() for playbook in PLAYBOOKS}
        for step in STEPS:
            before = self.cluster.audit_log.stat().st_size
            self._run(step, folder, dropped)
            with self.cluster.audit_log.open("rb") as log:
                log.seek(before)
                for number, line in enumerate(log.read().splitlines()):
                    did[step.playbook].add("audit.log", number, line)
        restore(self.cluster, NODE, node)
        return did

    def unused(self, name: str) -> list[dict[str, str]]:
        """What the customer is told of the log so far."""
        folder = self.folder / name
        given = {
            "audit_log": str(self.cluster.audit_log),
            "unused_rights": True,
            "result_file": f"{folder}/unused.json",
        }
        admin = self.contract(self.cluster.kubeconfig, [])
        done = play("verify_records", folder, [admin], "-e", json.dumps(given), *kept(folder))
        assert done.returncode == 0, done.stdout
        reports = {
            each.get("title"): each.get("rows") for each in json.loads((folder / "unused.json").read_text())["reports"]
        }
        return list(reports["Rights that were never used in this log"])

    def _run(self, step: Step, folder: Path, dropped: list[dict[str, Any]]) -> None:
        token = self.cluster.kubeconfig_for_service_account("fireworks-system", PLAYBOOKS[step.playbook])
        known = {"folder": folder, "releases": self.releases, "findings": folder / "findings.json"}
        options = [option if option.startswith("{") else option.format(**known) for option in step.options]
        contract = self.contract(token, dropped, step.model)
        clusters = "" if step.playbook == "remediate_node" else "byoc"
        with kubelets_for(step.playbook, self.cluster, folder):
            done = play(step.playbook, folder, [contract], *options, *kept(folder), clusters=clusters)
        assert done.returncode == 0, f"{step.playbook}\n{done.stdout}"


def kept(folder: Path) -> tuple[str, str]:
    return ("-e", f"records_dir={folder / 'records'}")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    spec = ClusterSpec("acme", pools=[h100(2, 8, "aws")], load_seconds=1.0, audit=True)
    with Testbed.start([spec]) as bed:
        yield Site(bed["acme"], tmp_path_factory.mktemp("dropped"))


def test_every_playbook_runs_with_exactly_the_rights_of_its_identity_dropped_that_none_needs(site: Site) -> None:
    assert {step.playbook for step in STEPS} == {name for name, who in PLAYBOOKS.items() if who in CONNECTING}
    did = site.day("whole", [])
    assert used_beyond_what_is_told(did, site.contract("", [])) == []

    unused = site.unused("whole")
    # Of the metrics' reader there is no playbook.
    assert [row["identity"] for row in unused if row["right"].startswith("not known")] == ["metrics-reader"]
    dropped = [json.loads(row["drop"]) for row in unused if row["drop"]]
    dropped += [all_of(row) for row in unused if "(for " in row["needed_by"]]  # what this cluster has not
    assert {each["identity"] for each in dropped} == {PLAYBOOKS[step.playbook] for step in STEPS}
    assert sum(len(each["verbs"]) for each in dropped) > 150
    did = site.day("less", dropped)
    used = {user: rights for reading in did.values() for user, rights in reading.used.items()}
    assert site.contract("", dropped)["access"]["dropped_rights"] == dropped and used, "nothing was dropped"


def used_beyond_what_is_told(did: dict[str, Reading], contract: dict[str, Any]) -> list[tuple[str, ...]]:
    """Each right that a playbook used, by the log, and that it does not need, by the table."""
    found = []
    for playbook, reading in did.items():
        for identity in IDENTITIES:
            has = by_place(held(contract, identity))
            for namespace, group, resource, verb in reading.used.get(account_user(identity.name), ()):
                place = (namespace, group, resource)
                mine = PLAYBOOKS[playbook] == identity.name and verb in has.get(place, ())
                if mine and playbook not in needed_by(identity.name, place, verb):
                    found.append((playbook, *place, verb))
    return sorted(found)


def all_of(row: dict[str, str]) -> dict[str, Any]:
    verbs, _space, resource = row["right"].rpartition(" ")
    return {"identity": row["identity"], "resource": resource, "verbs": verbs.split(", "), "namespace": row["where"]}
