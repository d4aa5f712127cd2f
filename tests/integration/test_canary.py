# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A repaired node is tried by a canary on a real kubelet: one that fails keeps it out, one that passes returns it."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from byoc_testbed import Testbed
from tests.beds import H100, h100
from tests.integration.ansible_runs import ROOT
from tests.integration.journey import agreed, play
from tests.integration.plays import connection_to, run_tasks
from tests.integration.remediating import ALLOWED, MODULE, PODS, TAINT, finding, node, said
from tests.integration.serving import ON_REAL_NODES, serving_cluster

pytestmark = [pytest.mark.slow, pytest.mark.soak, ON_REAL_NODES]

GPUS = 4
LOST = "0.11.2"
"""The version of the engine in whose image ``nvidia-smi`` finds one GPU less."""
_RELEASE = ROOT / "roles" / "stack" / "files" / "releases" / "2026.11.0" / "release.yml"


def image(version: str) -> str:
    engine = yaml.safe_load(_RELEASE.read_text(encoding="utf-8"))["engines"]["vllm"][version]
    return f"registry.acme.example/fireworks/{engine['name']}@{engine['digest']}"


def remediated(folder: Path, contract: dict[str, Any], **given: Any) -> subprocess.CompletedProcess[str]:
    """The playbook, with a canary for what was repaired, and the findings of somebody who reads the exporters."""
    asked = {
        "requested_by": "sre@fireworks.example",
        "remediate_findings": [],
        "remediate_validate": "canary",
        "remediate_canary_timeout": 60,
        **given,
    }
    (folder / "more.json").write_text(json.dumps(asked))
    done = play("remediate", folder, [contract], "-e", f"@{folder / 'more.json'}")
    assert done.returncode == 0, done.stdout
    return done


def repaired(cluster: Any, folder: Path, contract: dict[str, Any], sick: str) -> None:
    """Say that the repair it waits for was made, and let it be well for as long as the contract asks."""
    report = {"node": sick, "session": said(cluster, sick)["session"], "outcome": "done"}
    connection = connection_to(cluster, **contract["access"]["credential"])
    asked = {"contract": contract, "findings": [], "reports": [report], "required": ["canary"]}
    result = run_tasks(folder, connection, {MODULE: asked}).result
    assert said(cluster, sick)["state"] == "validating", result
    time.sleep(2)


def out_of_service(cluster: Any, name: str) -> tuple[bool, bool]:
    """Whether a node has our cordon, and our taint."""
    spec = node(cluster, name)["spec"]
    return bool(spec.get("unschedulable")), TAINT in {taint["key"] for taint in spec.get("taints") or ()}


def started(cluster: Any) -> list[str]:
    """Where kubelets started a canary's container, by their own events."""
    events = cluster.request("GET", f"{PODS.removesuffix('pods')}events?fieldSelector=reason%3DStarted")["items"]
    return [one["source"]["host"] for one in events if one["involvedObject"]["name"].startswith("canary-")]


def test_a_node_returns_when_its_canary_finds_all_gpus_and_not_before(tmp_path: Path) -> None:
    spec = serving_cluster("acme", [h100(2, GPUS, "aws")], {LOST: "lost-gpu"}, gpus=GPUS)
    with Testbed.start([spec]) as bed:
        acme = bed["acme"]
        contract = agreed(acme, gpus={H100: 2 * GPUS}, replicas=1)
        contract["actions"] = ALLOWED
        contract["remediation"] = {"healthy_for": "1s"}
        onboarded = play("onboard", tmp_path, [contract], "-e", "model_bake=0", "-e", "validate_http_request=false")
        assert onboarded.returncode == 0, onboarded.stdout
        [serves] = acme.request("GET", PODS)["items"]
        [sick] = {"h100-0", "h100-1"} - {serves["spec"]["nodeName"]}
        medic = acme.kubeconfig_for_service_account("fireworks-system", "node-medic")
        contract["access"]["credential"] = {"kubeconfig_file": str(medic)}

        remediated(tmp_path, contract, remediate_findings=[finding(node=sick)])
        assert (said(acme, sick)["state"], said(acme, sick)["goal"]) == ("repairing", "reboot")
        repaired(acme, tmp_path, contract, sick)
        failed = " ".join(remediated(tmp_path, contract, remediate_canary_image=image(LOST)).stdout.split())
        assert f"nvidia-smi finds {GPUS - 1} of {GPUS} GPUs" in failed, failed
        assert (said(acme, sick)["state"], said(acme, sick)["goal"]) == ("repairing", "replace"), failed
        assert out_of_service(acme, sick) == (True, True)
        assert started(acme) == [sick]

        repaired(acme, tmp_path, contract, sick)
        back = remediated(tmp_path, contract).stdout
        assert "the canary: it ended well" in " ".join(back.split()), back
        assert set(said(acme, sick)) == {"history", "returned"}, back
        assert out_of_service(acme, sick) == (False, False)
        assert started(acme) == [sick, sick]
        assert [pod["metadata"]["name"] for pod in acme.request("GET", PODS)["items"]] == [serves["metadata"]["name"]]
