# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``fireworks.byoc.model_rollout``, ``fireworks.byoc.model_info`` and ``fireworks.byoc.model_retire`` on a real API
server: how a model comes, changes, goes back and goes."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.unit import workload
from byoc_testbed.api import MERGE
from tests.integration.clocked import AHEAD, CLOSED, PREFIX, note, put_in_force
from tests.integration.governed import governed
from tests.integration.guarded import until
from tests.integration.models import APPS, LLAMA, Models
from tests.integration.plays import AS_MODULE


@pytest.fixture(scope="module")
def acme(bed: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Any]]:
    cluster = bed["acme"]
    with governed(cluster, scaling={"max_replicas_per_model": 3, "max_gpus_per_model": 16}) as contract:
        yield cluster, contract


@pytest.fixture
def models(acme: tuple[Any, Any], tmp_path: Path) -> Iterator[Models]:
    """A governed cluster without models, before and after."""
    made = Models(*acme, tmp_path)
    yield made
    made.retire_all()
    assert made.revisions() == []


def said(result: dict[str, Any]) -> str:
    return " ".join(result["msg"].split())


@contextmanager
def counting(models: Models, counts: list[int]) -> Iterator[None]:
    """Meanwhile, how many replicas serve, again and again."""
    ended = threading.Event()

    def count() -> None:
        while not ended.is_set():
            counts.append(models.deployment()["status"].get("availableReplicas", 0))
            time.sleep(0.1)

    counter = threading.Thread(target=count)
    counter.start()
    try:
        yield
    finally:
        ended.set()
        counter.join()


def test_a_first_version_a_good_update_and_nothing_to_change(models: Models) -> None:
    before = models.whole()
    checked = models.roll(models.version(1024), flags=("--check", "--diff"))
    assert (checked["changed"], checked["models"][0]["strategy"]) == (True, "first")
    assert len(checked["diff"]) == 3
    assert (models.whole(), models.revisions()) == (before, []), "check mode wrote"

    first = models.roll(models.version(1024))
    assert not first.get("failed"), first
    assert first["models"][0]["gate"] == "unproven", first
    assert "no request was sent" in first["models"][0]["evidence"]
    assert models.revisions() == [(1, "good")]
    one = models.whole()
    for task in ({}, AS_MODULE):
        again = models.roll(models.version(1024), more=task)
        assert (again["changed"], again["objects"]) == (False, []), again

    counts: list[int] = []
    with counting(models, counts):
        second = models.roll(models.version(2048))
    [rolled] = second["models"]
    assert (rolled["revision"], rolled["strategy"], len(rolled["replicas"])) == (2, "surge", 2), second
    assert "2 replicas can be added before old ones go" in rolled["why"]
    assert min(counts) == 2, "capacity was less than agreed"
    assert models.revisions() == [(1, "good"), (2, "good")]
    spec = models.deployment()["spec"]
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}
    assert "minReadySeconds" not in spec
    different = {place.split()[-1] for place, text in models.whole().items() if one[place] != text}
    assert different == {f"fireworks-models/{LLAMA}"}

    info = models.info(name=LLAMA, compare=["1", "2"])
    [model] = info["models"]
    assert (model["revision"], model["state"], model["ready"], model["status"]) == (2, "good", 2, "ready")
    assert [(r["number"], r["requested_by"], r["reason"]) for r in model["revisions"]] == [(2, "alice", "a test"),
                                                                               (1, "alice", "a test")]  # fmt: skip
    assert {"object": f"Deployment fireworks-models/{LLAMA}", "old": "--max-model-len=1024",
            "new": "--max-model-len=2048",
            "field": "spec.template.spec.containers[0].command[9]"} in info["differences"]  # fmt: skip


def test_what_was_changed_by_hand_is_put_right_without_a_new_revision(models: Models) -> None:
    models.roll(models.version(1024))
    one = models.whole()
    service = f"/api/v1/namespaces/fireworks-models/services/{LLAMA}?fieldManager=somebody"
    models.cluster.request("PATCH", service, {"metadata": {"labels": {"byoc.fireworks.ai/model": "x"}}}, MERGE)
    refused = models.roll(models.version(1024))
    assert "metadata.labels.byoc.fireworks.ai/model" in said(refused)
    repaired = models.roll(models.version(1024), force=True)
    assert (repaired["changed"], repaired["models"][0]["revision"]) == (True, 1), repaired
    assert models.whole() == one
    models.cluster.request("DELETE", service.partition("?")[0])
    again = models.roll(models.version(1024))
    assert (again["changed"], again["models"][0]["revision"]) == (True, 1), again
    assert models.whole() == one
    assert models.revisions() == [(1, "good")]


