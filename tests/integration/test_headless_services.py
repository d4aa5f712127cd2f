# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A model of an earlier version has a Service with an address, which a real API server lets nobody take away from it.

The deployer does it here, held by the guardrails, which let no model have such a Service any more.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.names import labels
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.router.compiled import Served, models_part
from tests.integration.governed import governed
from tests.integration.models import CORE, LLAMA, Models
from tests.integration.plays import connection_to, perform_tasks

SERVICE = f"{CORE}/services/{LLAMA}"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/fireworks-models/endpointslices"
ROUTED = "/api/v1/namespaces/fireworks-system/configmaps"
RECREATED = {"kind": "Service", "namespace": "fireworks-models", "name": LLAMA, "action": "recreated"}


@pytest.fixture(scope="module")
def acme(bed: Any) -> Iterator[tuple[Any, Any]]:
    with governed(bed["acme"], scaling={"max_replicas_per_model": 3, "max_gpus_per_model": 16}) as contract:
        yield bed["acme"], contract


@pytest.fixture
def models(acme: tuple[Any, Any], tmp_path: Path) -> Iterator[Models]:
    """A model as an earlier version made it, which its administrator lets be, and who deploys models from now on."""
    cluster, contract = acme
    made = Models(cluster, contract, tmp_path)
    rolled = made.roll(of_before(made.version(1024)))
    assert not rolled.get("failed"), rolled["msg"]
    deployer = cluster.kubeconfig_for_service_account("fireworks-system", "deployer")
    made.connection = connection_to(cluster, kubeconfig_file=str(deployer))
    yield made
    made.connection = connection_to(cluster)
    made.retire_all()


def of_before(change: dict[str, Any]) -> dict[str, Any]:
    """The same version with a Service that gets an address."""
    made = copy.deepcopy(change)
    [service] = [one for one in made["definition"] if one["kind"] == "Service"]
    del service["spec"]["clusterIP"]
    return made


def service(models: Models) -> dict[str, Any]:
    found: dict[str, Any] = models.cluster.request("GET", SERVICE)
    return found


def addresses(models: Models) -> set[str]:
    slices = models.cluster.request("GET", f"{SLICES}?labelSelector=kubernetes.io/service-name={LLAMA}")["items"]
    return {text for one in slices for each in one.get("endpoints") or () for text in each["addresses"]}


def asked(models: Models, change: dict[str, Any], *flags: str) -> dict[str, Any]:
    return perform_tasks(models.folder, models.connection, models.task(change), flags=flags).result


def acted_on(result: dict[str, Any]) -> list[dict[str, Any]]:
    return [{key: one[key] for key in RECREATED} for one in result["objects"] if one["kind"] == "Service"]


def test_it_is_made_anew_without_an_address_as_check_mode_says_before(models: Models) -> None:
    before, ready = service(models), addresses(models)
    assert before["spec"]["clusterIP"] != "None"
    assert len(ready) == 2
    version = models.version(1024)

    checked = asked(models, version, "--check", "--diff")
    assert acted_on(checked) == [RECREATED], checked
    [shown] = [one for one in checked["diff"] if one["after_header"].startswith("Service ")]
    assert shown["after_header"] == f"Service fireworks-models/{LLAMA} (recreated)"
    assert (shown["before"]["spec"]["clusterIP"], shown["after"]["spec"]["clusterIP"]) == (
        before["spec"]["clusterIP"],
        "None",
    )
    assert LLAMA in {shown["after"]["metadata"]["name"], *shown["after"]["spec"]["selector"].values()}
    assert service(models) == before, "check mode wrote"

    rolled = asked(models, version)
    assert not rolled.get("failed"), rolled["msg"]
    assert acted_on(rolled) == [RECREATED]
    now = service(models)
    assert (now["spec"]["clusterIP"], now["metadata"]["uid"] != before["metadata"]["uid"]) == ("None", True)
    assert addresses(models) == ready, "its endpoints are those of the replicas, which nobody touched"
    assert models.revisions() == [(1, "good"), (2, "good")]
    again = asked(models, version)
    assert (again["changed"], again["objects"]) == (False, []), again

    # What is recorded of before had an address; it does not get one again, which the guardrails would refuse.
    back = asked(models, models.back_to("1"))
    assert not back.get("failed"), back
    assert service(models)["spec"]["clusterIP"] == "None"
    assert service(models)["metadata"]["uid"] == now["metadata"]["uid"]


def test_where_routers_find_replicas_by_it_it_is_made_anew_only_where_downtime_is_allowed(models: Models) -> None:
    told = models_part([Served(LLAMA, (LLAMA,))], "cluster.local")
    metadata = {"name": "router-models", "namespace": "fireworks-system", "labels": labels("stack", "router")}
    models.cluster.request("POST", ROUTED, {"metadata": metadata, "data": told})
    try:
        before = service(models)
        for flags in (("--check",), ()):
            refused = asked(models, models.version(2048), *flags)
            assert (refused["failed"], refused["code"], refused["owner"]) == (True, "refused", "customer"), refused
            assert "has an address of its own and is to have none" in refused["msg"]
            assert "allow rollout.downtime" in refused["msg"]
            assert service(models) == before
        assert models.revisions() == [(1, "good")]
        rolled = asked(models, models.version(2048, downtime=True))
        assert not rolled.get("failed"), rolled["msg"]
        assert service(models)["spec"]["clusterIP"] == "None"
    finally:
        models.cluster.request("DELETE", f"{ROUTED}/router-models")


def test_it_can_be_retired_by_who_deploys_models(models: Models) -> None:
    assert service(models)["spec"]["clusterIP"] != "None"
    retired = models.retire()
    assert not retired.get("failed"), retired
    assert "no endpoint left" in retired["steps"][0], retired["steps"]
    assert models.revisions() == []


def test_that_the_stack_is_coming_is_enough_for_check_mode_to_announce_what_routers_are_told(models: Models) -> None:
    told = {"kind": "ConfigMap", "namespace": "fireworks-system", "name": "router-models", "action": "updated"}
    task = models.task(models.version(2048))
    for after, announced in ((True, [told]), (False, [])):
        task["fireworks.byoc.model_rollout"]["after_stack"] = after
        checked = perform_tasks(models.folder, models.connection, task, flags=("--check",)).result
        also = json.loads(json.dumps(checked["also"]))
        assert [one for one in also if one["name"] == "router-models"] == announced, checked
