# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``apply_set`` against a real API server: each case checks, proves that nothing changed, applies, proves, repeats."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.plays import AS_MODULE, connection_to, perform_tasks, run_tasks

NUMBERS = itertools.count(1)


@pytest.fixture
def cluster(bed: Any) -> Any:
    return bed["acme"]


@pytest.fixture
def space(cluster: Any) -> Iterator[str]:
    """A namespace name of this test's own, deleted afterwards if the test left it."""
    name = f"apply-set-{next(NUMBERS)}"
    yield name
    cluster.remove_namespaces(name)


def get(cluster: Any, path: str) -> dict[str, Any] | None:
    try:
        return cluster.request("GET", path)
    except Exception as error:
        if getattr(error, "status", None) == 404:
            return None
        raise


def namespace(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def config_map(space: str, name: str = "settings", **data: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": space}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data or {"a": "1"}}


def deployment(space: str, replicas: int = 1, cpu: str = "10m", **annotations: str) -> dict[str, Any]:
    labels = {"app": "web"}
    container = {"name": "web", "image": "web:1", "resources": {"requests": {"cpu": cpu}}}
    toleration = {"operator": "Exists"}
    template = {
        "metadata": {"labels": labels, "annotations": annotations},
        "spec": {"containers": [container], "tolerations": [toleration]},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": space},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template},
    }


def task(space: str, *manifests: dict[str, Any], **options: Any) -> dict[str, Any]:
    definition = {"definition": list(manifests)} if manifests else {}
    keywords = {key: options.pop(key) for key in list(options) if key in ("environment", "check_mode")}
    arguments = {"name": "web", "namespace": space, "wait_timeout": 60, **definition, **options}
    return {"fireworks.byoc.apply_set": arguments, **keywords}


def actions(result: dict[str, Any]) -> dict[str, str]:
    return {f"{o['kind']}/{o['name']}": o["action"] for o in result["objects"]}


def live_of(cluster: Any, space: str) -> tuple[Any, Any]:
    path = f"/api/v1/namespaces/{space}/configmaps"
    return get(cluster, f"{path}/settings"), get(cluster, f"{path}/web")


@pytest.mark.floor
def test_check_applies_nothing_apply_applies_all_and_a_repeat_changes_nothing(
    cluster: Any, space: str, tmp_path: Path
) -> None:
    manifests = (namespace(space), config_map(space), deployment(space))
    to = connection_to(cluster)

    checked = run_tasks(tmp_path, to, task(space, *manifests), flags=("--check", "--diff")).result
    assert checked["changed"] is True
    assert checked["counts"] == {"created": 3, "updated": 0, "deleted": 0, "unchanged": 0}
    assert get(cluster, f"/api/v1/namespaces/{space}") is None

    applied = run_tasks(tmp_path, to, task(space, *manifests), flags=("--diff",)).result
    assert applied["counts"] == checked["counts"]
    assert all(o["ready"] for o in applied["objects"] if "ready" in o)
    strip_server_side = [{**entry, "after": None} for entry in applied["diff"]]
    assert strip_server_side == [{**entry, "after": None} for entry in checked["diff"]]
    web = get(cluster, f"/apis/apps/v1/namespaces/{space}/deployments/web")
    assert web is not None
    assert web["status"]["availableReplicas"] == 1

    again = run_tasks(tmp_path, to, task(space, *manifests), flags=("--diff",)).result
    assert (again["changed"], again["diff"]) == (False, [])
    assert set(actions(again).values()) == {"unchanged"}


def test_check_mode_predicts_the_very_object_that_apply_then_makes(cluster: Any, space: str, tmp_path: Path) -> None:
    to = connection_to(cluster)
    perform_tasks(tmp_path, to, task(space, namespace(space), config_map(space)))
    grown = task(space, namespace(space), config_map(space, a="2", b="3"))
    checked = perform_tasks(tmp_path, to, grown, flags=("--check", "--diff")).result
    applied = perform_tasks(tmp_path, to, grown, flags=("--diff",)).result
    assert checked["diff"] == applied["diff"]
    assert checked["diff"][0]["before"]["data"] == {"a": "1"}
    assert checked["diff"][0]["after"]["data"] == {"a": "2", "b": "3"}


@pytest.mark.floor
def test_the_module_and_the_action_give_identical_results(cluster: Any, space: str, tmp_path: Path) -> None:
    to = connection_to(cluster)
    manifests = (namespace(space), config_map(space), deployment(space))
    run_tasks(tmp_path, to, task(space, *manifests))
    changed = (namespace(space), config_map(space, a="2"))
    in_process, as_module = run_tasks(
        tmp_path,
        to,
        task(space, *changed, check_mode=True),
        task(space, *changed, check_mode=True, **AS_MODULE),
        flags=("--diff",),
    ).results
    as_module.pop("invocation", None)
    assert as_module == in_process
    assert actions(in_process)["Deployment/web"] == "deleted"

    failed, failed_as_module = run_tasks(
        tmp_path, to, task(space, config_map("nowhere")), task(space, config_map("nowhere"), **AS_MODULE)
    ).results
    assert failed["msg"] == failed_as_module["msg"]
    assert failed["owner"] == failed_as_module["owner"]


def test_what_left_the_set_is_deleted_and_nothing_else(cluster: Any, space: str, tmp_path: Path) -> None:
    to = connection_to(cluster)
    perform_tasks(tmp_path, to, task(space, namespace(space), config_map(space), config_map(space, "old")))
    cluster.request("POST", f"/api/v1/namespaces/{space}/configmaps", config_map(space, "theirs"))
    result = perform_tasks(tmp_path, to, task(space, namespace(space), config_map(space))).result
    assert actions(result)["ConfigMap/old"] == "deleted"
    assert get(cluster, f"/api/v1/namespaces/{space}/configmaps/old") is None
    assert get(cluster, f"/api/v1/namespaces/{space}/configmaps/theirs") is not None


def test_what_left_the_set_and_stays_is_not_told_as_deleted(cluster: Any, space: str, tmp_path: Path) -> None:
    to, fewer = connection_to(cluster), task(space, namespace(space), config_map(space), wait_timeout=2)
    tried = {**fewer, "ignore_errors": True}
    perform_tasks(tmp_path, to, task(space, namespace(space), config_map(space), config_map(space, "old")))
    path = f"/api/v1/namespaces/{space}/configmaps/old"
    cluster.request("PATCH", path, {"metadata": {"finalizers": ["example.com/held"]}})
    try:
        for failed in run_tasks(tmp_path, to, tried, tried).results:
            assert "not gone in time" in failed["msg"] and "example.com/held" in failed["msg"], failed["msg"]
    finally:
        cluster.request("PATCH", path, {"metadata": {"finalizers": None}})
    done = perform_tasks(tmp_path, to, fewer).result
    assert not done.get("failed"), done
    assert get(cluster, path) is None


def test_what_is_on_its_way_out_is_waited_for_and_made_anew(cluster: Any, space: str, tmp_path: Path) -> None:
    given = task(space, namespace(space), config_map(space))
    perform_tasks(tmp_path, connection_to(cluster), given)
    path = f"/api/v1/namespaces/{space}/configmaps/settings"
    held = cluster.request("PATCH", path, {"metadata": {"finalizers": ["example.com/held"]}})
    cluster.request("DELETE", path)
    release = threading.Timer(3.0, cluster.request, ("PATCH", path, {"metadata": {"finalizers": None}}))
    release.start()
    again = perform_tasks(tmp_path, connection_to(cluster), given).result
    release.join()
    assert actions(again)["ConfigMap/settings"] == "created", again
    made = get(cluster, path)
    assert made is not None, "it went with the old one"
    assert made["metadata"]["uid"] != held["metadata"]["uid"]


def test_absent_removes_the_set_and_leaves_a_namespace_that_holds_somebody_elses_things(
    cluster: Any, space: str, tmp_path: Path
) -> None:
    to = connection_to(cluster)
    perform_tasks(tmp_path, to, task(space, namespace(space), config_map(space), deployment(space)))
    theirs = f"/api/v1/namespaces/{space}/configmaps/theirs"
    cluster.request("POST", f"/api/v1/namespaces/{space}/configmaps", config_map(space, "theirs"))

    refused = perform_tasks(tmp_path, to, task(space, state="absent")).result
    assert refused["failed"]
    assert f"ConfigMap {space}/theirs" in refused["msg"]
    assert live_of(cluster, space)[0] is not None, "nothing may be deleted when the removal is refused"

    cluster.request("DELETE", theirs)
    checked = perform_tasks(tmp_path, to, task(space, state="absent"), flags=("--check",)).result
    assert checked["counts"]["deleted"] == 3
    assert live_of(cluster, space)[0] is not None

    removed = perform_tasks(tmp_path, to, task(space, state="absent")).result
    assert removed["counts"]["deleted"] == 3
    assert get(cluster, f"/api/v1/namespaces/{space}") is None
    again = perform_tasks(tmp_path, to, task(space, state="absent")).result
    assert again["changed"] is False


def test_the_namespace_that_holds_the_set_s_own_record_is_never_pruned(
    cluster: Any, space: str, tmp_path: Path
) -> None:
    to = connection_to(cluster)
    perform_tasks(tmp_path, to, task(space, namespace(space), config_map(space)))
    refused = perform_tasks(tmp_path, to, task(space, config_map(space, a="2"))).result
    assert refused["failed"]
    assert "the set's parent would be deleted with it: keep it in the set" in refused["msg"]
    assert live_of(cluster, space)[0]["data"] == {"a": "1"}, "nothing may be written when it is refused"


def test_absent_works_when_a_definition_is_gone_with_its_resources(cluster: Any, space: str, tmp_path: Path) -> None:
    to = connection_to(cluster)
    group = f"{space}.example"
    definition, resource = custom_kind(group, space)
    applied = perform_tasks(tmp_path, to, task(space, namespace(space), definition, resource)).result
    assert applied["counts"]["created"] == 3
    cluster.request("DELETE", f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.{group}")
    removed = perform_tasks(tmp_path, to, task(space, state="absent")).result
    assert not removed.get("failed"), removed
    assert get(cluster, f"/api/v1/namespaces/{space}") is None


def custom_kind(group: str, space: str) -> tuple[dict[str, Any], dict[str, Any]]:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    names = {"kind": "Widget", "plural": "widgets", "singular": "widget", "listKind": "WidgetList"}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"widgets.{group}"},
        "spec": {"group": group, "names": names, "scope": "Namespaced", "versions": [version]},
    }
    metadata = {"name": "w", "namespace": space}
    return definition, {"apiVersion": f"{group}/v1", "kind": "Widget", "metadata": metadata, "spec": {"size": 1}}


@pytest.mark.soak
def test_a_custom_resource_may_come_in_the_same_set_as_its_definition(cluster: Any, space: str, tmp_path: Path) -> None:
    definition, resource = custom_kind(f"{space}.example", space)
    tasks = task(space, resource, definition, namespace(space))
    result = perform_tasks(tmp_path, connection_to(cluster), tasks).result
    assert result["counts"]["created"] == 3
    again, removed = perform_tasks(tmp_path, connection_to(cluster), tasks, task(space, state="absent")).results
    assert again["changed"] is False
    assert removed["counts"]["deleted"] == 3


def test_an_object_that_belongs_to_nobody_is_adopted_only_when_told(cluster: Any, space: str, tmp_path: Path) -> None:
    to = connection_to(cluster)
    cluster.request("POST", "/api/v1/namespaces", namespace(space))
    cluster.request("POST", f"/api/v1/namespaces/{space}/configmaps", config_map(space))
    refused, adopted = perform_tasks(
        tmp_path,
        to,
        task(space, config_map(space)),
        task(space, config_map(space, a="1"), adopt="unowned", force_conflicts=True),
    ).results
    assert f"ConfigMap {space}/settings: exists already and belongs to no set" in refused["msg"]
    assert actions(adopted) == {"ConfigMap/settings": "updated"}


def test_an_object_of_another_set_is_never_taken_over(cluster: Any, space: str, tmp_path: Path) -> None:
    to = connection_to(cluster)
    perform_tasks(tmp_path, to, task(space, namespace(space), config_map(space)))
    stolen = task(space, config_map(space), name="thief", adopt="unowned", force_conflicts=True)
    result = perform_tasks(tmp_path, to, stolen).result
    assert "belongs to another set" in result["msg"]
    assert get(cluster, f"/api/v1/namespaces/{space}/configmaps/thief") is None


def test_a_field_of_another_manager_is_named_and_kept_until_forced(cluster: Any, space: str, tmp_path: Path) -> None:
    to = connection_to(cluster)
    perform_tasks(tmp_path, to, task(space, namespace(space), config_map(space)))
    path = f"/api/v1/namespaces/{space}/configmaps/settings"
    cluster.request("PATCH", f"{path}?fieldManager=their-editor", {"data": {"a": "theirs"}},
                    content_type="application/merge-patch+json")  # fmt: skip
    refused, forced = perform_tasks(
        tmp_path,
        to,
        task(space, namespace(space), config_map(space, a="2")),
        task(space, namespace(space), config_map(space, a="2"), force_conflicts=True),
    ).results
    assert ".data.a" in refused["msg"]
    assert "their-editor" in refused["msg"]
    assert actions(forced)["ConfigMap/settings"] == "updated"


def test_one_manifest_that_the_server_rejects_refuses_the_whole_set(cluster: Any, space: str, tmp_path: Path) -> None:
    broken = config_map(space, "Not_A_Name")
    unknown = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "b", "namespace": space}, "dota": {}}
    result = perform_tasks(
        tmp_path, connection_to(cluster), task(space, namespace(space), config_map(space), broken, unknown)
    ).result
    assert "nothing was written" in result["msg"]
    assert "Not_A_Name" in result["msg"]
    assert "dota" in result["msg"]
    assert get(cluster, f"/api/v1/namespaces/{space}") is None