def test_with_no_gpu_free_replicas_are_replaced_one_by_one(models: Models) -> None:
    models.roll(models.version(1024, gpus=8))
    counts: list[int] = []
    with counting(models, counts):
        done = models.roll(models.version(2048, gpus=8))
    [rolled] = done["models"]
    assert (rolled["strategy"], rolled["revision"]) == ("replace", 2), done
    assert "the budget lets 1 of 2 be away, so they are replaced one by one" in rolled["why"]
    assert min(counts) == 1, "more was away than the budget allows"
    assert models.revisions() == [(1, "good"), (2, "good")]


@pytest.mark.soak
def test_with_no_gpu_free_and_one_replica_it_is_refused_where_a_naive_surge_would_wait_forever(models: Models) -> None:
    both = [models.version(1024, name=name, replicas=1, gpus=8) for name in (LLAMA, "qwen")]
    assert not models.roll(*both).get("failed")
    before = models.whole()
    refused = models.roll(models.version(2048, replicas=1, gpus=8))
    assert refused["failed"]
    assert "free GPUs of NVIDIA-H100-80GB-HBM3 by node: none, the quota leaves 0; with 8 for each replica" in said(
        refused
    )
    assert "it has 1 replica, and with that away nothing serves" in said(refused)
    assert refused["owner"] == "customer"
    assert (models.whole(), models.revisions()) == (before, [(1, "good")])

    surge = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    naive = {"spec": {"strategy": surge, "progressDeadlineSeconds": 4,
                      "template": {"metadata": {"annotations": {"version": "2"}}}}}  # fmt: skip
    path = f"{APPS}/deployments/{LLAMA}?fieldManager=naive"
    models.cluster.request("PATCH", path, naive, MERGE)
    deadline = time.monotonic() + 20
    while not any(c.get("reason") == "ProgressDeadlineExceeded" for c in models.deployment()["status"]["conditions"]):
        assert time.monotonic() < deadline, models.deployment()["status"]
        time.sleep(0.2)
    status = models.deployment()["status"]
    assert status.get("updatedReplicas", 0) == 0, "the naive surge got a GPU"
    undo = {"spec": {"progressDeadlineSeconds": None, "template": {"metadata": {"annotations": {"version": None}}}}}
    models.cluster.request("PATCH", path, undo, MERGE)

    drained = models.roll(models.version(2048, replicas=1, gpus=8, downtime=True), force=True)
    assert not drained.get("failed"), drained
    assert drained["models"][0]["strategy"] == "drain", drained
    assert "rollout.downtime allows to drain first" in drained["models"][0]["why"]
    assert models.deployment()["status"]["readyReplicas"] == 1


CRASH = "container engine does not start: CrashLoopBackOff (ended with Error, exit code 1)"


@pytest.mark.soak(sample=1)
@pytest.mark.parametrize(
    ("gpus", "behaviour", "how", "words"),
    [
        pytest.param(1, "crash", {}, CRASH, id="crash, surge"),
        pytest.param(8, "crash", {}, CRASH, id="crash, replace"),
        pytest.param(1, "image-pull", {}, "its image cannot be used: ImagePullBackOff", id="no image, surge"),
        pytest.param(8, "hang", {"deadline": 6}, "not done within 6 s", id="never ready, replace"),
    ],
)
def test_a_version_that_does_not_pass_is_rolled_back(
    models: Models, gpus: int, behaviour: str, how: dict[str, Any], words: str
) -> None:
    models.roll(models.version(1024, gpus=gpus))
    good = models.whole()
    counts: list[int] = []
    with counting(models, counts):
        failed = models.roll(models.version(2048, gpus=gpus, behaviour=behaviour, **how))
    assert failed["failed"]
    assert "revision 2 did not pass" in said(failed)
    assert words in said(failed)
    assert "Revision 1 was restored whole and is ready" in said(failed)
    assert models.whole() == good
    assert models.revisions() == [(1, "good"), (2, "failed")]
    [again] = models.roll(models.version(2048, gpus=gpus, behaviour=behaviour, **how), flags=("--check",))["models"]
    assert (again["from"], again["tried"], again["change"]) == (1, 2, "new_revision")
    assert min(counts) == (2 if gpus == 1 else 1)
    assert words.split(":")[0] in models.info(name=LLAMA)["models"][0]["revisions"][0]["failure"]


