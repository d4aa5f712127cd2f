# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Weights that a Job stages, on a real API server: before any replica, with every version, and under the guardrails.

``fireworks.byoc.model_rollout`` and ``fireworks.byoc.model_retire``. What the Job runs is in
``tests/unit/test_stage_weights.py``.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.objects import model_objects
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.policy import model_changes
from byoc_testbed.api import Api
from tests.integration.governed import governed, in_full
from tests.integration.guarded import refusal, until
from tests.integration.models import APPS, CORE, LLAMA, RELEASE, Models

JOBS = "/apis/batch/v1/namespaces/fireworks-models/jobs"
CLAIM = "staged"
Manifest = dict[str, Any]


@pytest.fixture(scope="module")
def acme(bed: Any) -> Iterator[tuple[Any, Any]]:
    cluster = bed["acme"]
    model = in_full(cluster)["models"][0]
    model["weights_cache"] = {"claim": CLAIM, "stage": True}
    model["source"]["credential"] = {"secret": {"name": "hub-token", "key": "token"}}
    scaling = {"max_replicas_per_model": 3, "max_gpus_per_model": 16}
    with governed(cluster, scaling=scaling, models=[model]) as contract, _claimed(cluster):
        yield cluster, contract


@contextmanager
def _claimed(cluster: Any) -> Iterator[None]:
    """The claim and the Secret that the customer makes."""
    modes = {"accessModes": ["ReadWriteMany"], "storageClassName": ""}
    ref = {"namespace": "fireworks-models", "name": CLAIM}
    place = {"nfs": {"server": "nfs.example", "path": "/"}, "capacity": {"storage": "1Gi"}, "claimRef": ref}
    asked = {"resources": {"requests": {"storage": "1Gi"}}, "volumeName": CLAIM}
    cluster.request("POST", "/api/v1/persistentvolumes", {"metadata": {"name": CLAIM}, "spec": {**modes, **place}})
    cluster.request("POST", f"{CORE}/persistentvolumeclaims", {"metadata": {"name": CLAIM}, "spec": {**modes, **asked}})
    cluster.request("POST", f"{CORE}/secrets", {"metadata": {"name": "hub-token"}, "data": {}})
    path = f"{CORE}/persistentvolumeclaims/{CLAIM}"
    try:
        until(lambda: cluster.request("GET", path)["status"].get("phase") == "Bound", "the claim is not bound")
        yield
    finally:
        cluster.request("DELETE", f"/api/v1/persistentvolumes/{CLAIM}")


def acting_as(cluster: Any, identity: str) -> Api:
    path = f"/api/v1/namespaces/fireworks-system/serviceaccounts/{identity}/token"
    token = cluster.request("POST", path, {"spec": {"expirationSeconds": 3600}})["status"]["token"]
    return Api(cluster.server, cluster.ca_file, token)


@pytest.fixture
def models(acme: tuple[Any, Any], tmp_path: Path) -> Iterator[Models]:
    made = Models(*acme, tmp_path)
    yield made
    made.retire_all()
    assert made.revisions() == []
    assert jobs(made) == []
    until(lambda: not made.cluster.request("GET", f"{CORE}/pods")["items"], "pods are left")


def version(models: Models, revision: str, *, behaviour: str = "") -> Manifest:
    """The model with the weights of a revision.

    :param behaviour: what the Job's pods do (testbed).
    """
    contract = copy.deepcopy(models.contract)
    model = contract["models"][0]
    model["replicas"] = {"min": 2, "max": 2}
    model["source"]["revision"] = revision
    [change] = model_changes(contract, [LLAMA], RELEASE, bake=1)
    [job] = [each for each in change["definition"] if each["kind"] == "Job"]
    if behaviour:
        job["spec"]["template"]["metadata"]["annotations"] = {"testbed/behaviour": behaviour}
        job["spec"]["backoffLimit"] = 0
    return {**change, "load_seconds": 30}


def jobs(models: Models) -> list[Manifest]:
    items: list[Manifest] = models.cluster.request("GET", JOBS)["items"]
    return sorted(items, key=lambda each: each["metadata"]["creationTimestamp"])