@pytest.mark.parametrize(
    ("manifests", "message"),
    [
        ([{"kind": "ConfigMap"}], "manifest 1: has no apiVersion"),
        (["text"], "manifest 1: is not a mapping"),
        ([{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}}], "manifest 1: ConfigMap has no metadata.name"),
        ([{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}], "has no metadata.namespace"),
        (
            [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": {"b": 1}}}],
            "ConfigMap a has a metadata.namespace that is not text",
        ),
        ([config_map("x"), config_map("x")], "is in the set twice"),
        ([{"apiVersion": "no.example/v1", "kind": "Widget", "metadata": {"name": "a"}}], "does not serve Widget"),
        ([config_map("nowhere")], "namespace"),
    ],
)
def test_a_set_that_is_none_is_refused_with_its_reason(
    cluster: Any, space: str, tmp_path: Path, manifests: list[Any], message: str
) -> None:
    result = perform_tasks(tmp_path, connection_to(cluster), task(space, definition=manifests)).result
    assert result["failed"]
    assert message in result["msg"]
    assert "Traceback" not in str(result)


def test_a_workload_that_does_not_become_ready_fails_with_what_its_pods_wait_for(
    cluster: Any, space: str, tmp_path: Path
) -> None:
    greedy = task(space, namespace(space), deployment(space, cpu="5000"), wait_timeout=4)
    result = perform_tasks(tmp_path, connection_to(cluster), greedy).result
    assert result["failed"]
    assert f"Deployment {space}/web: 0 of 1 replicas are available" in result["msg"]
    assert "Insufficient cpu" in result["msg"]
    assert "not ready within 4 s" in result["msg"]


