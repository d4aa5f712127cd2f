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

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.result_schema import SCHEMA
from tests.integration.awx_jobs import Awx, Job, api, workflow
from tests.integration.journey import agreed, bare
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
    made["access"]["credential"] = {"kubeconfig_env": VARIABLE}
    return made


def credential(cluster: Any) -> dict[str, str]:
    return {VARIABLE: Path(cluster.kubeconfig).read_text()}


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


def rotated(awx: Awx, cluster: Any) -> list[Job]:
    """Credentials are renewed on the claim, and given to the credentials of jobs: which works, and no event has any."""
    where = {"clusters": "byoc", "credentials_dir": str(awx.claim / "credentials")}
    first = awx.job("rotate_credentials", **where)
    names = ("operator", "observer", "deployer", "upgrader", "node-medic")
    known = {f"/api/v2/credentials/{number}/": {} for number, _name in enumerate(names)}
    with api({**known, "/api/v2/credentials/": {"results": [{"id": 1}]}}, TOKEN) as controller:
        keeping = {"CONTROLLER_HOST": controller.url, "CONTROLLER_OAUTH_TOKEN": TOKEN}
        second = awx.job("keep_credentials", environment=keeping, **where, byoc_result=first.result)
    kept = [body["inputs"]["kubeconfig"] for path, body in controller.posted if path == "/api/v2/credentials/1/"]
    assert len(kept) == len(names) and len({*kept}) == len(names)
    tokens = [yaml.safe_load(text)["users"][0]["user"]["token"] for text in kept]
    assert [each for each in tokens for job in (first, second) if each in job.told] == []
    status = awx.job("status", environment={VARIABLE: kept[0]})
    assert [each["result"] for each in status.result["clusters"]] == ["passed"], status.done.stdout
    return [first, second, status]


@pytest.mark.soak(sample=0)
def test_a_fleets_days_in_awx(bed: Any, tmp_path: Path) -> None:
    """Onboarded, planned, approved by a node, upgraded, checked: each by a job, and its records outlive the pods."""
    cluster = bed["acme"]
    contract = contract_by_variable(cluster)
    contract["change"] = {
        "approvals": {"stack_upgrade": "required", "model_change": "none", "sources": ["cluster", "awx"]}
    }
    contract["stack"] = {"release": "2026.11.0"}
    with bare(cluster, tmp_path):
        awx = Awx(tmp_path, [contract], **credential(cluster))
        quick = {"stack_bake": 1, "stack_wait_timeout": 20, "stack_deadline": 60, "validate_http_request": False}
        jobs = [awx.job("onboard", clusters="byoc", model_bake=0, validate_http_request=False)]
        asked = {"clusters": "byoc", "release": "2026.12.0", "policy": '{"soak": 0}'}
        jobs.append(awx.job("plan_upgrade", **asked))
        plan = jobs[-1].artifacts
        refused = awx.job("upgrade", **asked, **quick, **plan)
        assert [each["code"] for each in refused.result["clusters"]] == ["approval"], refused.done.stdout
        now = datetime.now(UTC).isoformat()
        with api(workflow(BOB, finished=now), TOKEN) as controller:
            reading = {"CONTROLLER_HOST": controller.url, "CONTROLLER_OAUTH_TOKEN": TOKEN}
            jobs.append(awx.job("read_approval", environment=reading, **plan))
        jobs.append(awx.job("upgrade", **asked, **quick, **plan, **jobs[-1].artifacts))
        assert [each["code"] for each in jobs[-1].result["clusters"]] == ["go"], jobs[-1].done.stdout
        jobs += [awx.job(name) for name in ("status", "health", "models", "plan_models", "capacity", "explain")]
        jobs += rotated(awx, cluster)
        schedule = {"schedule_id": 1, "schedule_name": "byoc remediate every 15 minutes"}
        jobs.append(awx.job("remediate", starter=schedule, clusters="byoc"))
        jobs.append(awx.job("verify_records", clusters="byoc"))
        for job in jobs:
            assert job.done.returncode == 0, job.done.stdout
            require_silence(job, cluster)
        lines = [json.loads(line) for line in (awx.claim / "records" / "acme-eu-1.jsonl").read_text().splitlines()]
        who = {each["operation"]: each["by"].partition("@")[0] for each in lines}
        assert who["upgrade"] == "alice", who
        [upgraded] = [each for each in lines if each["operation"] == "upgrade"]
        assert "approved by cloud@acme.example (awx)" in json.dumps(upgraded)
        assert jobs[-1].result["result"] == "passed", jobs[-1].done.stdout
