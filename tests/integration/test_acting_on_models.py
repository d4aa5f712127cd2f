# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What deployers, upgraders and setup grants cannot do call by call: each was let in before."""

from __future__ import annotations

import copy
import json
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.grant import setup_grant
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.setup_bounds import setup_bounds
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.identities import account_objects
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.identities.permissions import onboarding_needs
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.names import labels
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.router.compiled import Served, models_part
from byoc_testbed.api import APPLY, MERGE, Api
from byoc_testbed.errors import ApiError
from tests.integration.acting import (
    CONFIG_MAPS,
    CONTRACT,
    DEPLOYMENTS,
    GOOD,
    JOBS,
    OURS,
    PODS,
    SERVICES,
    SETS,
    STACK,
    Manifest,
    answer,
    cleaned,
    deployment,
    governed_place,
    running,
)
from tests.integration.forbidden_objects import STACK_SERVICE
from tests.integration.guarded import Governed, pod_spec, until, workload


@pytest.fixture(scope="module")
def place() -> Iterator[Governed]:
    yield from governed_place()


@pytest.fixture(autouse=True)
def clean(place: Governed) -> Iterator[None]:
    yield from cleaned(place)


def job(name: str, account: str = "engine") -> Manifest:
    claim = {"name": "weights", "persistentVolumeClaim": {"claimName": "staged"}}
    more = {"automountServiceAccountToken": False, "restartPolicy": "Never", "volumes": [claim]}
    marks = {**labels("model-fetched", "fetched"), OURS + "stages": "fetched"}
    spec = {"parallelism": 1, "completions": 1, "backoffLimit": 2, "activeDeadlineSeconds": 600}
    template = {"metadata": {"labels": marks}, "spec": pod_spec(GOOD, account=account, **more)}
    metadata = {"name": name, "labels": labels("model-fetched", "fetched")}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {**spec, "template": template}}


def test_a_job_that_is_deleted_takes_its_pod_with_it(place: Governed) -> None:
    """Of a DELETE that says nothing, batch/v1 leaves the pods: without an owner, a deadline, or anybody to end them."""
    deployer = place.acting_as("deployer")
    deployer.request("POST", JOBS, job("fetched-weights-1"))

    def pods() -> list[Manifest]:
        found = place.cluster.request("GET", f"{PODS}?labelSelector={OURS}stages")["items"]
        return [one for one in found if not one["metadata"].get("deletionTimestamp")]

    until(pods, "no pod")
    said = answer(deployer, "DELETE", f"{JOBS}/fetched-weights-1")
    time.sleep(3)
    assert said
    assert all(one["metadata"].get("ownerReferences") for one in pods())


def test_a_models_job_and_pods_have_the_cloud_identity_of_no_other_model(place: Governed) -> None:
    deployer, medic = place.acting_as("deployer"), place.acting_as("node-medic")
    own = {"automountServiceAccountToken": False, "restartPolicy": "Never", "activeDeadlineSeconds": 60}
    marks = {OURS + "canary": "true", "app.kubernetes.io/managed-by": "fireworks-byoc"}
    canary = {"metadata": {"name": "canary", "labels": marks}, "spec": pod_spec(GOOD, account="engine-cloud", **own)}
    other = workload("Deployment", "other", pod_spec(GOOD, account="engine-cloud"))
    answers = {
        "a Job": answer(deployer, "POST", JOBS, job("fetched-weights-2", "engine-cloud")),
        "a model": answer(deployer, "POST", DEPLOYMENTS, other),
        "a canary": answer(medic, "POST", PODS, canary),
    }
    assert [what for what, said in answers.items() if not said] == []


def router_models(*served: tuple[str, str]) -> Manifest:
    data = models_part([Served(model, (name,)) for model, name in served], "cluster.local")
    return {"metadata": {"name": "router-models", "labels": labels("stack", "router")}, "data": data}


def test_the_router_is_told_nothing_that_it_cannot_read(place: Governed) -> None:
    made = router_models(("a", "x"), ("b", "y"))
    place.acting_as("operator").request("POST", CONFIG_MAPS, made)
    clusters, routes = made["data"]["clusters.json"], made["data"]["routes.json"]
    first = clusters.split("\n")[0]
    let_in = []
    try:
        for what, told in (
            ("an escape that JSON has not", {"routes.json": routes.replace('"x"', '"\\q"')}),
            ("two heads", {"clusters.json": f"{first}\n{clusters}"}),
            ("an end alone", {"clusters.json": "]}"}),
        ):
            with pytest.raises(ValueError, match=r"."):
                json.loads(next(iter(told.values())))
            if not answer(place.acting_as("deployer"), "PATCH", f"{CONFIG_MAPS}/router-models", {"data": told}):
                let_in.append(what)
    finally:
        place.cluster.request("DELETE", f"{CONFIG_MAPS}/router-models")
    assert let_in == []