@pytest.mark.soak
def test_a_first_version_that_does_not_pass_is_left_to_be_looked_at_and_judged_again(models: Models) -> None:
    for number in (1, 2):
        failed = models.roll(models.version(1024, behaviour="crash"))
        assert f"revision {number} did not pass" in said(failed)
        assert CRASH in said(failed)
        assert "There is no earlier good revision to go back to" in said(failed)
    assert len(models.pods()) == 2
    assert models.revisions() == [(1, "failed"), (2, "failed")]
    repaired = models.roll(models.version(2048))
    assert (repaired["models"][0]["revision"], repaired["models"][0]["gate"]) == (3, "unproven"), repaired


def test_a_version_that_is_ready_and_does_not_answer_gets_no_traffic(models: Models) -> None:
    models.roll(models.version(1024))
    good, before = models.whole(), models.deployment()["metadata"]["generation"]
    failed = models.roll(models.version(2048), http=True)
    assert failed["failed"]
    assert "the candidate, before it got traffic" in said(failed)
    assert "did not answer 3 requests for one token" in said(failed)
    until(lambda: models.whole() == good, "the candidate is still there")
    assert models.deployment()["metadata"]["generation"] == before, "what serves was touched"
    assert models.revisions() == [(1, "good"), (2, "failed")]


def but_for_the_workload(whole: dict[str, str]) -> dict[str, str]:
    return {place: digest for place, digest in whole.items() if "/deployments " not in place}


def test_back_to_any_revision(models: Models) -> None:
    wholes = []
    for context in (1024, 2048, 4096):
        assert not models.roll(models.version(context)).get("failed")
        wholes.append(models.whole())
    unknown = models.roll(models.back_to("9"))
    assert "there is no revision 9; there are 1 (good), 2 (good), 3 (good)" in said(unknown)
    back = models.roll(models.back_to("1"))
    assert back["models"][0]["revision"] == 4, back
    assert models.whole() == wholes[0]
    assert models.roll(models.back_to("1"))["changed"] is False
    models.roll(models.back_to("3", history=3))
    # Its Deployment keeps as many ReplicaSets as there are revisions to go back to.
    assert but_for_the_workload(models.whole()) == but_for_the_workload(wholes[2])
    assert models.revisions() == [(3, "good"), (4, "good"), (5, "good")]
    told = models.info(name=LLAMA)["models"][0]
    assert (told["revisions"][0]["number"], told["revisions"][0]["restores"], told["before"]) == (5, 3, None)
    # What is kept no more is there all the same, in what restored it.
    models.roll(models.back_to("1"))
    assert models.whole() == wholes[0]
    assert models.roll(models.back_to("1"))["changed"] is False


@pytest.mark.soak
def test_where_there_is_not_room_for_all_at_once_the_more_important_goes_first(models: Models) -> None:
    both = [models.version(1024, name=name, replicas=3, gpus=2) for name in (LLAMA, "qwen")]
    models.roll(*both)
    update = [
        models.version(2048, name=LLAMA, replicas=3, gpus=2, priority="batch"),
        models.version(2048, name="qwen", replicas=3, gpus=2, priority="critical"),
    ]
    order = models.roll(*update, flags=("--check",))["models"]
    assert [(each["name"], each["strategy"]) for each in order] == [(LLAMA, "replace"), ("qwen", "surge")], order
    done = models.roll(*update)
    assert not done.get("failed"), done
    assert models.revisions("qwen") == models.revisions() == [(1, "good"), (2, "good")]


