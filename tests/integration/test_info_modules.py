# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``cluster_info``, ``footprint_info``, ``service_probe`` and ``endpoint_info`` against real API servers."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import Any

import pytest

from demo.customers import make_gateway
from tests.integration.plays import AS_MODULE, connection_to, run_tasks

H100 = "NVIDIA-H100-80GB-HBM3"


def info(**options: Any) -> dict[str, Any]:
    keywords = {key: options.pop(key) for key in list(options) if key == "environment"}
    return {"fireworks.byoc.cluster_info": options, **keywords}


def kept(bed: Any, tmp_path: Path, *tasks: dict[str, Any], **connection: Any) -> list[dict[str, Any]]:
    return run_tasks(tmp_path, connection_to(bed["birch"], **connection), *tasks).results


@pytest.mark.floor
def test_cluster_info_knows_version_identity_gpus_and_device_plugin(bed: Any, tmp_path: Path) -> None:
    [result] = kept(bed, tmp_path, info())
    facts = result["facts"]
    assert result["changed"] is False
    assert facts["uid"] == bed["birch"].uid
    assert facts["version"]["git"].startswith("v1.36.")
    assert facts["platform"] == "kubernetes"
    assert facts["nodes"]["gpu_ready"] == 2
    product = facts["gpus"]["products"][H100]
    assert (product["capacity"], product["per_node"], product["memory_mib"]) == (16, [8], 81559)
    assert facts["device_plugin"]["found"]
    assert "Gateway" in facts["apis"]["gateway.networking.k8s.io/v1"]
    assert facts["unreadable"] == []


def test_a_gpu_in_use_is_not_free_and_a_finished_pod_holds_none(bed: Any, tmp_path: Path) -> None:
    cluster = bed["birch"]
    node = next(name for name in cluster.nodes)
    path = "/api/v1/namespaces/default/pods"
    for name, gpus, notes in [("holds", 3, {}), ("held", 2, {"testbed/run-seconds": "0"})]:
        container = {"name": "c", "image": "c:1", "resources": {"limits": {"nvidia.com/gpu": gpus}}}
        spec = {"containers": [container], "nodeName": node, "restartPolicy": "Never"}
        cluster.request("POST", path, {"metadata": {"name": name, "annotations": notes}, "spec": spec})
    try:
        deadline = time.monotonic() + 60
        while cluster.request("GET", f"{path}/held")["status"]["phase"] != "Succeeded":
            assert time.monotonic() < deadline, "the pod did not finish"
            time.sleep(0.2)
        [result] = kept(bed, tmp_path, info())
        product = result["facts"]["gpus"]["products"][H100]
        assert (product["used"], product["free"]) == (3, 13)
    finally:
        for name in ("holds", "held"):
            cluster.request("DELETE", f"{path}/{name}", {"gracePeriodSeconds": 0})


def test_the_module_and_the_action_read_the_same(bed: Any, tmp_path: Path) -> None:
    question = {"verb": "create", "group": "apps", "resource": "deployments", "namespace": "default"}
    in_process, as_module = kept(bed, tmp_path, info(can_i=[question]), info(can_i=[question], **AS_MODULE))
    as_module.pop("invocation", None)
    assert as_module == in_process
    assert in_process["facts"]["permissions"][0]["allowed"] is True


def test_what_an_identity_may_not_read_is_named_and_its_questions_are_answered(bed: Any, tmp_path: Path) -> None:
    cluster = bed["birch"]
    nobody = str(cluster.kubeconfig_for("nobody-special"))
    question = {"verb": "delete", "resource": "nodes"}
    [result] = kept(bed, tmp_path, info(can_i=[question]), kubeconfig_file=nobody, cluster_uid=None)
    # Not even kube-system may be read, so the cluster's identity cannot be known: that is a refusal of its own.
    assert result["failed"]
    assert "403" in result["msg"]

    binding = {
        "metadata": {"name": "sees-kube-system"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "sees-kube-system"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "nobody-special"}],
    }
    rule = {"apiGroups": [""], "resources": ["namespaces"], "resourceNames": ["kube-system"], "verbs": ["get"]}
    rbac = "/apis/rbac.authorization.k8s.io/v1"
    cluster.request("POST", f"{rbac}/clusterroles", {"metadata": {"name": "sees-kube-system"}, "rules": [rule]})
    cluster.request("POST", f"{rbac}/clusterrolebindings", binding)
    try:
        [result] = kept(bed, tmp_path, info(can_i=[question]), kubeconfig_file=nobody)
        assert "/api/v1/nodes" in result["facts"]["unreadable"]
        assert result["facts"]["permissions"][0]["allowed"] is False

        # Many questions about one namespace, or the whole cluster, are answered by the rules there: as each of them
        # would be by itself. What is bound in a namespace alone counts nowhere else.
        role = {
            "metadata": {"name": "lists-pods"},
            "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}],
        }
        cluster.request("POST", f"{rbac}/namespaces/kube-system/roles", role)
        in_one = {
            **binding,
            "metadata": role["metadata"],
            "roleRef": {**binding["roleRef"], "kind": "Role", "name": "lists-pods"},
        }
        cluster.request("POST", f"{rbac}/namespaces/kube-system/rolebindings", in_one)
        for where, lists_pods in (({"namespace": "kube-system"}, True), ({}, False)):
            many = [
                {"verb": verb, "group": group, "resource": resource, **where}
                for group, resource in (("", "namespaces"), ("", "pods"), ("apps", "deployments"))
                for verb in ("get", "list", "create")
            ]
            by_name = {"verb": "get", "resource": "namespaces", "name": "kube-system", **where}
            each = [info(can_i=[question]) for question in (many[0], many[4], by_name)]
            together, *alone = kept(bed, tmp_path, info(can_i=[*many, by_name]), *each, kubeconfig_file=nobody)
            answers = [answer["allowed"] for answer in together["facts"]["permissions"]]
            assert answers == [index == 4 and lists_pods for index in range(len(many))] + [True]
            assert [one["facts"]["permissions"][0]["allowed"] for one in alone] == [answers[0], answers[4], answers[-1]]
    finally:
        cluster.request("DELETE", f"{rbac}/clusterrolebindings/sees-kube-system")
        cluster.request("DELETE", f"{rbac}/clusterroles/sees-kube-system")
        for kind in ("rolebindings", "roles"):
            cluster.request("DELETE", f"{rbac}/namespaces/kube-system/{kind}/lists-pods")