def staging_pods(models: Models) -> list[Manifest]:
    items: list[Manifest] = models.cluster.request("GET", f"{CORE}/pods")["items"]
    return [each for each in items if "byoc.fireworks.ai/stages" in each["metadata"]["labels"]]


def image_of(models: Models) -> list[str]:
    """The words of the engine that serves."""
    words: list[str] = models.deployment()["spec"]["template"]["spec"]["containers"][0]["command"]
    return words


def said(result: Manifest) -> str:
    return " ".join(result["msg"].split())


def test_weights_are_staged_once_before_any_replica_and_with_every_version(models: Models) -> None:
    before = models.whole()
    checked = models.roll(version(models, "one"), flags=("--check", "--diff"))
    assert not checked.get("failed"), checked
    assert {each["kind"] for each in checked["objects"]} >= {"Job", "Deployment"}
    assert (models.whole(), jobs(models)) == (before, []), "check mode wrote"

    first = models.roll(version(models, "one"))
    assert not first.get("failed"), first
    [job] = jobs(models)
    assert job["status"]["succeeded"] == 1
    assert len(staging_pods(models)) == 1
    assert job["status"]["completionTime"] <= models.deployment()["metadata"]["creationTimestamp"]
    assert len(models.pods()) == 2
    again = models.roll(version(models, "one"))
    assert (again["changed"], jobs(models)) == (False, [job]), again

    second = models.roll(version(models, "two"))
    assert not second.get("failed"), second
    assert second["models"][0]["strategy"] == "surge"
    [other] = jobs(models)
    assert other["metadata"]["name"] != job["metadata"]["name"]
    newest = max(each["metadata"]["creationTimestamp"] for each in models.pods())
    assert other["status"]["completionTime"] <= newest
    back = models.roll(models.back_to("1"))
    assert not back.get("failed"), back
    [restored] = jobs(models)
    assert restored["metadata"]["name"] == job["metadata"]["name"]
    assert restored["status"]["succeeded"] == 1
    assert models.revisions() == [(1, "good"), (2, "good"), (3, "good")]


@pytest.mark.soak
def test_weights_that_do_not_arrive_replace_nothing_and_the_next_run_tries_again(models: Models) -> None:
    broken = version(models, "broken", behaviour="crash")
    failed = models.roll(broken)
    assert failed["failed"]
    assert "revision 1 did not pass its gate: its weights are not staged: Job fireworks-models/" in said(failed), failed
    assert "There is no earlier good revision" in said(failed)
    [kept] = jobs(models)
    assert models.cluster.request("GET", f"{APPS}/deployments")["items"] == []
    assert models.roll(broken)["failed"]
    [anew] = jobs(models)
    assert anew["metadata"]["uid"] != kept["metadata"]["uid"]

    good = models.roll(version(models, "one"))
    assert not good.get("failed"), good
    served = (image_of(models), models.deployment()["metadata"]["generation"], jobs(models))
    failed = models.roll(broken)
    number = good["models"][0]["revision"]
    assert f"Revision {number} was restored whole and is ready" in said(failed), failed
    assert (image_of(models), models.deployment()["metadata"]["generation"], jobs(models)) == served
    assert len(models.pods()) == 2