def test_the_deployer_changes_only_the_data_of_what_the_router_is_told(place: Governed) -> None:
    """As a member of a model's set it goes when the operator removes that set, which the deployer itself may not."""
    place.acting_as("operator").request("POST", CONFIG_MAPS, router_models(("a", "x")))
    mark = {"applyset.kubernetes.io/part-of": "applyset-x-v1", "app.kubernetes.io/part-of": "model-a"}
    try:
        said = answer(
            place.acting_as("deployer"), "PATCH", f"{CONFIG_MAPS}/router-models", {"metadata": {"labels": mark}}
        )
    finally:
        place.cluster.request("DELETE", f"{CONFIG_MAPS}/router-models")
    assert said


def candidate(name: str, model: str = "llama") -> Manifest:
    made = deployment(name)
    made["metadata"]["labels"] = labels(f"model-{model}", model)
    made["spec"]["selector"] = {"matchLabels": {OURS + "candidate": name}}
    made["spec"]["template"]["metadata"]["labels"] = {**labels(f"model-{model}", model), OURS + "candidate": name}
    return made


def test_a_candidate_is_named_by_a_digest(place: Governed) -> None:
    """By any other name something could scale it."""
    deployer = place.acting_as("deployer")
    assert answer(deployer, "POST", DEPLOYMENTS, candidate("llama-candidate-a-b"))
    assert not answer(deployer, "POST", f"{DEPLOYMENTS}?dryRun=All", candidate("llama-candidate-0123abcd"))


@pytest.mark.soak
def test_our_services_leave_the_customer_addresses_of_services(place: Governed) -> None:
    """4,091 of them would take every address of a /20, and the customer could make no Service anywhere."""

    def make(number: int) -> str:
        made, name = copy.deepcopy(STACK_SERVICE), f"z{number}"
        made["metadata"] |= {"name": name, "labels": labels("stack", name)}
        made["spec"]["selector"] = {OURS + "component": name}
        return answer(place.acting_as("upgrader"), "POST", SERVICES, made)

    with ThreadPoolExecutor(8) as workers:
        answers = list(workers.map(make, range(600)))
    with suppress(ApiError):
        place.cluster.request("DELETE", SERVICES)
    assert sum("exceeded quota" in said for said in answers) >= 100


def test_a_component_has_no_more_replicas_than_an_autoscaler_may_ask_for_or_than_before(place: Governed) -> None:
    upgrader = place.acting_as("upgrader")
    powerless = {"account": "default", "automountServiceAccountToken": False, "priorityClassName": "fireworks-critical"}
    made = workload("Deployment", "zz", pod_spec(GOOD, **powerless))
    made["metadata"]["labels"] = labels("stack", "zz")
    upgrader.request("POST", STACK, made)
    assert answer(upgrader, "PATCH", f"{STACK}/zz?dryRun=All", {"spec": {"replicas": 300}})
    place.cluster.request("PATCH", f"{STACK}/zz", {"spec": {"replicas": 14}}, MERGE)
    assert not answer(upgrader, "PATCH", f"{STACK}/zz?dryRun=All", {"spec": {"replicas": 13}})
    assert "at most 10" in answer(upgrader, "PATCH", f"{STACK}/zz?dryRun=All", {"spec": {"replicas": 15}})


def test_a_setup_grant_leaves_no_orphans(place: Governed) -> None:
    admin, now = place.cluster.api, datetime.now(UTC)
    grant = setup_grant("alice", "a test", (now + timedelta(hours=2)).isoformat(), now.isoformat(), "7200s")
    about = {"labels": labels(grant.set, grant.name), "annotations": {}}
    for each in (
        *setup_bounds(CONTRACT),
        *account_objects(grant.name, "fireworks-setup", onboarding_needs(CONTRACT), about),
    ):
        path = f"{admin.collection(each)}/{each['metadata']['name']}"
        admin.request("PATCH", f"{path}?fieldManager=setup&force=true", each, APPLY)
    time.sleep(2)
    asked = {"spec": {"expirationSeconds": 7200}}
    path = f"/api/v1/namespaces/fireworks-setup/serviceaccounts/{grant.name}/token"
    api = Api(place.cluster.server, place.cluster.ca_file, admin.request("POST", path, asked)["status"]["token"])
    api.request("POST", DEPLOYMENTS, deployment("orphan", replicas=2))
    until(lambda: running(place, "orphan") == 2, "they do not run")
    said = answer(api, "DELETE", f"{DEPLOYMENTS}/orphan?propagationPolicy=Orphan")
    time.sleep(2)
    sets = [one for one in place.cluster.request("GET", SETS)["items"] if one["metadata"]["name"].startswith("orphan-")]
    owned = Counter(bool(one["metadata"].get("ownerReferences")) for one in sets)
    place.cluster.remove_namespaces("fireworks-setup")
    assert said
    assert not owned[False]