def test_a_retired_model_leaves_nothing(models: Models) -> None:
    before = models.whole()
    models.roll(models.version(1024), models.version(1024, name="qwen"))
    with_qwen = models.whole()
    checked = models.retire(flags=("--check", "--diff"))
    assert (checked["changed"], checked["revisions"]) == (True, [1])
    assert models.whole() == with_qwen, "check mode removed"
    gone = models.retire()
    assert "no endpoint left after" in gone["steps"][0]
    assert gone["steps"][-1].startswith("nothing carries its label any more")
    left = {place for place in models.whole() if LLAMA in place}
    assert left == set()
    assert models.revisions() == []
    assert models.pods() == []
    assert models.retire()["changed"] is False
    assert models.retire("qwen", more=AS_MODULE)["changed"] is True
    assert models.whole() == before


def test_what_the_api_server_holds_ends_the_run_at_once_and_leaves_what_serves(models: Models) -> None:
    """The playbook's decision is not asked here: a run under another contract, or at a window's end, comes so far."""
    contract = {**models.contract, "change": {**CLOSED, "approvals": {"sources": ["cluster"]}}}
    first, other, third = (models.version(context, bake=0) for context in (4096, 8192, 2048))
    assert not models.roll(first)["models"][0].get("failed")
    pods = {pod["metadata"]["uid"] for pod in models.pods()}
    try:
        put_in_force(models.cluster, contract, {})
        began = time.monotonic()
        result = models.roll(other)
        assert (result["failed"], result["code"], result["owner"]) == (True, "held_by_policy", "customer"), result
        assert "ValidatingAdmissionPolicy 'fireworks-changes'" in said(result) and "no window is open" in said(result)
        assert "Revision 1 was restored whole and is ready" in said(result)
        assert time.monotonic() - began < 30, "it waited for a deadline"
        assert {pod["metadata"]["uid"] for pod in models.pods()} == pods
        assert models.revisions() == [(1, "good"), (2, "failed")]

        put_in_force(models.cluster, {**models.contract, "change": {"approvals": {"sources": ["cluster"]}}}, {})
        assert "no approval in the cluster" in said(models.roll(third))
        mark = workload(third["definition"])["spec"]["template"]["metadata"]["annotations"][f"{PREFIX}revision"]
        note(models.cluster, {f"{PREFIX}approved-versions": f"model_change/{mark}@{AHEAD}"})
        assert not models.roll(third).get("failed")

        put_in_force(models.cluster, contract, {f"{PREFIX}freeze": "stocktaking"})
        assert not models.roll(models.back_to("1", bake=0)).get("failed"), "a rollback was held"
        assert models.deployment()["spec"]["revisionHistoryLimit"] == 10
    finally:
        put_in_force(models.cluster, models.contract, {f"{PREFIX}freeze": None, f"{PREFIX}approved-versions": None})


def test_a_model_that_cannot_be_removed_whole_keeps_its_traffic(models: Models) -> None:
    """The customer's policy lets nobody delete a recorded revision: the last thing that would go."""
    assert not models.roll(models.version(1024)).get("failed")
    before, policies = models.whole(), "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
    rule = {
        "apiGroups": ["apps"],
        "apiVersions": ["v1"],
        "operations": ["DELETE"],
        "resources": ["controllerrevisions"],
    }
    spec = {
        "matchConstraints": {"resourceRules": [rule]},
        "validations": [{"expression": "false", "message": "revisions are kept"}],
    }
    bound = {"policyName": "keep", "validationActions": ["Deny"]}
    models.cluster.request("POST", policies, {"metadata": {"name": "keep"}, "spec": spec})
    models.cluster.request("POST", f"{policies[:-3]}ybindings", {"metadata": {"name": "keep"}, "spec": bound})
    try:
        until(lambda: models.retire(flags=("--check",)).get("failed"), "the policy is not in force")
        refused = models.retire()
        assert (refused["failed"], refused["code"]) == (True, "refused"), refused
        assert "revisions are kept" in said(refused)
        assert "nothing was deleted" in said(refused)
        assert models.whole() == before
    finally:
        models.cluster.request("DELETE", f"{policies[:-3]}ybindings/keep")
        models.cluster.request("DELETE", f"{policies}/keep")
    until(lambda: not models.retire(flags=("--check",)).get("failed"), "the policy is still in force")
