# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs of AWX by ansible-runner: what they are given, what they hand on, what outlives their pod, and no secret."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.tokens import read_claims
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.result_schema import SCHEMA
from tests.integration.awx_jobs import Awx, Job, api, workflow
from tests.integration.journey import agreed, as_admin, bare, play
from tests.tools.environments import SetupError, events

TOKEN = "a-token-of-the-controller-that-nobody-may-see"
BOB = {"id": 7, "username": "bob", "email": "cloud@acme.example"}
VARIABLE = "BYOC_KUBECONFIG"


@pytest.fixture(scope="module", autouse=True)
def runner() -> None:
    try:
        events().ensure()
    except SetupError as error:
        pytest.skip(f"ansible-runner cannot be installed here: {error}")


def contract_by_variable(cluster: Any, **more: Any) -> dict[str, Any]:
    made = agreed(cluster, **more)
    made["access"] |= {"credential": {"kubeconfig_env": VARIABLE}, "context": "acme-eu-1"}
    return made


def credential(cluster: Any) -> dict[str, str]:
    """As one kubeconfig of many clusters would be: each context by the name that its contract has for it."""
    config = yaml.safe_load(Path(cluster.kubeconfig).read_text())
    [context] = config["contexts"]
    return {VARIABLE: yaml.safe_dump({**config, "contexts": [{**context, "name": "acme-eu-1"}], "current-context": ""})}


def secrets(cluster: Any) -> list[str]:
    """What is secret in a testbed's kubeconfig."""
    users = yaml.safe_load(Path(cluster.kubeconfig).read_text())["users"]
    found = [str(each["user"][key]) for each in users for key in ("token", "client-key-data") if key in each["user"]]
    assert found and all(len(each) > 20 for each in found)
    return [*found, TOKEN]


def require_silence(job: Job, cluster: Any) -> None:
    assert len(job.told) > 1000
    assert [each for each in secrets(cluster) if each in job.told] == []


def test_what_awx_keeps_of_contracts_is_no_secret_and_no_template(bed: Any, tmp_path: Path) -> None:
    """Its database has what the plugin read; what is fetched by a lookup is fetched by each job."""
    contract = agreed(bed["acme"])
    contract["contacts"]["support"]["name"] = "{{ 7 * 7 }} on call"
    contract["access"]["credential"] = {
        "lookup": {"plugin": "ansible.builtin.env", "terms": ["CANARY"], "gives": "token"}
    }
    contract["access"] |= {"server": "https://127.0.0.1:1", "ca_cert": bed["acme"].ca_file.read_text()}
    awx = Awx(tmp_path, [], CANARY=TOKEN)
    source = yaml.safe_load(awx._source.read_text())
    roots = {"contracts": ["acme-*.yml"], "servers": ["https://127.0.0.1:1"],
             "lookups": [{"plugin": "ansible.builtin.env", "terms": ["CANARY"]}]}  # fmt: skip
    awx._source.write_text(yaml.safe_dump({**source, "credential_roots": {"acme": roots}}))
    (awx._source.parent / "clusters" / "acme-eu-1.yml").write_text(yaml.safe_dump(contract))
    awx.inventory = awx._update()
    assert TOKEN not in json.dumps(awx.inventory)
    text = "{{ contract.contacts.support.name }} and {{ byoc_connection.token | length }}"
    play = [{"hosts": "byoc", "gather_facts": False, "tasks": [{"ansible.builtin.debug": {"msg": text}}]}]
    (awx.folder / "project" / "playbooks" / "show.yml").write_text(yaml.safe_dump(play))
    job = awx.job("show")
    assert f"{{{{ 7 * 7 }}}} on call and {len(TOKEN)}" in job.done.stdout and TOKEN not in job.told


def test_a_job_says_in_plain_lines_and_in_its_artifact_what_came_of_it(bed: Any, tmp_path: Path) -> None:
    cluster = bed["acme"]
    awx = Awx(tmp_path, [contract_by_variable(cluster)], **credential(cluster))
    environment = {"ANSIBLE_STDOUT_CALLBACK": "fireworks.byoc.fleet_progress"}
    job = awx.job("plan_models", environment=environment, clusters="byoc")
    assert job.done.returncode == 0, job.done.stdout
    jsonschema.Draft202012Validator(SCHEMA).validate(job.result)
    assert (job.result["playbook"], job.result["run"]) == ("plan_models", "7")
    assert [each["cluster"] for each in job.result["clusters"]] == ["acme-eu-1"]
    assert "\x1b[" not in job.done.stdout.replace("\x1b[0m", "") and not re.search(r"\r(?!\n)", job.done.stdout)
    require_silence(job, cluster)


@pytest.mark.soak(sample=1)
@pytest.mark.parametrize(
    ("by", "token", "given", "said"),
    [
        (BOB, TOKEN, True, ""),
        (
            {"id": 3, "username": "alice", "email": "alice@fireworks.example"},
            TOKEN,
            False,
            "alice started the workflow",
        ),
        (BOB, "another", False, "AWX answered with the status 401"),
    ],
)
def test_the_answer_of_an_approval_node_is_handed_on_as_the_approvals_of_its_plan(
    bed: Any, tmp_path: Path, by: dict[str, Any], token: str, given: bool, said: str
) -> None:
    awx = Awx(tmp_path, [])
    plan = {"playbook": "plan_models", "reports": [{"title": "Decisions", "rows": [{"digest": "0f3b1c2d4e5f"}]}]}
    with api(workflow(by), TOKEN) as controller:
        reading = {"CONTROLLER_HOST": controller.url, "CONTROLLER_OAUTH_TOKEN": token, "CONTROLLER_VERIFY_SSL": "True"}
        job = awx.job("read_approval", environment=reading, byoc_result=plan)
    approval = {"by": "cloud@acme.example", "digest": "0f3b1c2d4e5f", "given_at": "2026-11-28T09:00:00.123456Z"}
    assert job.artifacts == ({"approvals": [approval]} if given else {}), job.done.stdout
    assert (job.done.returncode == 0) is given and said in job.done.stdout
    require_silence(job, bed["acme"])


