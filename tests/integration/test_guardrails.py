# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""For any contract, what identities, guardrails and quota let through is what the contract says, no more and no less.

:func:`allows` is the contract said again, plainly; a real API server is asked the same questions with dry runs.
"""

from __future__ import annotations

import copy
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.counted import class_for
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.guardrail_names import (
    GUARDRAILS,
    PRODUCTS_GUARDRAIL,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.names import CORDONED_ANNOTATION
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.presetup_version import NEWEST
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.remediation.canary import (
    COMMAND,
    canary_pod,
    priority_of_canaries,
)
from tests.integration.guarded import (
    ADMISSION,
    MISBOUND,
    MODELS,
    RELEASE_REGISTRY,
    SYSTEM,
    Governed,
    governed,
    image,
    pod,
    pod_spec,
    refusal,
    until,
    workload,
)
from tests.unit.domain.agreed import contract as agreed
from tests.unit.domain.raw import H100, L40S

A100 = "NVIDIA-A100-SXM4-80GB"
OURS, THEIRS = "byoc.fireworks.ai/", "acme.example/"
GPU_NODE, CORDONED, CPU_NODE = "gpu-node", "cordoned-node", "cpu-node"
REGISTRIES = ("registry.acme.example/fireworks", "registry.acme.example:5000/mirror", RELEASE_REGISTRY)
ACTIONS = ("cordon", "drain", "gpu_reset", "reboot", "replace")
Contract = dict[str, Any]
Manifest = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """One question: who asks for what, and what of the contract decides it."""

    who: str
    topic: str
    detail: tuple[Any, ...]
    method: str
    path: str
    body: Any = None


# -- the contract, said again -----------------------------------------------------------------------


def allows(contract: Contract, asked: Asked) -> bool:
    """Whether the contract allows what is asked."""
    return {
        "node": _node,
        "canary": _cordon,
        "evict": _evict,
        "orphan": _orphan,
        "image": _image,
        "gpus": _gpus,
        "never": lambda *_: False,
    }[asked.topic](contract, *asked.detail)


def _node(contract: Contract, change: str) -> bool:
    if H100 not in {entry["product"] for entry in contract["capacity"]["gpus"]}:
        return False  # what both nodes have
    may = {name: contract["actions"].get(name, "never") != "never" for name in ACTIONS}
    return any(may.values()) if change == "mark" else may["cordon"]


def _cordon(contract: Contract) -> bool:
    return bool(contract["actions"].get("cordon", "never") != "never")


def _evict(contract: Contract) -> bool:
    return bool(contract["actions"].get("drain", "never") == "auto")  # by approval: only what is granted


def _orphan(contract: Contract) -> bool:
    """Which takes no pod away; and one that an interrupted drain orphaned has to be returned without a grant too."""
    return bool(contract["actions"].get("drain", "never") != "never")


def _image(contract: Contract, registry: str, by_digest: bool) -> bool:
    allowed = contract["compliance"]["registries"] or [RELEASE_REGISTRY]
    return registry in allowed and (by_digest or not contract["compliance"]["digests_required"])


def _gpus(contract: Contract, product: str, gpus: int) -> bool:
    return gpus <= sum(entry["count"] for entry in contract["capacity"]["gpus"] if entry["product"] == product)


# -- what is asked ----------------------------------------------------------------------------------


def questions(contract: Contract, taints: dict[str, list[Manifest]]) -> Iterator[Asked]:
    """Every question; ``taints`` are those of the nodes now, to which the cluster adds its own."""
    yield from _of_nodes(taints)
    yield from _of_images(contract)
    yield from _of_gpus(contract)
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "victim"}}
    yield Asked("node-medic", "evict", (), "POST", f"/api/v1{MODELS}/pods/victim/eviction", eviction)
    yield from _of_pods(contract)


def _of_pods(contract: Contract) -> Iterator[Asked]:
    """Whose a pod is, and the canary, which the medic alone may make; and what looks like either."""
    victim = f"/api/v1{MODELS}/pods/victim"
    yield Asked("node-medic", "orphan", (), "PATCH", victim, _metadata(labels={"pod-template-hash": None}))
    # A note of an owner that it does not have, and what a note like that would lead to (test_orphans_guarded.py).
    for strange in (
        {"annotations": {OURS + "replaced-by": "ReplicaSet x (u) 1"}},
        {"labels": {"pod-template-hash": "x"}},
    ):
        yield Asked("node-medic", "never", (), "PATCH", victim, _metadata(**strange))
    for changed in (
        {"metadata": {"labels": {OURS + "model": "mine"}}},
        {"metadata": {"annotations": {THEIRS + "team": "us"}}},
        {"metadata": {"ownerReferences": [_OWNER]}},
        {"spec": {"activeDeadlineSeconds": 1}},
    ):
        yield Asked("node-medic", "never", (), "PATCH", victim, changed)
        yield Asked(MISBOUND, "never", (), "PATCH", victim, changed)
    yield Asked("node-medic", "never", (), "DELETE", victim)
    for namespace in (SYSTEM, MODELS):
        yield Asked(MISBOUND, "never", (), "DELETE", f"/api/v1{namespace}/configmaps")
    product = contract["capacity"]["gpus"][0]["product"]
    good = image((contract["compliance"]["registries"] or [RELEASE_REGISTRY])[0])
    priority = priority_of_canaries(contract, product, NEWEST)
    canary = canary_pod(contract, GPU_NODE, product, 1, good, COMMAND, 600, whole=True, priority=priority)
    pods = f"/api/v1{MODELS}/pods"
    yield Asked("node-medic", "canary", (), "POST", pods, canary)
    yield Asked("deployer", "never", (), "POST", pods, canary)
    for place, key, value in (
        ("metadata", "labels", {**canary["metadata"]["labels"], OURS + "model": "mine"}),
        ("metadata", "labels", {}),
        ("spec", "restartPolicy", "Always"),
        ("spec", "activeDeadlineSeconds", None),
        ("spec", "automountServiceAccountToken", True),
        ("spec", "priorityClassName", "fireworks-critical"),
        ("spec", "nodeName", GPU_NODE),
        ("spec", "volumes", [{"name": "v", "emptyDir": {}}]),
        ("spec", "containers", [{**canary["spec"]["containers"][0], "envFrom": [{"secretRef": {"name": "theirs"}}]}]),
    ):
        other = copy.deepcopy(canary)
        other[place][key] = value
        yield Asked("node-medic", "never", (), "POST", pods, other)


def _of_nodes(taints: dict[str, list[Manifest]]) -> Iterator[Asked]:
    there = taints[GPU_NODE]
    others = [taint for taint in taints[CORDONED] if not taint["key"].startswith(OURS)]
    ours = {"key": OURS + "quarantined", "effect": "NoSchedule"}
    changes: list[tuple[str, str, str, Manifest]] = [
        ("mark", "", GPU_NODE, _metadata(labels={OURS + "state": "suspect"})),
        ("mark", "", GPU_NODE, _metadata(annotations={OURS + "why": "XID 79", OURS + "old": None})),
        ("cordon", "", GPU_NODE, {"spec": {"unschedulable": True}}),
        ("cordon", "", CORDONED, {"spec": {"unschedulable": None}}),
        ("cordon", "", CORDONED, {"spec": {"unschedulable": False}}),
        ("cordon", "", GPU_NODE, {"spec": {"taints": [ours, *reversed(there)]}}),
        ("mark", "", CORDONED, {"spec": {"taints": others}}),
        ("", "never", GPU_NODE, {"spec": {"taints": [*there, {**ours, "effect": "NoExecute"}]}}),
        ("", "never", GPU_NODE, {"spec": {"taints": [*there, {"key": "x", "effect": "NoSchedule"}]}}),
        ("", "never", GPU_NODE, {"spec": {"taints": [{**taint, "effect": "PreferNoSchedule"} for taint in there]}}),
        ("", "never", GPU_NODE, {"spec": {"taints": None}}),
        ("", "never", GPU_NODE, {"spec": {"podCIDR": "10.9.0.0/24", "podCIDRs": ["10.9.0.0/24"]}}),
        ("", "never", GPU_NODE, {"spec": {"providerID": "aws:///elsewhere/i-1"}}),
        ("", "never", GPU_NODE, _metadata(labels={"nvidia.com/gpu.product": L40S})),
        ("", "never", GPU_NODE, _metadata(labels={"kubernetes.io/hostname": None})),
        ("", "never", GPU_NODE, _metadata(labels={OURS + "maintenance": "true"})),
        ("", "never", GPU_NODE, _metadata(annotations={THEIRS + "team": "us"})),
        ("", "never", GPU_NODE, _metadata(finalizers=[OURS + "stay"])),
        ("", "never", GPU_NODE, _metadata(ownerReferences=[_OWNER])),
        ("", "never", CPU_NODE, _metadata(labels={OURS + "state": "suspect"})),
        ("", "never", CPU_NODE, {"spec": {"unschedulable": True}}),
    ]
    for who in ("node-medic", MISBOUND):
        for change, never, node, body in changes:
            yield Asked(who, never or "node", () if never else (change,), "PATCH", f"/api/v1/nodes/{node}", body)
        yield Asked(who, "never", (), "DELETE", f"/api/v1/nodes/{GPU_NODE}")
        yield Asked(who, "never", (), "PATCH", f"/api/v1/nodes/{GPU_NODE}/status", {"status": {"phase": "Pending"}})
        yield Asked(who, "never", (), "POST", "/api/v1/nodes", {"metadata": {"name": "new"}})


_OWNER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "gone", "uid": "1"}


def _metadata(**changes: Any) -> Manifest:
    return {"metadata": changes}


def _of_images(contract: Contract) -> Iterator[Asked]:
    good = image((contract["compliance"]["registries"] or [RELEASE_REGISTRY])[0])
    near = [registry + "-evil" for registry in REGISTRIES[:1]]
    for registry in (*REGISTRIES, *near, "docker.io/library"):
        for reference, by_digest in (
            ("@sha256:" + "b2" * 32, True),
            (":v1", False),
            ("@sha256:b2", False),
            ("", False),
        ):
            asked = image(registry, reference)
            detail = (registry, by_digest)
            deployment = workload("Deployment", "probe", pod_spec(asked))
            yield Asked("deployer", "image", detail, "POST", f"/apis/apps/v1{MODELS}/deployments", deployment)
            stack = workload("Deployment", "probe", pod_spec(asked, account="router"))
            yield Asked("upgrader", "image", detail, "POST", f"/apis/apps/v1{SYSTEM}/deployments", stack)
            beside = pod_spec(good)
            beside["initContainers"] = pod_spec(asked, container={"name": "init"})["containers"]
            yield Asked("admin", "image", detail, "POST", f"/api/v1{MODELS}/pods", pod("probe", beside))
        template = {"spec": {"template": {"spec": pod_spec(image(registry)) | {"restartPolicy": "Never"}}}}
        job = {"metadata": {"name": "probe"}, "spec": {"schedule": "0 0 * * *", "jobTemplate": template}}
        yield Asked("admin", "image", (registry, True), "POST", f"/apis/batch/v1{MODELS}/cronjobs", job)
        debug = {"spec": {"ephemeralContainers": pod_spec(image(registry), container={"name": "debug"})["containers"]}}
        path = f"/api/v1{MODELS}/pods/victim/ephemeralcontainers"
        yield Asked("admin", "image", (registry, True), "PATCH", path, debug)


def _of_gpus(contract: Contract) -> Iterator[Asked]:
    good = image((contract["compliance"]["registries"] or [RELEASE_REGISTRY])[0])
    for product in (H100, L40S, A100):
        counted = {"priorityClassName": class_for(contract, product, "standard")}
        approved = sum(entry["count"] for entry in contract["capacity"]["gpus"] if entry["product"] == product)
        for copies, each in {(1, 1), (approved or 2, 1), (1, approved + 1), (approved + 1, 1), (2, approved // 2 + 1)}:
            for kind in ("Deployment", "StatefulSet", "ReplicaSet", "Job"):
                who = "deployer" if kind == "Deployment" else "admin"
                made = workload(kind, "probe", pod_spec(good, gpus=each, product=product, **counted), copies)
                path = f"/apis/{made['apiVersion']}{MODELS}/{kind.lower()}s"
                yield Asked(who, "gpus", (product, copies * each), "POST", path, made)
        for each in {1, approved or 1, approved + 1}:
            made = pod("probe", pod_spec(good, gpus=each, product=product, **counted))
            yield Asked("admin", "gpus", (product, each), "POST", f"/api/v1{MODELS}/pods", made)
        daemons = workload("DaemonSet", "probe", pod_spec(good, gpus=1, product=product))
        yield Asked("admin", "never", (), "POST", f"/apis/apps/v1{MODELS}/daemonsets", daemons)
        stack = workload("Deployment", "probe", pod_spec(good, gpus=1, product=product, account="router"))
        yield Asked("upgrader", "never", (), "POST", f"/apis/apps/v1{SYSTEM}/deployments", stack)
    unpinned = workload("Deployment", "probe", pod_spec(good, gpus=1))
    yield Asked("deployer", "never", (), "POST", f"/apis/apps/v1{MODELS}/deployments", unpinned)


# -- the contracts ----------------------------------------------------------------------------------


def contracts() -> list[Contract]:
    """A dozen, of which the first ones are corners."""
    chance = random.Random(20261124)  # noqa: S311
    found = [
        _contract(actions=dict.fromkeys(ACTIONS, "never"), registries=[]),
        _contract(actions={"cordon": "never", "drain": "auto"}, gpus={H100: 1}),
        _contract(actions={}, digests=False, level="privileged"),
        _contract(actions={"cordon": "approve"}, registries=list(REGISTRIES[:2]), digests=False, gpus={L40S: 3}),
    ]
    while len(found) < 12:
        found.append(
            _contract(
                actions={name: chance.choice(("never", "approve", "auto")) for name in ACTIONS},
                registries=chance.sample(REGISTRIES, chance.randint(0, 2)),
                digests=chance.random() < 0.7,
                level=chance.choice(("restricted", "baseline", "privileged")),
                gpus={each: chance.randint(1, 20) for each in chance.sample((H100, L40S, A100), chance.randint(1, 3))},
            )
        )
    return found


def _contract(
    actions: dict[str, str],
    registries: list[str] | None = None,
    digests: bool = True,
    level: str = "restricted",
    gpus: dict[str, int] | None = None,
) -> Contract:
    made = agreed(capacity={"gpus": [{"product": p, "count": n} for p, n in (gpus or {H100: 16}).items()]})
    made["actions"] = actions
    made["scaling"] |= dict.fromkeys(("max_replicas_per_model", "max_gpus_per_model"), 100)  # tried elsewhere
    made["compliance"] |= {
        "registries": [REGISTRIES[0]] if registries is None else registries,
        "digests_required": digests,
        "pod_security": level,
    }
    return made


# -- asking -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def place(bed: Any) -> Iterator[Governed]:
    """A cluster with two GPU nodes, of which one is out of service, and one without GPUs; all apart from its own."""
    cluster = bed["cedar"]
    theirs = {"key": "acme.example/kept", "effect": "NoSchedule"}
    ours = {"key": OURS + "quarantined", "effect": "NoSchedule"}
    nodes = [
        node(GPU_NODE, gpus=8, taints=[theirs]),
        node(CORDONED, gpus=8, taints=[theirs, ours], unschedulable=True),
        node(CPU_NODE, gpus=0),
    ]
    nodes[1]["metadata"]["annotations"][CORDONED_ANNOTATION] = "true"
    cluster.create_many(nodes)
    try:
        with governed(cluster) as made:
            yield made
    finally:
        for each in nodes:
            cluster.request("DELETE", f"/api/v1/nodes/{each['metadata']['name']}")


def node(name: str, gpus: int, **spec: Any) -> Manifest:
    marks = {"kubernetes.io/hostname": name, **({"nvidia.com/gpu.product": H100} if gpus else {})}
    amounts = {"cpu": "8", "pods": "10", **({"nvidia.com/gpu": str(gpus)} if gpus else {})}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": marks, "annotations": {OURS + "old": "mark"}},
        "spec": spec,
        "status": {"capacity": amounts, "allocatable": amounts},
    }


@pytest.mark.soak(sample=1)
@pytest.mark.parametrize("number", range(12))
def test_what_the_server_lets_through_is_what_the_contract_says(place: Governed, number: int) -> None:
    contract = contracts()[number]
    place.govern(contract)
    with_victim(place, contract)
    medic = any(word != "never" for word in contract["actions"].values())
    differ: dict[int, str] = {}

    def agree() -> bool:
        """Asks everything, then again what differed: roles and quotas take a moment too."""
        asked = [
            (number, each)
            for number, each in enumerate(questions(contract, taints_of(place)))
            if (not differ or number in differ) and (medic or each.who != "node-medic")
        ]
        assert differ or len(asked) > 100
        for who in {each.who for _number, each in asked}:
            place.acting_as(who)
        with ThreadPoolExecutor(8) as workers:
            answers = list(workers.map(lambda each: answer(place, each[1]), asked))
        differ.clear()
        for (number, each), said in zip(asked, answers, strict=True):
            if allows(contract, each) == bool(said):
                differ[number] = f"{each}: {said or 'allowed'}"
        return not differ

    try:
        until(agree, "server and contract do not agree", seconds=10)
    except AssertionError:
        pytest.fail("\n".join(differ.values()), pytrace=False)
    finally:
        place.cluster.request("DELETE", f"/api/v1{MODELS}/pods/victim?gracePeriodSeconds=0")


def taints_of(place: Governed) -> dict[str, list[Manifest]]:
    nodes = place.cluster.request("GET", "/api/v1/nodes")["items"]
    return {each["metadata"]["name"]: each["spec"].get("taints", []) for each in nodes}


def answer(place: Governed, asked: Asked) -> str:
    strategic = "application/strategic-merge-patch+json" if "ephemeral" in asked.path else ""
    return refusal(place.acting_as(asked.who), asked.method, asked.path, asked.body, strategic)


def with_victim(place: Governed, contract: Contract) -> None:
    """A pod to evict and to add containers to."""
    good = image((contract["compliance"]["registries"] or [RELEASE_REGISTRY])[0])
    made = pod("victim", pod_spec(good, nodeSelector={"no": "node"}))
    place.cluster.request("POST", f"/api/v1{MODELS}/pods", made)


def test_the_server_finds_nothing_to_warn_about_in_the_policies(place: Governed) -> None:
    several = next(each for each in contracts() if len(each["capacity"]["gpus"]) > 1)
    for contract, names in ((contracts()[0], set(GUARDRAILS) - {PRODUCTS_GUARDRAIL}), (several, GUARDRAILS)):
        place.govern(contract)
        for name in names:
            path = f"{ADMISSION}/validatingadmissionpolicies/{name}"
            read = lambda path=path: place.cluster.request("GET", path)  # noqa: E731
            until(
                lambda read=read: read()["status"].get("observedGeneration") == read()["metadata"]["generation"],
                f"nobody checked {name}",
            )
            assert not read()["status"].get("typeChecking", {}).get("expressionWarnings")


def test_a_stricter_contract_does_not_hold_up_what_ran_before(place: Governed) -> None:
    """Old replicas can go down and be finished; they cannot grow, and nothing new is made of them."""
    place.govern(_contract(actions={}, registries=[REGISTRIES[1]]))
    sets = f"/apis/apps/v1{MODELS}/replicasets"
    old = workload("ReplicaSet", "old", pod_spec(image(REGISTRIES[1]), nodeSelector={"no": "node"}), 2)
    place.cluster.request("POST", sets, old)
    place.govern(_contract(actions={}, registries=[REGISTRIES[0]]))
    admin = place.acting_as("admin")
    assert refusal(admin, "PATCH", f"{sets}/old", {"spec": {"replicas": 1}}) == ""
    assert refusal(admin, "PATCH", f"{sets}/old", {"metadata": {"labels": {"seen": "yes"}}}) == ""
    assert refusal(admin, "PATCH", f"{sets}/old/scale", {"spec": {"replicas": 0}}) == ""
    assert REGISTRIES[1] in refusal(admin, "PATCH", f"{sets}/old", {"spec": {"replicas": 3}})
    assert "in the object itself" in refusal(admin, "PATCH", f"{sets}/old/scale", {"spec": {"replicas": 3}})
    assert refusal(admin, "DELETE", f"{sets}/old") == ""


def test_an_autoscaler_may_ask_for_more_replicas_and_the_copies_are_counted_where_they_are_made(
    place: Governed,
) -> None:
    """It writes ``deployments/scale``; the ReplicaSet that the Deployment grows by it is held to what was approved."""
    place.govern(_contract(actions={}, gpus={H100: 2}))
    path = f"/apis/apps/v1{MODELS}/deployments"
    spec = pod_spec(image(REGISTRIES[0]), gpus=1, product=H100)
    place.cluster.request("POST", path, workload("Deployment", "scaled", spec, 1))
    admin = place.acting_as("admin")

    def copies() -> list[int]:
        sets = place.cluster.request("GET", f"/apis/apps/v1{MODELS}/replicasets")["items"]
        return [each["spec"]["replicas"] for each in sets if each["metadata"]["name"].startswith("scaled-")]

    try:
        assert refusal(admin, "PATCH", f"{path}/scaled/scale", {"spec": {"replicas": 2}}, dry_run=False) == ""
        until(lambda: copies() == [2], "the Deployment does not grow")
        assert refusal(admin, "PATCH", f"{path}/scaled/scale", {"spec": {"replicas": 3}}, dry_run=False) == ""
        time.sleep(1)
        assert copies() == [2]
    finally:
        place.cluster.request("DELETE", f"{path}/scaled?propagationPolicy=Foreground")


def test_questions_about_oneself_are_no_writes(place: Governed) -> None:
    place.govern(_contract(actions={}))
    attributes = {"verb": "get", "resource": "nodes"}
    review = {"spec": {"resourceAttributes": attributes}}
    for who, allowed in (("observer", True), ("metrics-reader", False)):
        answer = place.acting_as(who).request("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
        assert answer["status"]["allowed"] is allowed
    myself = place.acting_as("observer").request("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {})
    assert myself["status"]["userInfo"]["username"] == "system:serviceaccount:fireworks-system:observer"