def test_secret_values_never_show_in_a_diff(cluster: Any, space: str, tmp_path: Path) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": space},
              "stringData": {"password": "hunter2-value"}}  # fmt: skip
    outcome = run_tasks(tmp_path, connection_to(cluster), task(space, namespace(space), secret), flags=("--diff",))
    assert outcome.result["counts"]["created"] == 2
    assert "hunter2" not in outcome.output
    assert "aHVudGVyMi12YWx1ZQ==" not in outcome.output
    assert "(hidden" in outcome.output


def test_a_key_that_leaves_string_data_leaves_the_secret(cluster: Any, space: str, tmp_path: Path) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": space}}
    for texts in ({"a": "b", "c": "d🚨"}, {"a": "b"}):
        manifests = (namespace(space), {**secret, "stringData": texts})
        assert perform_tasks(tmp_path, connection_to(cluster), task(space, *manifests)).result["changed"]
    assert (get(cluster, f"/api/v1/namespaces/{space}/secrets/s") or {})["data"] == {"a": "Yg=="}
    assert not perform_tasks(tmp_path, connection_to(cluster), task(space, *manifests)).result["changed"]


def test_a_set_never_holds_its_own_record_nor_that_of_another(cluster: Any, space: str, tmp_path: Path) -> None:
    def applied(*manifests: Any, **options: Any) -> dict[str, Any]:
        return perform_tasks(
            tmp_path, connection_to(cluster), task(space, namespace(space), *manifests, **options)
        ).result

    own = applied(config_map(space, "web"))
    assert "is where the set keeps its own record" in own["msg"]
    assert get(cluster, f"/api/v1/namespaces/{space}") is None
    applied(config_map(space))
    taken = perform_tasks(
        tmp_path, connection_to(cluster), task(space, config_map(space, "web"), name="other", adopt="unowned")
    ).result
    assert "is the record of another set" in taken["msg"]
    assert not applied(config_map(space))["changed"]