@pytest.mark.soak
def test_a_job_that_is_gone_or_failed_runs_again_without_a_new_revision(models: Models) -> None:
    wanted = version(models, "one")
    models.roll(wanted)
    [job] = jobs(models)
    models.cluster.request("DELETE", f"{JOBS}/{job['metadata']['name']}", {"propagationPolicy": "Background"})
    again = models.roll(wanted)
    assert (again["changed"], again.get("failed", False)) == (True, False), again
    [anew] = jobs(models)
    assert anew["metadata"]["uid"] != job["metadata"]["uid"]

    failed = [{"type": kind, "status": "True", "reason": "x", "lastTransitionTime": "2026-01-01T00:00:00Z",
               "lastProbeTime": "2026-01-01T00:00:00Z"} for kind in ("FailureTarget", "Failed")]  # fmt: skip
    models.cluster.request("DELETE", f"{JOBS}/{anew['metadata']['name']}", {"propagationPolicy": "Background"})
    until(lambda: not jobs(models), "the Job is not gone")
    body = {"apiVersion": "batch/v1", "kind": "Job", "spec": {**wanted_job(wanted)["spec"], "suspend": True}}
    body["metadata"] = {key: anew["metadata"][key] for key in ("name", "labels")}
    models.cluster.request("POST", f"{JOBS}?fieldManager=fireworks-byoc", body)
    status = {"status": {"conditions": failed, "startTime": "2026-01-01T00:00:00Z"}}
    models.cluster.request("PATCH", f"{JOBS}/{body['metadata']['name']}/status", status, "application/merge-patch+json")
    checked = models.roll(wanted, flags=("--check",))
    assert checked["changed"], checked
    again = models.roll(wanted)
    assert (again["changed"], again.get("failed", False)) == (True, False), again
    [repaired] = jobs(models)
    assert repaired["status"]["succeeded"] == 1
    assert models.revisions() == [(1, "good")]


def wanted_job(change: Manifest) -> Manifest:
    [job] = [each for each in change["definition"] if each["kind"] == "Job"]
    return copy.deepcopy(job)


# -- guardrails ------------------------------------------------------------------------------------------------------

Edit = Callable[[Manifest], Any]


def _pod(job: Manifest) -> Manifest:
    found: Manifest = job["spec"]["template"]["spec"]
    return found


def _set(*path: Any, to: Any) -> Edit:
    def edit(job: Manifest) -> None:
        place: Any = job
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = to

    return edit


def _in_pod(*path: Any, to: Any) -> Edit:
    return lambda job: _set(*path, to=to)(_pod(job))


def _label(key: str, value: str) -> Edit:
    return lambda job: job["spec"]["template"]["metadata"]["labels"].update({f"byoc.fireworks.ai/{key}": value})


GPU = {"limits": {"nvidia.com/gpu": "1"}}
HOSTILE: dict[str, tuple[Edit, str]] = {
    # The model's Secret is not theirs either, and the server tells of one refusal.
    "of a model that is not staged": (_label("stages", "other"), "models: "),
    "of no model": (lambda job: job["spec"]["template"]["metadata"]["labels"].pop("byoc.fireworks.ai/stages"),
                    "models: "),
    "named after nothing": (_set("metadata", "name", to="crypto"), "models: weights_cache.stage"),
    "of another set": (_set("metadata", "labels", "app.kubernetes.io/part-of", to="model-x"), "weights_cache.stage"),
    "with a pod that gets requests": (_label("model", LLAMA), "no label by which requests reach it"),
    "with a pod of a group": (_label("group-of", LLAMA), "no label by which requests reach it"),
    "with several pods": (_set("spec", "parallelism", to=2), "one pod at a time"),
    "again and again": (_set("spec", "completions", to=5), "one pod at a time"),
    "by index": (_set("spec", "completionMode", to="Indexed"), "one pod at a time"),
    "that never gives up": (_set("spec", "backoffLimit", to=100), "one pod at a time"),
    "without an end": (lambda job: job["spec"].pop("activeDeadlineSeconds"), "ends within"),
    "with a late end": (_set("spec", "activeDeadlineSeconds", to=864000), "ends within"),
    "that restarts": (_in_pod("restartPolicy", to="OnFailure"), "one pod at a time"),
    "with pods of others": (lambda job: job["spec"].update(manualSelector=True, selector={"matchLabels": {
        "byoc.fireworks.ai/stages": LLAMA}}), "one pod at a time"),
    "of another controller": (_set("spec", "managedBy", to="example.com/x"), "one pod at a time"),
    "that waits, and then has all its time": (_set("spec", "suspend", to=True), "one pod at a time"),
    "that forgets itself": (_set("spec", "ttlSecondsAfterFinished", to=1), "one pod at a time"),
    "with a GPU": (lambda job: [_in_pod("containers", 0, "resources", to=GPU)(job),
                                _in_pod("nodeSelector", to={"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"})(job)],
                   "without GPUs"),
    "with a priority": (_in_pod("priorityClassName", to="fireworks-critical"), "without GPUs and priority"),
    "with another container": (lambda job: _pod(job)["containers"].append(
        {**_pod(job)["containers"][0], "name": "b"}), "one container"),
    "with another claim": (lambda job: _pod(job)["volumes"].append(
        {"name": "x", "persistentVolumeClaim": {"claimName": "theirs"}}), "claim"),
    "with another Secret": (lambda job: _pod(job)["volumes"].append(
        {"name": "x", "secret": {"secretName": "theirs"}}), "no Secret theirs"),
    "as another account": (_in_pod("serviceAccountName", to="operator"), "runs as"),
    "of another image": (_in_pod("containers", 0, "image", to="docker.io/x@sha256:" + "0" * 64), "not from"),
    "on the node's network": (_in_pod("hostNetwork", to=True), "hostNetwork"),
}  # fmt: skip


