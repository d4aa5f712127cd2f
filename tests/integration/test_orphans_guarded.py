# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose a pod is, under the guardrails: the node medic takes it from its owner and gives it back, and to nobody else.

A ReplicaSet that wants no pods deletes one that it is given, without asking any disruption budget.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from byoc_testbed.api import APPLY, MERGE
from tests.integration.clocked import APPS, PREFIX, versioned
from tests.integration.guarded import MODELS, RELEASE_REGISTRY, Governed, governed, refusal, until
from tests.unit.domain.agreed import contract as agreed

NAME, NOTE, HASH = "owned", f"{PREFIX}replaced-by", "pod-template-hash"
Manifest = dict[str, Any]


@pytest.fixture(scope="module")
def site(bed: Any) -> Iterator[Governed]:
    with governed(bed["acme"]) as made:
        # Where drains need an approval, so does taking a pod (test_acting_on_nodes).
        made.govern(agreed(compliance={"registries": [RELEASE_REGISTRY]}, actions={"drain": "auto"}))
        yield made


def installed(site: Governed, *versions: str) -> dict[str, str]:
    """A Deployment that went through these versions: the hash of each one's ReplicaSet."""
    found: dict[str, str] = {}
    path = f"{APPS}/deployments/{NAME}?fieldManager=test&force=true"
    for mark in versions:
        site.acting_as("deployer").request("PATCH", path, versioned("Deployment", NAME, mark), APPLY)

        def there(mark: str = mark) -> bool:
            for made in site.cluster.request("GET", f"{APPS}/replicasets?labelSelector=app%3D{NAME}")["items"]:
                of = made["spec"]["template"]["metadata"]["annotations"][f"{PREFIX}revision"]
                found[of] = made["metadata"]["labels"][HASH]
            return mark in found

        until(there, f"{mark} came to nothing")
    return found


def test_a_pod_is_taken_from_its_owner_and_returned_to_no_other(site: Governed) -> None:
    hashes = installed(site, "first", "second")
    old, own = hashes["first"], hashes["second"]
    selected = f"/api/v1{MODELS}/pods?labelSelector=app%3D{NAME},{HASH}%3D{own}"
    until(lambda: site.cluster.request("GET", selected)["items"], "no pod")
    pod = f"/api/v1{MODELS}/pods/{site.cluster.request('GET', selected)['items'][0]['metadata']['name']}"
    medic = site.acting_as("node-medic")

    def refused(label: str | None, note: str | None) -> bool:
        body = {"metadata": {"labels": {HASH: label}, "annotations": {NOTE: note}}}
        return "fireworks-scope" in refusal(medic, "PATCH", pod, body, MERGE)

    theirs, ours = f"ReplicaSet {NAME}-{old} (u) 1", f"ReplicaSet {NAME}-{own} (u) 1"
    for label, note in ((old, None), (old, ours), (None, theirs), (None, "x"), (own, theirs)):
        assert refused(label, note), (label, note)
    taken = {"metadata": {"labels": {HASH: None}, "annotations": {NOTE: ours}}}
    medic.request("PATCH", pod, taken, MERGE)
    until(lambda: not site.cluster.request("GET", pod)["metadata"].get("ownerReferences"), "its owner keeps it")
    for label, note in ((old, None), (old, ours), (None, theirs), ("b", None), (own[1:], None)):
        assert refused(label, note), (label, note)
    medic.request("PATCH", pod, {"metadata": {"labels": {HASH: own}, "annotations": {NOTE: None}}}, MERGE)
    site.cluster.request("DELETE", f"{APPS}/deployments/{NAME}")


def test_no_pod_has_two_disruption_budgets(site: Governed) -> None:
    """The API server evicts no such pod, whoever asks."""

    def said(who: str = "deployer", **marks: str) -> str:
        made = versioned("Deployment", "a", "first")
        template = made["spec"]["template"]["metadata"]
        template["labels"] = {**template["labels"], **{f"{PREFIX}{key}": name for key, name in marks.items()}}
        return refusal(site.acting_as(who), "POST", f"{APPS}/deployments", made)

    # Of us more is asked, and the server tells one of the refusals.
    assert "two disruption budgets" in said("admin", model="a", **{"group-of": "b"})
    assert re.search("of one model|has one workload", said(model="a", **{"group-of": "b"}))
    assert said(model="a") == ""
    for marks in ({"model": "a", "group-of": "a"}, {"group-of": "a"}):
        assert "has one workload" in said(**marks), marks


@pytest.mark.parametrize("options", [{"propagationPolicy": "Orphan"}, {"orphanDependents": True}])
@pytest.mark.parametrize("who", ["deployer", "operator"])
def test_nothing_is_deleted_that_leaves_orphans(site: Governed, who: str, options: dict[str, Any]) -> None:
    installed(site, "first")
    path, asked = f"{APPS}/deployments/{NAME}", {"apiVersion": "v1", "kind": "DeleteOptions", "dryRun": ["All"]}
    assert "leaves no orphans" in refusal(site.acting_as(who), "DELETE", path, {**asked, **options})
    assert refusal(site.acting_as(who), "DELETE", path, {**asked, "propagationPolicy": "Foreground"}) == ""
    site.cluster.request("DELETE", path)


def test_a_pod_with_an_owner_is_no_canary_whatever_its_labels_say(site: Governed) -> None:
    own = installed(site, "first")["first"]
    selected = f"/api/v1{MODELS}/pods?labelSelector=app%3D{NAME},{HASH}%3D{own}"
    until(lambda: site.cluster.request("GET", selected)["items"], "no pod")
    pod = f"/api/v1{MODELS}/pods/{site.cluster.request('GET', selected)['items'][0]['metadata']['name']}"
    marks = {f"{PREFIX}canary": "true", "app.kubernetes.io/managed-by": "fireworks-byoc"}
    site.cluster.request("PATCH", pod, {"metadata": {"labels": marks}}, MERGE)
    medic = site.acting_as("node-medic")
    assert "which has no owner" in refusal(medic, "DELETE", pod)
    taken = {"metadata": {"labels": {HASH: None}}}
    assert "only with the note" in refusal(medic, "PATCH", pod, taken, MERGE)
    site.cluster.request("DELETE", f"{APPS}/deployments/{NAME}")


def test_only_the_operator_deletes_what_the_router_is_told(site: Governed) -> None:
    maps = "/api/v1/namespaces/fireworks-system/configmaps"
    ours = {"app.kubernetes.io/managed-by": "fireworks-byoc", "app.kubernetes.io/part-of": "stack"}
    site.cluster.request("POST", maps, {"metadata": {"name": "router-models", "labels": ours}})
    assert "only the operator deletes" in refusal(site.acting_as("upgrader"), "DELETE", f"{maps}/router-models")
    # Two guardrails refuse that one, and the server tells of either.
    assert "ValidatingAdmissionPolicy" in refusal(site.acting_as("deployer"), "DELETE", f"{maps}/router-models")
    assert refusal(site.acting_as("operator"), "DELETE", f"{maps}/router-models") == ""
    site.cluster.request("DELETE", f"{maps}/router-models")