def test_templates_and_files_are_read_on_the_controller(cluster: Any, space: str, tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "space.yml.j2").write_text(
        'apiVersion: v1\nkind: Namespace\nmetadata:\n  name: "{{ the_space }}"\n'
    )
    (tmp_path / "files" / "dir").mkdir(parents=True)
    (tmp_path / "files" / "dir" / "a.yml").write_text(
        f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a, namespace: {space}}}\n---\n"
        f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: b, namespace: {space}}}\n"
    )
    both = task(space, template=["space.yml.j2"], src=["dir"])
    result = run_tasks(tmp_path, connection_to(cluster), {**both, "vars": {"the_space": space}}).result
    assert sorted(actions(result)) == ["ConfigMap/a", "ConfigMap/b", f"Namespace/{space}"]


def test_an_empty_set_is_refused_for_it_would_delete_everything(cluster: Any, space: str, tmp_path: Path) -> None:
    result = perform_tasks(tmp_path, connection_to(cluster), task(space, definition=[])).result
    assert "the set has no manifests" in result["msg"]


def test_kubectl_understands_the_set(cluster: Any, space: str, tmp_path: Path) -> None:
    perform_tasks(tmp_path, connection_to(cluster), task(space, namespace(space), config_map(space)))
    parent = cluster.request("GET", f"/api/v1/namespaces/{space}/configmaps/web")
    set_id = parent["metadata"]["labels"]["applyset.kubernetes.io/id"]
    assert parent["metadata"]["annotations"]["applyset.kubernetes.io/contains-group-kinds"] == "ConfigMap,Namespace"
    found = cluster.kubectl("get", "configmaps", "-A", "-o", "name", "-l", f"applyset.kubernetes.io/part-of={set_id}")
    assert found.split() == ["configmap/settings"]


def test_a_config_map_that_is_no_parent_of_ours_is_left_alone(cluster: Any, space: str, tmp_path: Path) -> None:
    cluster.request("POST", "/api/v1/namespaces", namespace(space))
    cluster.request("POST", f"/api/v1/namespaces/{space}/configmaps", config_map(space, "web"))
    result = perform_tasks(tmp_path, connection_to(cluster), task(space, config_map(space))).result
    assert "belongs to somebody" in result["msg"]
    assert live_of(cluster, space)[0] is None