def test_of_jobs_only_those_that_stage_weights_are_let_in(acme: tuple[Any, Any], tmp_path: Path) -> None:
    cluster, _contract = acme
    good = wanted_job(version(Models(*acme, tmp_path), "one"))
    del good["metadata"]["namespace"]
    with_token = acting_as(cluster, "deployer")
    assert refusal(with_token, "POST", JOBS, good) == ""
    wrong = {}
    for what, (edit, words) in HOSTILE.items():
        job = copy.deepcopy(good)
        edit(job)
        answer = refusal(with_token, "POST", JOBS, job)
        if words not in answer or "ValidatingAdmissionPolicy" not in answer:
            wrong[what] = answer or "allowed"
    assert not wrong, "\n".join(f"{what}: {answer}" for what, answer in wrong.items())
    for who in ("upgrader", "observer", "node-medic"):
        other = acting_as(cluster, who)
        assert "cannot create resource" in refusal(other, "POST", JOBS, good)
    elsewhere = JOBS.replace("fireworks-models", "fireworks-system")
    assert "cannot create resource" in refusal(with_token, "POST", elsewhere, good)


def test_only_the_job_writes_to_staged_weights(acme: tuple[Any, Any]) -> None:
    cluster, contract = acme
    unit = model_objects(contract, contract["models"][0], RELEASE)
    [deployment] = [each for each in unit if each["kind"] == "Deployment"]
    deployer = acting_as(cluster, "deployer")
    assert refusal(deployer, "POST", f"{APPS}/deployments", deployment) == ""
    writing = copy.deepcopy(deployment)
    [volume] = [v for v in writing["spec"]["template"]["spec"]["volumes"] if "persistentVolumeClaim" in v]
    del volume["persistentVolumeClaim"]["readOnly"]
    assert "only to be read" in refusal(deployer, "POST", f"{APPS}/deployments", writing)
    for label, value in (("byoc.fireworks.ai/stages", LLAMA), ("app.kubernetes.io/part-of", "model-other")):
        connected = copy.deepcopy(deployment)
        connected["spec"]["template"]["metadata"]["labels"][label] = value
        assert "(compliance.egress)" in refusal(deployer, "POST", f"{APPS}/deployments", connected)
    [job] = [each for each in unit if each["kind"] == "Job"]
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": "x", "uid": "1", "controller": True}
    pod = {"metadata": {"name": "x", "labels": job["spec"]["template"]["metadata"]["labels"]}, "spec": _pod(job)}
    assert "only to be read" in refusal(cluster.api, "POST", f"{CORE}/pods", pod)
    pod["metadata"]["ownerReferences"] = [{**owner, "kind": "ReplicaSet", "apiVersion": "apps/v1"}]
    assert "only to be read" in refusal(cluster.api, "POST", f"{CORE}/pods", pod)
    pod["metadata"]["ownerReferences"] = [owner]
    assert refusal(cluster.api, "POST", f"{CORE}/pods", pod) == ""