@pytest.mark.soak(sample=0)
def test_a_plan_is_approved_by_a_node_and_carried_out_and_its_records_outlive_the_pods(
    bed: Any, tmp_path: Path
) -> None:
    cluster = bed["acme"]
    contract = contract_by_variable(cluster)
    policy = {"stack_upgrade": "required", "model_change": "none", "sources": ["cluster", "awx"]}
    contract |= {"change": {"approvals": policy}, "stack": {"release": "2026.11.0"}}
    with bare(cluster, tmp_path):
        awx = Awx(tmp_path, [contract], **credential(cluster))
        quick = {"stack_bake": 1, "stack_wait_timeout": 20, "stack_deadline": 60, "validate_http_request": False}
        jobs = [awx.job("onboard", clusters="byoc", model_bake=0, validate_http_request=False)]
        asked = {"clusters": "byoc", "release": "2026.12.0", "policy": '{"soak": 0}'}
        jobs.append(awx.job("plan_upgrade", **asked))
        plan = jobs[-1].artifacts
        jobs.append(awx.job("upgrade", **asked, **quick, **plan))
        assert [each["code"] for each in jobs[-1].result["clusters"]] == ["approval"], jobs[-1].done.stdout
        with api(workflow(BOB, finished=datetime.now(UTC).isoformat()), TOKEN) as controller:
            reading = {"CONTROLLER_HOST": controller.url, "CONTROLLER_OAUTH_TOKEN": TOKEN}
            jobs.append(awx.job("read_approval", environment=reading, **plan))
        jobs.append(awx.job("upgrade", **asked, **quick, **plan, **jobs[-1].artifacts))
        assert [each["code"] for each in jobs[-1].result["clusters"]] == ["go"], jobs[-1].done.stdout
        jobs.append(awx.job("verify_records", clusters="byoc"))
        for job in jobs:
            assert job.done.returncode == 0, job.done.stdout
            require_silence(job, cluster)
        assert jobs[-1].result["result"] == "passed", jobs[-1].done.stdout
        lines = [json.loads(line) for line in (awx.claim / "records" / "acme-eu-1.jsonl").read_text().splitlines()]
        [upgraded] = [each for each in lines if each["operation"] == "upgrade"]
        assert upgraded["by"].partition("@")[0] == "alice"
        assert "approved by cloud@acme.example (awx)" in json.dumps(upgraded)


@pytest.mark.soak(sample=0)
def test_credentials_are_renewed_on_the_claim_and_given_to_the_jobs_that_follow(bed: Any, tmp_path: Path) -> None:
    cluster = bed["acme"]
    identities = ("operator", "observer", "deployer", "upgrader", "node-medic")
    with bare(cluster, tmp_path):
        play("presetup", tmp_path / "by-hand", [agreed(cluster)], *as_admin(cluster))
        awx = Awx(tmp_path, [contract_by_variable(cluster)], **credential(cluster))
        where = {"clusters": "byoc", "credentials_dir": str(awx.claim / "credentials")}
        schedule = {"schedule_id": 1, "schedule_name": "byoc credentials hourly"}
        keep = {"kept_identities": list(identities)}
        jobs = [awx.job("rotate_credentials", starter=schedule, **where)]
        answers = {"/api/v2/credentials/": {"results": [{"id": 1}]}, "/api/v2/credentials/1/": {}}
        with api(answers, TOKEN) as controller:
            keeping = {"CONTROLLER_HOST": controller.url, "CONTROLLER_OAUTH_TOKEN": TOKEN}
            jobs.append(awx.job("keep_credentials", environment=keeping, **where, **keep, **jobs[-1].artifacts))
            kept = [body["inputs"]["kubeconfig"] for _path, body in controller.posted]
            (awx.claim / "credentials" / "acme-eu-1-operator.kubeconfig").unlink()
            lost = awx.job("keep_credentials", environment=keeping, **where, **keep)
            assert lost.done.returncode == 2 and "the operator's credential for acme-eu-1" in lost.done.stdout
            assert len(controller.posted) == len(kept) == len({*kept}) == len(identities)
        users = [yaml.safe_load(text)["users"][0]["user"]["token"] for text in kept]
        by_identity = {read_claims(token).account: text for token, text in zip(users, kept, strict=True)}
        assert set(by_identity) == set(identities)
        observing = {VARIABLE: by_identity["observer"]}
        jobs.append(awx.job("status", environment=observing))
        jobs.append(awx.job("capacity", wanted="llama-3-1-8b: 0.4"))
        assert [each["result"] for each in jobs[-2].result["clusters"]] == ["passed"], jobs[-2].done.stdout
        for job in jobs:
            assert job.done.returncode == 0, job.done.stdout
            require_silence(job, cluster)
            assert [token for token in users if token in job.told] == []
        lines = [json.loads(line) for line in (awx.claim / "records" / "acme-eu-1.jsonl").read_text().splitlines()]
        assert [each["by"].partition("@")[0] for each in lines] == ["schedule:byoc-credentials-hourly"]
