# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.loading import load_deadline
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model import (
    UnknownModelError,
    find_model,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.engine import UnsupportedSourceError, launch
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.objects import model_objects
from tests.unit.domain.agreed import RELEASE, WITH_GATEWAY, contract, model
from tests.unit.domain.raw import H100


def objects(served: dict[str, Any] | None = None, **sections: Any) -> dict[str, dict[str, Any]]:
    found = model_objects(contract(**sections), served or model(), RELEASE)
    assert len({o["kind"] for o in found}) == len(found)
    return {o["kind"]: o for o in found}


def pod(served: dict[str, Any] | None = None, **sections: Any) -> dict[str, Any]:
    spec: dict[str, Any] = objects(served, **sections)["Deployment"]["spec"]["template"]["spec"]
    return spec


def test_a_model_is_found_by_name() -> None:
    agreed = contract(models=[model("a"), model("b")])
    assert find_model(agreed, "b")["name"] == "b"
    with pytest.raises(UnknownModelError, match="acme-eu-1 has no model 'c'; its contract has a, b"):
        find_model(agreed, "c")
    with pytest.raises(UnknownModelError, match="its contract has none"):
        find_model(contract(), "c")


def test_a_model_is_four_objects_with_a_gateway_and_three_without() -> None:
    assert sorted(objects()) == ["Deployment", "PodDisruptionBudget", "Service"]
    route = objects(networking=WITH_GATEWAY)["HTTPRoute"]
    assert route["spec"]["hostnames"] == ["llama.llm.acme.example"]
    assert route["spec"]["rules"][0]["backendRefs"][0]["name"] == "router"
    assert route["metadata"]["namespace"] == "fireworks-system"
    assert "HTTPRoute" not in objects(networking={"gateway": WITH_GATEWAY["gateway"]})


def test_replicas_hold_their_gpus_on_nodes_of_the_product() -> None:
    spec = pod(model(gpu={"product": H100, "per_replica": 4}))
    assert spec["nodeSelector"] == {"nvidia.com/gpu.product": H100}
    resources = spec["containers"][0]["resources"]
    assert resources["limits"]["nvidia.com/gpu"] == resources["requests"]["nvidia.com/gpu"] == "4"
    assert "--tensor-parallel-size=4" in spec["containers"][0]["command"]
    assert spec["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]


def test_the_engine_is_started_for_the_model() -> None:
    container = pod()["containers"][0]
    assert container["image"] == "registry.acme.example/fireworks/vllm-openai@sha256:cc"
    assert container["command"][:3] == ["vllm", "serve", "meta-llama/Llama-3.1-8B-Instruct"]
    assert "--revision=0e9e39f" in container["command"]
    assert "--max-model-len=32768" in container["command"]
    assert "--served-model-name=meta-llama/Llama-3.1-8B-Instruct" in container["command"]
    assert {"name": "VLLM_NO_USAGE_STATS", "value": "1"} in container["env"]


@pytest.mark.parametrize(
    ("uri", "place", "flag"),
    [
        ("hf://org/model", "org/model", "--revision=r1"),
        ("s3://bucket/path", "s3://bucket/path", "--load-format=runai_streamer"),
        ("gs://bucket/path", "gs://bucket/path", "--load-format=runai_streamer"),
        ("pvc://weights/llama", "/weights/llama", ""),
        ("pvc://weights", "/weights", ""),
    ],
)
def test_weights_come_from_where_the_contract_says(uri: str, place: str, flag: str) -> None:
    start = launch(model(source={"uri": uri, "revision": "r1"}))
    assert start.command[2] == place
    assert not flag or flag in start.command
    assert bool(start.volumes) is uri.startswith("pvc")


def test_a_claim_of_weights_is_only_read() -> None:
    spec = pod(model(source={"uri": "pvc://weights/llama", "revision": "r1"}))
    assert {"name": "weights", "persistentVolumeClaim": {"claimName": "weights", "readOnly": True}} in spec["volumes"]
    mounts = {mount["name"]: mount for mount in spec["containers"][0]["volumeMounts"]}
    assert mounts["weights"]["readOnly"] is True


def test_what_is_optional_is_left_out() -> None:
    bare = model(source={"uri": "hf://org/model"})
    del bare["context_length"], bare["served_name"], bare["load_timeout"], bare["priority"]
    command = pod(bare)["containers"][0]["command"]
    assert not any(flag.startswith(("--revision", "--max-model-len")) for flag in command)
    assert "--served-model-name=llama" in command
    assert load_deadline(bare) == 1800


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"source": {"uri": "ftp://x/y"}}, "vllm cannot load weights from 'ftp://x/y'"),
        ({"engine": {"name": "magic", "version": "1"}}, "there is no engine 'magic'; there is vllm"),
    ],
)
def test_what_cannot_be_served_is_refused(more: dict[str, Any], message: str) -> None:
    with pytest.raises(UnsupportedSourceError, match=message):
        launch(model(**more))


def test_pods_satisfy_restricted_pod_security() -> None:
    spec = pod()
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    security = spec["containers"][0]["securityContext"]
    assert security["allowPrivilegeEscalation"] is False
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert security["readOnlyRootFilesystem"] is True
    assert spec["automountServiceAccountToken"] is False
    assert "runAsUser" in spec["securityContext"]
    assert "runAsUser" not in pod(identity={"provider": "openshift"})["securityContext"]


@pytest.mark.parametrize(("timeout", "failures", "deadline"), [("20m", 240, 1800), ("95s", 19, 695), ("1s", 1, 601)])
def test_a_model_may_load_as_long_as_agreed(timeout: str, failures: int, deadline: int) -> None:
    made = objects(model(load_timeout=timeout))["Deployment"]
    container = made["spec"]["template"]["spec"]["containers"][0]
    assert container["startupProbe"]["failureThreshold"] == failures
    assert made["spec"]["progressDeadlineSeconds"] == deadline


def test_liveness_never_kills_a_busy_engine_quickly() -> None:
    probe = pod()["containers"][0]["livenessProbe"]
    assert probe["timeoutSeconds"] >= 30
    assert probe["periodSeconds"] * probe["failureThreshold"] >= 180


def test_a_rollout_never_waits_for_gpus_that_are_not_there() -> None:
    strategy = objects()["Deployment"]["spec"]["strategy"]["rollingUpdate"]
    assert strategy == {"maxSurge": 0, "maxUnavailable": 1}
    assert objects()["PodDisruptionBudget"]["spec"]["maxUnavailable"] == 1


def test_the_revision_changes_with_the_pod_and_with_nothing_else() -> None:
    def revision(**more: Any) -> str:
        metadata = objects(model(**more))["Deployment"]["metadata"]
        return str(metadata["annotations"]["byoc.fireworks.ai/revision"])

    assert revision() == revision(replicas={"min": 1, "max": 8})
    assert revision() != revision(context_length=1024)
    assert revision() != revision(priority="critical")


def test_everything_points_at_the_same_pods() -> None:
    made = objects()
    labels = made["Deployment"]["spec"]["template"]["metadata"]["labels"]
    for selector in (
        made["Service"]["spec"]["selector"],
        made["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        made["Deployment"]["spec"]["selector"]["matchLabels"],
    ):
        assert selector.items() <= labels.items()
    assert labels["app.kubernetes.io/part-of"] == "model-llama"
