# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A day on a real API server, held against its audit log by the customer: fireworks.byoc.verify_records.

The clean day has no call outside the contract. Then somebody uses the tokens of our identities in sixteen ways.
"""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._vocabulary.user_agent import run_in, user_agent
from byoc_testbed import ClusterSpec, Testbed
from byoc_testbed.api import MERGE, Api
from byoc_testbed.errors import ApiError
from tests.beds import h100
from tests.integration.guarded import ADMISSION, MODELS, RBAC, SYSTEM, refusal, until
from tests.integration.journey import NO_REQUESTS, as_admin, ending, hardened, onboard, play
from tests.integration.plays import token_in
from tests.integration.remediating import finding
from tests.integration.upgrades import REQUESTED_BY

NAME = "acme-eu-1"
LLAMA = f"/apis/apps/v1{MODELS}/deployments/llama-3-1-8b"
OBSERVER = "system:serviceaccount:fireworks-system:observer"
NOTE = {"metadata": {"annotations": {"byoc.fireworks.ai/note": "x"}}}


@dataclass(frozen=True)
class Day:
    """What was done on one cluster: its records, and its log."""

    cluster: Any
    folder: Path
    contract: dict[str, Any]

    def lines(self) -> list[bytes]:
        return list(self.cluster.audit_log.read_bytes().splitlines(keepends=True))

    def records(self) -> list[dict[str, Any]]:
        return [json.loads(each) for each in (self.folder / "records" / f"{NAME}.jsonl").read_text().splitlines()]

    def run(self, operation: str) -> dict[str, Any]:
        return next(each for each in self.records() if each["operation"] == operation)

    def verify(self, folder: Path, *logs: Path, records: Path | None = None) -> Any:
        """As a customer does it, who has the contract and the files, and no way to the cluster."""
        away = self.cluster.kubeconfig_with(folder / "away.kubeconfig", server="https://127.0.0.1:1")
        contract = {
            **self.contract,
            "access": {**self.contract["access"], "credential": {"kubeconfig_file": str(away)}},
        }
        given = {"audit_log": [str(each) for each in logs], "records_dir": str(records or self.folder / "records")}
        result = folder / "verified.json"
        done = play("verify_records", folder, [contract], "-e", json.dumps(given), "-e", f"result_file={result}")
        return done, json.loads(result.read_text())

    def identity(self, name: str) -> Api:
        path = self.cluster.kubeconfig_for_service_account("fireworks-system", name)
        return Api(self.cluster.server, self.cluster.ca_file, token_in(path))


def rows(result: dict[str, Any], title: str) -> list[dict[str, Any]]:
    return next((each["rows"] for each in result["reports"] if each.get("title") == title), [])


def pods(cluster: Any) -> list[str]:
    return [each["metadata"]["name"] for each in cluster.request("GET", f"/api/v1{MODELS}/pods")["items"]]


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    """Prerequisites, onboarding, new credentials, a sick node, and a deployment, each by its identity."""
    folder = tmp_path_factory.mktemp("day")
    spec = ClusterSpec("acme", pools=[h100(2, 8, "aws")], load_seconds=1.0, audit=True)
    with Testbed.start([spec]) as bed:
        cluster = bed["acme"]
        kept = ("-e", f"records_dir={folder / 'records'}")
        made = play("presetup", folder, [hardened(cluster)], *as_admin(cluster), *kept)
        assert made.returncode == 0, made.stdout

        def by(identity: str) -> dict[str, Any]:
            made = hardened(cluster, cluster.kubeconfig_for_service_account("fireworks-system", identity))
            return {**made, "models": [dict(each) for each in made["models"]]}

        assert onboard(folder, by("operator"), options=kept).returncode == 0
        rotated = play("rotate_credentials", folder, [by("operator")], *kept, "-e", f"credentials_dir={folder}")
        assert rotated.returncode == 0, rotated.stdout
        (folder / "findings.json").write_text(json.dumps({"remediate_findings": [finding()]}))
        play("remediate", folder, [by("node-medic")], *kept, *REQUESTED_BY, "-e", f"@{folder / 'findings.json'}")
        cluster.request("DELETE", f"/api/v1{MODELS}/pods/{pods(cluster)[0]}")  # which a controller replaces
        contract = by("deployer")
        contract["models"][0]["context_length"] = 16384
        bake = ("-e", "model_bake=0")
        assert play("deploy_models", folder, [contract], *kept, *NO_REQUESTS, *bake).returncode == 0
        yield Day(cluster, folder, contract)


@pytest.mark.soak
def test_the_run_is_in_each_request_and_in_the_record(day: Day) -> None:
    named = {run_in(json.loads(each).get("userAgent", "")) for each in day.lines() if b'"fireworks-byoc' in each}
    assert named == {each["run"] for each in day.records()}
    before = day.cluster.audit_log.stat().st_size
    file = day.folder / "status.json"
    done = play("status", day.folder, [day.contract], "-e", f"result_file={file}", clusters="")
    assert done.returncode == 0, done.stdout
    swept = [each for each in day.cluster.audit_log.read_bytes()[before:].splitlines() if b'"fireworks-byoc' in each]
    assert {run_in(json.loads(each)["userAgent"]) for each in swept} == {json.loads(file.read_text())["run"]}


@pytest.mark.soak
def test_a_clean_day_has_no_call_outside_the_contract_in_parts_and_compressed(day: Day, tmp_path: Path) -> None:
    lines = day.lines()
    old, new = tmp_path / "audit-old.log.gz", tmp_path / "audit.log"
    old.write_bytes(gzip.compress(b"".join(lines[: len(lines) // 2])))
    new.write_bytes(b"".join(lines[len(lines) // 2 :]))
    before = day.cluster.audit_log.stat().st_size
    done, result = day.verify(tmp_path, new, old)
    assert done.returncode == 0, done.stdout
    assert f"{NAME}: no call outside the contract" in done.stdout
    assert (rows(result, "Calls outside the contract"), rows(result, "Recorded, and not in the log")) == ([], [])
    [told] = rows(result, "Audit log")
    assert int(told["writes"]) > 10
    allowed = {(each["identity"], each["operation"]) for each in rows(result, "What allowed our writes")}
    assert allowed == {
        ("operator", "onboard"), ("operator", "rotate_credentials"), ("node-medic", "remediate"),
        ("deployer", "deploy_models"),
    }  # fmt: skip
    ours = [each for each in day.cluster.audit_log.read_bytes()[before:].splitlines() if b"fireworks-byoc" in each]
    assert ours == [], "the cluster was asked"
    given = ("-e", f"audit_log={new}", "-e", "unused_rights=true", "-e", f"records_dir={day.folder / 'records'}")
    unused = play("verify_records", tmp_path, [day.contract], "--check", *given)
    assert "watch endpointslices.discovery.k8s.io" in unused.stdout, unused.stdout
    assert "the log does not cover it" in " ".join(unused.stdout.split())


def planted(day: Day) -> dict[str, Callable[[], Any]]:
    """Sixteen calls by the tokens of our identities, by what has to be said of each."""
    deployed, onboarded = day.run("deploy_models")["run"], day.run("onboard")["run"]
    deployer, operator, medic = (day.identity(name) for name in ("deployer", "operator", "node-medic"))
    lock = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "operation-lock"}}

    def say(run: str) -> dict[str, str]:
        return {"User-Agent": user_agent(run)}

    def put(who: Api, path: str, run: str, body: Any = NOTE) -> Callable[[], Any]:
        return lambda: who.request("PATCH", path, body, MERGE, say(run))

    def make(who: Api, path: str, run: str, body: Any) -> Callable[[], Any]:
        return lambda: who.request("POST", path, body, "", say(run))

    def named(name: str) -> dict[str, Any]:
        return {"metadata": {"name": name}}

    maps, tokens = f"/api/v1{SYSTEM}/configmaps", f"/api/v1{SYSTEM}/serviceaccounts/observer/token"
    leases = f"/apis/coordination.k8s.io/v1{SYSTEM}/leases"
    return {
        "it names no run of ours (curl)": lambda: deployer.request(
            "PATCH", LLAMA, NOTE, MERGE, {"User-Agent": "curl/8"}
        ),
        "it names no run of ours (none known)": put(deployer, LLAMA, ""),
        "it names no run of ours (the lock)": make(deployer, leases, "", lock),
        "there is no record of run ffffffff": put(deployer, LLAMA, "ffffffff"),
        f"the record of run {deployed} does not have this object": make(deployer, maps, deployed, named("planted")),
        f"run {deployed} used another identity, deployer": put(operator, LLAMA, deployed),
        f"run {deployed} is deployer's, by its record": make(medic, maps, deployed, named("planted-2")),
        f"run {deployed} used another identity, deployer (a token)": make(
            operator, tokens, deployed, {"spec": {"expirationSeconds": 600}}
        ),
        "no clause of the contract lets deployer create secrets": make(
            deployer, "/api/v1/namespaces/default/secrets", deployed, named("planted")
        ),
        f"it acts as {OBSERVER}": lambda: deployer.request(
            "GET", "/api/v1/nodes", None, "", {**say(deployed), "Impersonate-User": OBSERVER}
        ),
        "it names no run of ours (a token by a dry run)": lambda: operator.request(
            "POST", f"{tokens}?dryRun=All", {"spec": {"expirationSeconds": 600}}, "", {"User-Agent": "curl/8"}
        ),
        "no clause of the contract lets deployer list secrets": lambda: deployer.request(
            "GET", "/api/v1/namespaces/default/secrets", None, "", say(deployed)
        ),
        "no clause of the contract lets deployer create pods/exec": lambda: entered(
            deployer, f"/api/v1{MODELS}/pods/{pods(day.cluster)[0]}/exec?command=id"
        ),
        f"the record of run {deployed} does not have this object (the head)": lambda: deployer.request(
            "DELETE", f"{maps}/operation-records", None, "", say(deployed)
        ),
        f"by the record of run {deployed} this object was": lambda: deployer.request(
            "DELETE", LLAMA, None, "", say(deployed)
        ),
        f"run {onboarded} was from": put(operator, f"/apis/apps/v1{SYSTEM}/deployments/router", onboarded),
    }


def entered(who: Api, path: str) -> None:
    """Ask for a command in a container of a node that is none: the API server cannot reach it, and says 5xx."""
    with suppress(ApiError):
        who.request("POST", path, None, "", {"User-Agent": "curl/8", "Connection": "Upgrade", "Upgrade": "SPDY/3.1"})


def unguarded(day: Day) -> str:
    """Somebody has widened what the deployer may do, and lifted what guards the cluster.

    :return: what has to be said of the one question, a dry run, by which it is known that both are so.
    """
    for each in day.cluster.request("GET", f"{ADMISSION}/validatingadmissionpolicybindings")["items"]:
        day.cluster.request("DELETE", f"{ADMISSION}/validatingadmissionpolicybindings/{each['metadata']['name']}")
    account = {"kind": "ServiceAccount", "name": "deployer", "namespace": "fireworks-system"}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    body = {"metadata": {"name": "widened"}, "roleRef": role, "subjects": [account]}
    day.cluster.request("POST", f"{RBAC}/clusterrolebindings", body)
    secret = ("POST", "/api/v1/namespaces/default/secrets", {"metadata": {"name": "tried"}})
    until(lambda: not refusal(day.identity("deployer"), *secret), "still guarded")
    return "no clause of the contract lets deployer create secrets (a dry run)"


@pytest.mark.soak
def test_each_planted_call_is_named_and_no_other(day: Day, tmp_path: Path) -> None:
    asked, calls = unguarded(day), planted(day)
    late = datetime.fromisoformat(day.run("onboard")["ended"]).timestamp() + 62
    for why, call in calls.items():
        if why.startswith(f"run {day.run('onboard')['run']} was"):
            time.sleep(max(0.0, late - time.time()))
        call()
    done, result = day.verify(tmp_path, day.cluster.audit_log)
    assert done.returncode == 2, done.stdout
    assert "no call outside the contract" not in done.stdout
    found = rows(result, "Calls outside the contract")
    in_order = sorted(found, key=lambda row: int(row["line"].split()[1]))
    assert len(calls) == 16
    said = [(why.partition(" (")[0], row["why"]) for why, row in zip((asked, *calls), in_order, strict=True)]
    assert [pair for pair in said if not pair[1].startswith(pair[0])] == []
    for row in in_order:
        event = json.loads(day.lines()[int(row["line"].split()[1]) - 1])
        assert (event["user"]["username"], event["verb"]) == (row["user"], row["verb"])
    assert "17 calls in the audit log are outside the contract" in " ".join(done.stdout.split())
    assert "Action required by: customer" in " ".join(ending(done).split())


@pytest.mark.soak
def test_records_that_do_not_hold_are_compared_with_nothing(day: Day, tmp_path: Path) -> None:
    text = (day.folder / "records" / f"{NAME}.jsonl").read_text()
    (tmp_path / f"{NAME}.jsonl").write_text(text.replace('"result":"done"', '"result":"nope"', 1))
    done, result = day.verify(tmp_path, day.cluster.audit_log, records=tmp_path)
    assert done.returncode == 2
    assert "was changed: its content has another hash" in " ".join(done.stdout.split())
    assert rows(result, "Audit log") == []


@pytest.mark.soak
def test_a_line_of_records_that_was_cut_off_is_missed_by_the_log(day: Day, tmp_path: Path) -> None:
    lines = (day.folder / "records" / f"{NAME}.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / f"{NAME}.jsonl").write_text("".join(lines[:-1]))
    run = day.run("deploy_models")["run"]
    _done, result = day.verify(tmp_path, day.cluster.audit_log, records=tmp_path)
    whys = [row["why"] for row in rows(result, "Calls outside the contract")]
    assert whys.count(f"there is no record of run {run}") > 1


@pytest.mark.soak
def test_a_log_that_is_not_whole_is_refused_or_named(day: Day, tmp_path: Path) -> None:
    whole = day.cluster.audit_log.read_bytes()
    cut, short = tmp_path / "cut.log.gz", tmp_path / "short.log"
    cut.write_bytes(gzip.compress(whole)[:-20])
    done, _result = day.verify(tmp_path, cut)
    assert done.returncode == 2
    assert "cannot read the audit log" in " ".join(done.stdout.split())
    short.write_bytes(whole[:-20])
    done, result = day.verify(tmp_path, short)
    number = whole.count(b"\n")
    assert f"line {number} of {short} is no event of an audit log" in str(result)