def test_the_footprint_lists_everything_of_ours_with_its_set_and_nothing_else(bed: Any, tmp_path: Path) -> None:
    space = "footprint"
    manifests = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space}},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": space}},
    ]
    a_set = {"name": "small", "namespace": space}
    footprint: dict[str, Any] = {"fireworks.byoc.footprint_info": {}}
    _applied, found, as_module, removed, nothing = kept(
        bed,
        tmp_path,
        {"fireworks.byoc.apply_set": {**a_set, "definition": manifests}},
        footprint,
        {**footprint, **AS_MODULE},
        {"fireworks.byoc.apply_set": {**a_set, "state": "absent"}},
        footprint,
    )
    as_module.pop("invocation", None)
    assert as_module == found
    ours = {(o["kind"], o["name"], o["set"]) for o in found["objects"]}
    assert ours == {("Namespace", space, "small"), ("ConfigMap", "a", "small"), ("ConfigMap", "small", "")}
    assert removed["counts"]["deleted"] == 2
    assert nothing == {**nothing, "objects": [], "unreadable": []}


def test_a_probe_says_how_a_service_answers_and_does_not_fail_the_task(bed: Any, tmp_path: Path) -> None:
    probe = {"namespace": "default", "service": "nothing-there", "timeout": 5}
    result, as_module = kept(
        bed,
        tmp_path,
        {"fireworks.byoc.service_probe": probe},
        {"fireworks.byoc.service_probe": probe, **AS_MODULE},
    )
    assert (result["ok"], result["status"], result["changed"]) == (False, 404, False)
    assert "not found" in result["error"]
    assert as_module["error"] == result["error"]


def test_a_gateways_addresses_are_read_and_one_that_may_not_be_asked_is_not(bed: Any, tmp_path: Path) -> None:
    make_gateway(bed["birch"])
    look = {"domain": "llm.birch.example", "hosts": ["llama.llm.birch.example"], "addresses": ["203.0.113.7"]}
    try:
        read, found, as_module = kept(
            bed,
            tmp_path,
            info(),
            {"fireworks.byoc.endpoint_info": look},
            {"fireworks.byoc.endpoint_info": look, **AS_MODULE},
        )
    finally:
        bed["birch"].remove_namespaces("gateway-system")
    [gateway] = read["facts"]["gateways"]
    assert gateway["addresses"] == [{"type": "IPAddress", "value": "203.0.113.7"}]
    endpoint = found["endpoint"]
    assert [one["name"] for one in endpoint["names"]] == ["llm.birch.example", "llama.llm.birch.example"]
    assert (endpoint["not_tested"], endpoint["answer"]) == ("203.0.113.7 is no public address", {})
    assert endpoint["asked_from"] == socket.gethostname()
    assert {**as_module["endpoint"], "asked_at": ""} == {**endpoint, "asked_at": ""}
    assert found["changed"] is False


def test_a_registry_is_not_asked_without_a_login_and_a_config_that_is_none_is_refused(bed: Any, tmp_path: Path) -> None:
    image = "registry.acme.example/fireworks/router@sha256:" + "ab" * 32
    (tmp_path / "config.json").write_text('{"auths": {"other.example": {"auth": "YTpi"}}}')
    ask = {"images": [image], "docker_config": str(tmp_path / "config.json")}
    tasks = [{"fireworks.byoc.image_info": ask}, {"fireworks.byoc.image_info": ask, **AS_MODULE}]
    found, as_module = run_tasks(tmp_path, connection_to(bed["birch"]), *tasks, flags=("--check",)).results
    why = "the docker config has no login for registry.acme.example"
    assert found["images"] == [{"image": image, "asked": False, "state": "unknown", "why": why}]
    assert (as_module["images"], found["changed"]) == (found["images"], False)
    wrong = {"fireworks.byoc.image_info": {"images": [image], "docker_config": str(tmp_path / "none.json")}}
    refused = run_tasks(tmp_path, connection_to(bed["birch"]), {**wrong, "ignore_errors": True}).results[0]
    assert refused["failed"] and "cannot read the docker config" in refused["msg"]


def test_in_check_mode_all_three_read_as_ever(bed: Any, tmp_path: Path) -> None:
    probe = {"namespace": "default", "service": "nothing-there", "timeout": 5}
    tasks = [info(), {"fireworks.byoc.footprint_info": {}}, {"fireworks.byoc.service_probe": probe}]
    facts, footprint, probed = run_tasks(tmp_path, connection_to(bed["birch"]), *tasks, flags=("--check",)).results
    assert facts["facts"]["uid"] == bed["birch"].uid
    assert "objects" in footprint
    assert probed["status"] == 404
