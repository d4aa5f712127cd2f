# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.identities import required_permissions
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.preflight import preflight, refusal
from tests.unit.domain.agreed import APIS, GATEWAY_API, RELEASE, WITH_GATEWAY, contract, facts, model
from tests.unit.domain.raw import H100, L40S, daemonset, named, node, pod


def items(found: dict[str, Any], agreed: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {item["check"]: item for item in preflight(found, agreed, RELEASE)}


def test_a_good_cluster_meets_everything() -> None:
    found = preflight(facts(daemonsets=[daemonset("nvidia-device-plugin")]), contract(models=[model()]), RELEASE)
    assert [item["check"] for item in found if not item["ok"]] == []
    assert refusal("acme-eu-1", found) == ""
    assert all(item["found"] and item["needed"] and item["cluster"] == "acme-eu-1" for item in found)


def gateway(programmed: str = "True") -> dict[str, Any]:
    return named("public", "gateway-system", status={"conditions": [{"type": "Programmed", "status": programmed}]})


def quota(gpus: str, **labels: str) -> dict[str, Any]:
    return named("q", "fireworks-models", metadata={"labels": labels}, spec={"hard": {"requests.nvidia.com/gpu": gpus}})


BIG = [model(gpu={"product": H100, "per_replica": 8}, replicas={"min": 3, "max": 3})]
HARDENED = {"mode": "hardened"}


@pytest.mark.parametrize(
    ("check", "more", "sections", "message", "contact", "blocking"),
    [
        ("cluster identity", {"uid": "beef"}, {}, "UID beef, and the contract is about 0f5c", "account", True),
        ("Kubernetes version", {"version": {"gitVersion": "v1.28.1"}}, {}, "is v1.28.1; stack", "account", True),
        ("Kubernetes version", {"version": {"major": "1", "minor": "29"}}, {}, "is 1.29; stack", "account", True),
        (
            "required APIs",
            {"apis": {**APIS, "apps/v1": []}},
            {},
            "does not serve Deployment (apps/v1)",
            "account",
            True,
        ),
        ("required APIs", {}, {"networking": WITH_GATEWAY}, "Install the Gateway API", "account", True),
        (
            "provider",
            {"nodes": [node("n", provider_id="gce://x")]},
            {},
            "says aws, and the cluster looks like gcp",
            "account",
            False,
        ),
        ("provider", {"apis": {**APIS, "config.openshift.io/v1": []}}, {}, "looks like openshift", "account", False),
        (
            "region",
            {},
            {"compliance": {"regions": ["us-1"]}},
            "in eu-west-1, and compliance.regions allows us-1",
            "security",
            True,
        ),
        (
            "permissions",
            {
                "permissions": [
                    {"verb": "create", "group": "apps", "resource": "deployments", "namespace": "x", "allowed": False},
                    {"verb": "create", "group": "", "resource": "pods", "subresource": "eviction", "allowed": False},
                    {"verb": "get", "group": "", "resource": "nodes", "allowed": True},
                ]
            },
            {},
            "may not create deployments.apps in x, create pods/eviction.",
            "security",
            True,
        ),
        ("GPU nodes", {"nodes": [node("cpu", None)]}, {}, "None of the cluster's 1 nodes", "capacity", True),
        ("GPU nodes", {"nodes": [node("a"), node("b", ready="False")]}, {}, "b (not ready)", "capacity", False),
        ("device plugin", {"nodes": [node("a", allocatable=0)]}, {}, "0 of 1 GPU nodes offer GPUs", "capacity", True),
        ("device plugin", {"nodes": [node("a"), node("b", allocatable=0)]}, {}, "1 of 2 GPU", "capacity", False),
        (f"approved {H100}", {"nodes": [node("a")]}, {}, "scale to 8 at most", "capacity", False),
        (f"approved {H100}", {"nodes": [node("a", product=L40S)]}, {}, "but NVIDIA-L40S", "capacity", False),
        (f"free {H100}", {}, {"models": BIG}, "1 replica of llama (8 GPUs on one node each)", "capacity", True),
        (
            f"free {H100}",
            {"nodes": [node("a", 0)]},
            {"models": [model()]},
            "2 replicas of llama (1 GPU",
            "capacity",
            True,
        ),
        ("GPU quota", {"quotas": [quota("4")]}, {}, "tighter than the 16 GPUs approved: q (4)", "capacity", True),
        (
            "images",
            {},
            {"models": [model(engine={"name": "vllm", "version": "9"})]},
            "There is no image for a model: engine vllm 9",
            "",
            True,
        ),
        (
            "DNS plan",
            {"apis": {**APIS, **GATEWAY_API}},
            {"networking": {"gateway": WITH_GATEWAY["gateway"]}},
            "name networking.domain",
            "networking",
            True,
        ),
        ("gateway", {}, {"networking": WITH_GATEWAY}, "There is no gateway gateway-system/public", "networking", True),
        (
            "gateway",
            {"gateways": [gateway("False")]},
            {"networking": WITH_GATEWAY},
            "no controller",
            "networking",
            False,
        ),
    ],
)
def test_what_is_not_met_says_who_has_to_act(
    check: str, more: dict[str, Any], sections: dict[str, Any], message: str, contact: str, blocking: bool
) -> None:
    found = items(facts(**more), contract(**sections))[check]
    assert found["ok"] is False
    assert message in found["message"]
    assert found["blocking"] is blocking
    assert found["owner"] == ("customer" if contact else "fireworks")
    assert found["contact"]["email"] == (f"{contact}@acme.example" if contact else "")
    text = refusal("acme-eu-1", [found])
    assert bool(text) is blocking
    if blocking:
        assert text.startswith("acme-eu-1 is not ready to be onboarded; nothing was changed.")
        assert f"{contact}@acme.example" in text if contact else "Action required by: Fireworks." in text


@pytest.mark.parametrize(
    ("check", "more", "sections"),
    [
        ("provider", {}, {"identity": {"provider": "bare_metal"}}),
        ("provider", {"nodes": [node("n", provider_id="gce://x")]}, {"identity": {"provider": "gpu_cloud"}}),
        ("provider", {"apis": {"config.openshift.io/v1": []}}, {"identity": {"provider": "openshift"}}),
        ("region", {}, {"compliance": {"regions": []}}),
        ("presetup", {}, {"access": HARDENED}),
        ("GPU quota", {"quotas": [quota("4", **{"app.kubernetes.io/managed-by": "fireworks-byoc"})]}, {}),
        ("GPU quota", {"quotas": [quota("64")]}, {}),
        ("gateway", {"gateways": [gateway()]}, {"networking": WITH_GATEWAY}),
        ("DNS plan", {}, {"networking": WITH_GATEWAY}),
        ("DNS plan", {}, {"networking": {"domain": "llm.acme.example"}}),
    ],
)
def test_what_is_met(check: str, more: dict[str, Any], sections: dict[str, Any]) -> None:
    found = items(facts(**more), contract(**sections))[check]
    assert found["ok"] is True
    assert (found["message"], found["owner"], found["contact"]["email"]) == ("", "", "")


LARGE = {"uri": "hf://meta-llama/Llama-3.1-70B-Instruct"}
WIDE = model(gpu={"product": H100, "per_replica": 16}, replicas={"min": 1, "max": 1})
LEADER_WORKER_SET = {"leaderworkerset.x-k8s.io/v1": ["LeaderWorkerSet"]}


def test_a_model_that_is_too_large_for_the_gpus_that_are_there_is_refused_with_the_arithmetic() -> None:
    [item] = [i for i in preflight(facts(), contract(models=[model(source=LARGE)]), RELEASE) if "memory" in i["check"]]
    assert (item["check"], item["ok"], item["blocking"]) == ("memory for llama", False, True)
    assert "131.4 GiB" in item["message"]
    assert "It would fit with gpu.per_replica: 4" in item["message"]
    assert "capacity@acme.example" in refusal("acme-eu-1", [item])


def test_the_memory_is_the_one_that_the_nodes_are_labelled_with() -> None:
    small = [node("n", memory_mib=20000), node("m", memory_mib=20000)]
    item = items(facts(small), contract(models=[model()]))
    assert item["memory for llama"]["ok"] is False
    assert "19.5 GiB" in item["memory for llama"]["message"]


def test_what_nobody_can_tell_of_a_model_is_advice() -> None:
    found = items(facts(), contract(models=[model(source={"uri": "s3://b/m"})]))["memory for llama"]
    assert (found["ok"], found["blocking"], found["found"]) == (False, False, "unproven")
    assert found["message"].startswith("Whether llama fits NVIDIA-H100-80GB-HBM3 is unproven: the architecture of")


@pytest.mark.parametrize(
    ("apis", "said"),
    [
        (
            APIS,
            "the cluster does not serve leaderworkerset.x-k8s.io/v1. Install LeaderWorkerSet and say so, have larger",
        ),
        ({**APIS, **LEADER_WORKER_SET}, "the cluster serves leaderworkerset.x-k8s.io/v1. Say so, have larger nodes"),
    ],
)
def test_a_replica_that_no_node_can_hold_is_refused_with_the_reason(apis: dict[str, Any], said: str) -> None:
    found = items(facts(apis=apis), contract(models=[WIDE]))["nodes for llama"]
    assert found["message"].startswith("One replica of llama needs 16 GPUs on one node, and the largest node")
    assert "gpu.nodes: 2 spreads it over 2 nodes with 8 each, by a LeaderWorkerSet" in found["message"]
    assert said in found["message"]
    assert found["blocking"] is True


def test_a_replica_that_a_node_can_hold_and_a_product_that_is_not_there_are_not_said_to_be_too_wide() -> None:
    assert "nodes for llama" not in items(facts(), contract(models=[model(gpu={"product": H100, "per_replica": 8})]))
    assert "nodes for llama" not in items(facts([node("a", product=L40S)]), contract(models=[WIDE]))


SPANNING = model(gpu={"product": H100, "per_replica": 16, "nodes": 2}, replicas={"min": 1, "max": 1})


def test_a_replica_that_spans_nodes_is_met_where_the_cluster_serves_what_runs_it() -> None:
    found = items(facts(apis={**APIS, **LEADER_WORKER_SET}), contract(models=[SPANNING]))
    assert found["several nodes for llama"]["ok"] is True
    assert "nodes for llama" not in found
    assert found[f"free {H100}"]["ok"] is True


@pytest.mark.parametrize(
    ("gpus", "nodes", "words"),
    [
        (16, 2, "needs 16 GPUs on 2 nodes, and the largest node with NVIDIA-H100-80GB-HBM3 has 8. That takes a"),
        (
            16,
            2,
            "does not serve leaderworkerset.x-k8s.io/v1. Install LeaderWorkerSet, or lower gpu.per_replica to what",
        ),
        (8, 2, "Install LeaderWorkerSet, or lower gpu.nodes to 1."),
    ],
)
def test_a_replica_that_spans_nodes_is_refused_where_it_does_not(gpus: int, nodes: int, words: str) -> None:
    wide = model(gpu={"product": H100, "per_replica": gpus, "nodes": nodes}, replicas={"min": 1, "max": 1})
    found = items(facts(), contract(models=[wide]))["several nodes for llama"]
    assert (found["ok"], found["blocking"], found["owner"]) == (False, True, "customer")
    assert words in found["message"]


def test_a_part_of_a_replica_that_no_node_can_hold_and_nodes_that_are_missing_are_refused_too() -> None:
    served = facts([node("a", 4), node("b", 4)], apis={**APIS, **LEADER_WORKER_SET})
    found = items(served, contract(models=[SPANNING]))["nodes for llama"]
    assert found["message"].startswith("One replica of llama needs 8 GPUs on each of 2 nodes, and the largest node")
    assert "gpu.nodes: 4 spreads it over 4 nodes with 4 each" in found["message"]
    one = facts([node("a")], apis={**APIS, **LEADER_WORKER_SET})
    short = items(one, contract(models=[SPANNING]))[f"free {H100}"]
    assert "No room for 1 replica of llama (8 GPUs on each of 2 nodes each)" in short["message"]


def test_an_engine_that_we_do_not_have_is_said_once() -> None:
    found = items(facts(), contract(models=[model(engine={"name": "magic", "version": "1"})]))
    assert found["images"]["ok"] is False
    assert "memory for llama" not in found


def test_a_second_run_does_not_miss_the_gpus_of_the_first() -> None:
    agreed = contract(models=[model(gpu={"product": H100, "per_replica": 8})])
    running = [pod(f"llama-{i}", 8, on=name, model="llama") for i, name in enumerate(("n1", "n2"))]
    assert items(facts(pods=running), agreed)[f"free {H100}"]["ok"] is True
    strangers = [pod(f"x-{i}", 8, on=name, namespace="team") for i, name in enumerate(("n1", "n2"))]
    assert items(facts(pods=strangers), agreed)[f"free {H100}"]["ok"] is False


def test_many_missing_permissions_are_not_all_listed() -> None:
    refused = [{"verb": verb, "group": "", "resource": "services", "allowed": False} for verb in "abcdefgh"]
    message = items(facts(permissions=refused), contract())["permissions"]["message"]
    assert message.endswith("f services and 2 more.")


def test_a_customer_without_an_address_is_still_named() -> None:
    agreed = contract(compliance={"regions": ["us-1"]})
    agreed["contacts"] = {topic: {"name": "", "email": ""} for topic in agreed["contacts"]}
    assert "Action required by: customer." in refusal("acme-eu-1", preflight(facts(), agreed, RELEASE))


def test_a_gateway_that_may_not_be_looked_at_is_advice() -> None:
    seen = {**facts(), "unreadable": ["/apis/gateway.networking.k8s.io/v1/gateways"]}
    [item] = [i for i in preflight(seen, contract(networking=WITH_GATEWAY), RELEASE) if i["check"] == "gateway"]
    assert (item["ok"], item["blocking"], item["found"]) == (False, False, "not seen")


def test_without_others_pods_what_is_free_is_an_upper_bound() -> None:
    seen = {**facts(), "unreadable": ["/api/v1/pods"]}
    [item] = [i for i in preflight(seen, contract(models=[model()]), RELEASE) if i["check"].startswith("free ")]
    assert item["found"].startswith("at most ")


ALICE = "system:serviceaccount:fireworks-setup:setup-alice-onboarding-20261124-1800"


@pytest.mark.parametrize(("user", "refused"), [("admin", ["namespaces", "deployments"]), (ALICE, ["deployments"])])
def test_of_the_permissions_those_count_that_this_users_onboarding_needs(user: str, refused: list[str]) -> None:
    kinds = ("namespaces", "deployments")
    asked = [
        {**question, "allowed": question["resource"] not in kinds or question["verb"] == "get"}
        for question in required_permissions(contract())
    ]
    found = items({**facts(permissions=asked), "user": user}, contract())["permissions"]
    assert not found["ok"]
    assert [kind for kind in kinds if kind in found["message"]] == refused
    assert found["owner"] == "customer"


@pytest.mark.parametrize(("identity", "owner"), [("observer", "operator"), ("operator", "customer")])
def test_what_another_identity_may_not_is_nothing_to_grant(identity: str, owner: str) -> None:
    asked = [{**question, "allowed": False} for question in required_permissions(contract())]
    user = f"system:serviceaccount:fireworks-system:{identity}"
    found = items({**facts(permissions=asked), "user": user}, contract())["permissions"]
    assert (found["ok"], found["owner"]) == (False, owner)
    assert ("Run this with the operator's" in found["message"]) == (owner == "operator")


def test_each_difference_of_the_customers_presetup_is_named_with_the_command_that_fixes_it() -> None:
    rows = [
        {
            "object": "ResourceQuota fireworks-models/approved-gpus",
            "field": "spec.hard[requests.nvidia.com/gpu]",
            "expected": "16",
            "found": "64",
            "message": "It allows 64 GPUs, and 16 are approved.",
            "command": "kubectl apply -f presetup.yaml",
        }
    ]
    found = preflight(facts(), contract(access=HARDENED), RELEASE, rows)
    text = refusal("acme-eu-1", found)
    assert "approved-gpus: It allows 64 GPUs, and 16 are approved. To fix it: kubectl apply -f presetup.yaml" in text
    assert "security@acme.example" in text
    item = next(item for item in found if item["check"] == "presetup")
    assert item["found"].endswith("/approved-gpus: spec.hard[requests.nvidia.com/gpu] is 64")
    assert item["needed"] == "16"
    surplus = {**rows[0], "field": "rules[7]", "found": {"verbs": ["get"] * 20}, "expected": None}
    item = next(item for item in preflight(facts(), contract(access=HARDENED), RELEASE, [surplus]) if not item["ok"])
    assert "approved-gpus: rules[7] is {" in item["found"]
    assert item["found"].endswith('"get", …')
    assert item["needed"] == "nothing"
    assert "presetup" not in {item["check"] for item in preflight(facts(), contract(), RELEASE, rows)}
    by_grant = preflight({**facts(), "user": ALICE}, contract(), RELEASE, rows)
    assert not next(item for item in by_grant if item["check"] == "presetup")["ok"]
