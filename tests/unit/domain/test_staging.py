# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a model whose weights are staged becomes: a Job, pods that compare and connect to nowhere, and prerequisites."""

from __future__ import annotations

import inspect
import json
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract.source_rules import SOURCE_RULES
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.identities.needs import identities_of
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.identities.permissions import onboarding_needs
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.objects import model_objects
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.staged import staged_folder
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.unit import (
    as_unit,
    jobs_of,
    with_candidate,
    with_jobs,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.presetup.network import network_policies
from ansible_collections.fireworks.byoc.plugins.module_utils._in_pods import stage_weights
from tests.unit.domain.agreed import RELEASE, contract, model
from tests.unit.domain.raw import H100

STAGED = {"claim": "weights", "stage": True}
SECRET = {"secret": {"name": "hub-token", "key": "token"}}
SOURCE = {"uri": "hf://acme/llama", "revision": "0e9e39f", "credential": SECRET}
SGLANG = {"name": "sglang", "version": "0.5"}
RELEASED = {**RELEASE, "engines": {**RELEASE["engines"], "sglang": {"0.5": {"name": "sglang", "digest": "sha256:dd"}}}}


def staged(**more: Any) -> dict[str, Any]:
    return model(**{"source": SOURCE, "weights_cache": STAGED, **more})


def unit(asked: dict[str, Any], **sections: Any) -> list[dict[str, Any]]:
    return model_objects(contract(models=[asked], **sections), asked, RELEASED)


def serving(asked: dict[str, Any]) -> list[dict[str, Any]]:
    """The specs of a replica's pods."""
    spec = unit(asked)[0]["spec"]
    group = spec.get("leaderWorkerTemplate")
    templates = [group["leaderTemplate"], group["workerTemplate"]] if group else [spec["template"]]
    return [template["spec"] for template in templates]


@pytest.mark.parametrize(
    "more",
    [{}, {"engine": SGLANG}, {"gpu": {"product": H100, "per_replica": 2, "nodes": 2}}],
    ids=["vllm", "sglang", "on two nodes"],
)
def test_a_replica_compares_what_was_staged_and_connects_to_nowhere(more: dict[str, Any]) -> None:
    for pod in serving(staged(**more)):
        [engine], [verify] = pod["containers"], pod["initContainers"]
        variables = {each["name"]: each["value"] for each in engine["env"]}
        assert variables["HF_HUB_OFFLINE"] == "1"
        assert "HF_TOKEN_PATH" not in variables
        assert not any(volume.get("secret") for volume in pod["volumes"])
        assert verify["image"] == engine["image"]
        assert "resources" not in verify or "limits" not in verify["resources"]
        for container in (engine, verify):
            [mount] = [each for each in container["volumeMounts"] if each["name"] == "weights"]
            assert mount == {"name": "weights", "mountPath": "/weights", "readOnly": True}
        claims = [each["persistentVolumeClaim"] for each in pod["volumes"] if "persistentVolumeClaim" in each]
        assert claims == [{"claimName": "weights", "readOnly": True}]


@pytest.mark.parametrize("engine", [{"name": "vllm", "version": "0.11.0"}, SGLANG])
def test_the_engine_is_started_on_the_folder_and_asks_for_no_revision(engine: dict[str, str]) -> None:
    asked = staged(engine=engine)
    [pod] = serving(asked)
    command = pod["containers"][0]["command"]
    folder = f"/weights/{staged_folder(asked)}"
    assert [word for word in command if word.removeprefix("--model-path=") == folder]
    assert not [word for word in command if word.startswith("--revision")]
    assert "acme/llama" not in command


def test_the_job_has_the_credential_and_writes_and_has_no_gpu() -> None:
    [job] = jobs_of(unit(staged()))
    spec, pod = job["spec"], job["spec"]["template"]["spec"]
    [container] = pod["containers"]
    assert (spec["parallelism"], spec["completions"], spec["backoffLimit"]) == (1, 1, 2)
    assert spec["activeDeadlineSeconds"] == 20 * 60 + 600
    assert "ttlSecondsAfterFinished" not in spec
    assert container["env"] == [{"name": "HF_TOKEN_PATH", "value": "/credential/token"}]
    assert container["volumeMounts"] == [
        {"name": "weights", "mountPath": "/weights"},
        {"name": "credential", "mountPath": "/credential", "readOnly": True},
    ]
    assert "nvidia.com/gpu" not in json.dumps(container["resources"])
    assert "byoc.fireworks.ai/model" not in job["spec"]["template"]["metadata"]["labels"]
    assert job["spec"]["template"]["metadata"]["labels"]["byoc.fireworks.ai/stages"] == "llama"


def test_both_run_the_program_of_the_file_with_the_same_words() -> None:
    asked = staged(source={**SOURCE, "digest": "sha256:" + "0" * 64})
    [pod], [job] = serving(asked), jobs_of(unit(asked))
    [verify], [stage] = pod["initContainers"], job["spec"]["template"]["spec"]["containers"]
    program = inspect.getsource(stage_weights)
    assert "$(" not in program  # Kubernetes would expand it
    words = ["/weights", staged_folder(asked), "acme/llama", "0e9e39f", "sha256:" + "0" * 64]
    assert verify["command"] == ["python3", "-c", program, "verify", *words]
    assert stage["command"] == ["python3", "-c", program, "stage", *words]


def name_of(asked: dict[str, Any], **sections: Any) -> str:
    [job] = jobs_of(unit(asked, **sections))
    return str(job["metadata"]["name"])


OTHERS: dict[str, dict[str, Any]] = {
    "revision": {"source": {**SOURCE, "revision": "1"}},
    "repository": {"source": {**SOURCE, "uri": "hf://acme/mistral"}},
    "digest": {"source": {**SOURCE, "digest": "sha256:" + "1" * 64}},
    "credential": {"source": {"uri": "hf://acme/llama", "revision": "0e9e39f"}},
    "claim": {"weights_cache": {"claim": "other", "stage": True}},
    "image": {"engine": SGLANG},
}


@pytest.mark.parametrize("other", OTHERS)
def test_what_a_job_runs_cannot_change_so_another_one_has_another_name(other: str) -> None:
    changed = staged(**OTHERS[other])
    assert name_of(changed) != name_of(staged()) == name_of(staged())
    fetched = ("revision", "repository", "digest")
    assert (staged_folder(changed) != staged_folder(staged())) is (other in fetched)
    assert name_of(staged(replicas={"min": 1, "max": 4})) == name_of(staged())


def test_a_model_that_is_not_staged_has_no_job_and_is_what_it_was() -> None:
    for cache in ({}, {"weights_cache": {"claim": "kernels"}}, {"weights_cache": {"claim": "kernels", "stage": False}}):
        asked = model(source=SOURCE, **cache)
        assert not jobs_of(unit(asked))
        [pod] = serving(asked)
        assert "initContainers" not in pod
        assert "HF_HUB_OFFLINE" not in {each["name"] for each in pod["containers"][0]["env"]}


def test_a_candidate_starts_beside_the_jobs_of_both_versions() -> None:
    now, then = (as_unit(unit(staged(source={**SOURCE, "revision": each}))) for each in ("1", "2"))
    names = [each["metadata"]["name"] for each in jobs_of(with_candidate(now, then, fewer=False))]
    assert names == [each["metadata"]["name"] for each in (*jobs_of(now), *jobs_of(then))]
    assert len(set(names)) == 2
    assert with_jobs(now, now) == now
    assert with_jobs([], then) == jobs_of(then)


# -- the contract ----------------------------------------------------------------------------------------------------

ADAPTER = (
    "models[0].adapters[0].source: 'hf://acme/x' would be fetched at each start: with weights_cache.stage put it on"
)
LONG = f"models[0].name: '{'a' * 47}' has 47 characters; with weights_cache.stage at most 46: its Job is named after it"
SHARED = "'weights' is used by models[{}] too: staged weights have a claim of their own"
PROBLEMS: dict[str, tuple[list[dict[str, Any]], list[str]]] = {
    "nothing": ([staged()], []),
    "an adapter on a volume": ([staged(adapters=[{"name": "x", "source": "pvc://adapters/x"}])], []),
    "a claim of its own each": ([staged(), staged(name="b", weights_cache={"claim": "b", "stage": True})], []),
    "streamed": (
        [staged(source={"uri": "s3://acme/llama", "revision": "1"})],
        ["models[0].weights_cache.stage: 's3://acme/llama' is streamed by the engine at each start: remove stage"],
    ),
    "a volume": (
        [staged(source={"uri": "pvc://there/llama", "revision": "1"})],
        ["models[0].weights_cache.stage: 'pvc://there/llama' is a volume already: remove weights_cache"],
    ),
    "an adapter of the Hub": (
        [staged(adapters=[{"name": "x", "source": "hf://acme/x"}])],
        [f"{ADAPTER} a volume (pvc://)"],
    ),
    "a claim of another's cache": (
        [staged(), model("b", weights_cache={"claim": "weights"})],
        [f"models[0].weights_cache.claim: {SHARED.format(1)}"],
    ),
    "a claim of another's weights": (
        [model("b", source={"uri": "pvc://weights/b", "revision": "1"}), staged()],
        [f"models[1].weights_cache.claim: {SHARED.format(0)}"],
    ),
    "a claim of another's adapters": (
        [staged(), model("b", adapters=[{"name": "x", "source": "pvc://weights/x"}])],
        [f"models[0].weights_cache.claim: {SHARED.format(1)}"],
    ),
    "a name too long": ([staged(name="a" * 47)], [LONG]),
}


@pytest.mark.parametrize("what", PROBLEMS)
def test_what_cannot_be_staged_is_said_where_it_stands(what: str) -> None:
    models, expected = PROBLEMS[what]
    found = [problem for rule in SOURCE_RULES for problem in rule({"models": models})]
    assert [f"{_shown(place)}: {message}" for place, message in found] == expected


def _shown(place: tuple[Any, ...]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place).lstrip(".")


def test_the_longest_name_makes_a_job_whose_name_is_a_labels_value() -> None:
    assert len(name_of(staged(name="a" * 46))) == 63


# -- the prerequisites -----------------------------------------------------------------------------------------------


def rights(agreed: dict[str, Any], version: int) -> dict[str, set[str]]:
    """By scope, what the deployer may do with Jobs."""
    [deployer] = [each for each in identities_of(agreed) if each.name == "deployer"]
    needs = [need for need in deployer.needs if need.group == "batch" and need.when(agreed) and need.since <= version]
    return {need.scope: set(need.verbs) for need in needs}


def test_jobs_are_the_deployers_where_a_model_is_staged() -> None:
    agreed = contract(models=[staged()])
    reads = {"get", "list", "watch"}
    assert rights(agreed, 2) == {"fireworks-models": {*reads, "create", "patch", "delete"}, "fireworks-system": reads}
    assert rights(agreed, 1) == rights(contract(models=[model()]), 2) == {}
    asked = {(need.scope, need.group) for need in onboarding_needs(agreed)}
    assert ("fireworks-models", "batch") in asked


def egress(agreed: dict[str, Any], version: int = 2) -> dict[str, Any]:
    """By name, which pods of models the policies select that let something out of the cluster."""
    found = network_policies(agreed, version=version)
    return {
        each["metadata"]["name"]: each["spec"]["podSelector"]
        for each in found
        if each["metadata"]["name"].endswith("-egress") and each["metadata"]["namespace"] == "fireworks-models"
    }


def test_replicas_of_staged_weights_are_let_out_nowhere() -> None:
    models = [staged(), model("other"), staged(name="third", weights_cache={"claim": "b", "stage": True})]
    others = {"key": "app.kubernetes.io/part-of", "operator": "NotIn", "values": ["model-llama", "model-third"]}
    jobs = {"key": "byoc.fireworks.ai/stages", "operator": "Exists"}
    assert egress(contract(models=models)) == {
        "approved-egress": {"matchExpressions": [others]},
        "staging-egress": {"matchExpressions": [jobs]},
    }
    assert egress(contract(models=models), 1) == {"approved-egress": {}}
    assert egress(contract(models=[model()])) == {"approved-egress": {}}


@pytest.mark.parametrize("nodes", [1, 2])
def test_every_pod_of_a_replica_has_the_label_by_which_it_is_kept_in(nodes: int) -> None:
    asked = staged(gpu={"product": H100, "per_replica": 2, "nodes": nodes})
    made = as_unit(unit(asked))
    candidates = [with_candidate(made, made, fewer=False)[-1]] if nodes == 1 else []
    for workload in (*(each for each in made if each["kind"] in ("Deployment", "LeaderWorkerSet")), *candidates):
        group = workload["spec"].get("leaderWorkerTemplate")
        templates = [group["leaderTemplate"], group["workerTemplate"]] if group else [workload["spec"]["template"]]
        for template in templates:
            assert template["metadata"]["labels"]["app.kubernetes.io/part-of"] == "model-llama"
            assert "byoc.fireworks.ai/stages" not in template["metadata"]["labels"]
