# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._kube.objects import Ref
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.replicas import (
    KEEPER,
    Handover,
    handover_manifest,
    scaled,
    share,
)

HPA: dict[str, Any] = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}, "minReplicas": 1},
}
KEDA = {**HPA, "apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "spec": {"scaleTargetRef": {"name": "web"}}}
WEB = Ref("Deployment", "apps", "shop", "web")
US, CONTROLLER = "fireworks-byoc", "kube-controller-manager"


def web(replicas: int | None = 2, owners: tuple[str, ...] = ()) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": "web", "namespace": "shop", "labels": {"a": "b"}}
    if owners:
        fields = {"f:spec": {"f:replicas": {}}}
        metadata["managedFields"] = [{"manager": owner, "fieldsV1": fields} for owner in owners]
        metadata["managedFields"].append({"manager": "somebody", "fieldsV1": {"f:status": {"f:replicas": {}}}})
    spec = {"paused": False} if replicas is None else {"paused": False, "replicas": replicas}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


@pytest.mark.parametrize("scaler", [HPA, KEDA])
def test_an_autoscaler_is_known_by_what_it_scales(scaler: dict[str, Any]) -> None:
    assert scaled([web(), scaler]) == {WEB: scaler}
    assert scaled([web(), {**scaler, "kind": "Other"}, {**scaler, "spec": {}}]) == {}


@pytest.mark.parametrize(
    ("live", "scaler", "before", "applied", "asked", "handover"),
    [
        # -- nothing scales it
        (None, None, False, 2, 2, None),
        (web(2, (US,)), None, False, 2, 2, None),
        (web(5, ("kubectl",)), None, False, 2, 2, None),
        # -- the set scales it: what a new one starts with is ours to say, and nothing after that
        (None, HPA, False, 2, 2, None),
        (web(2, (US,)), HPA, False, None, 2, Handover(2, take=False)),
        (web(5, (US,)), KEDA, False, None, 5, Handover(5, take=False)),
        (web(5, (CONTROLLER,)), HPA, True, None, None, None),
        (web(5, (US, KEEPER)), HPA, True, None, None, None),
        (web(5, ()), HPA, True, None, None, None),
        (web(0, (CONTROLLER,)), KEDA, True, None, None, None),
        # -- an HPA that finds no replica leaves it at that
        (web(0, (CONTROLLER,)), HPA, True, 2, 0, Handover(2, take=True)),
        (web(0, (CONTROLLER,)), {**HPA, "spec": {**HPA["spec"], "minReplicas": 0}}, True, None, None, None),
        # -- it scales it no more
        (web(5, (CONTROLLER,)), None, True, 2, 5, Handover(2, take=True)),
        (web(2, (CONTROLLER,)), None, True, 2, 2, Handover(2, take=True)),
        (web(5, (KEEPER,)), None, False, 2, 5, Handover(2, take=True)),
        (web(2, (US,)), None, True, 2, 2, None),
        # -- the manager that set exactly this number still co-owns it
        (web(2, (US, KEEPER, CONTROLLER)), None, False, 2, 2, None),
        (web(3, (US, KEEPER, CONTROLLER)), None, False, 2, 3, Handover(2, take=True)),
    ],
)
def test_replicas_are_said_by_the_manifest_or_by_the_sets_autoscaler(
    live: dict[str, Any] | None,
    scaler: dict[str, Any] | None,
    before: bool,
    applied: int | None,
    asked: int | None,
    handover: Handover | None,
) -> None:
    found = share(web(2), live, scaler, scaled_before=before)
    assert (found.applied, found.asked, found.handover) == (web(applied), web(asked), handover)


def test_a_manifest_without_replicas_is_applied_as_it_is() -> None:
    found = share(web(None), web(5, (CONTROLLER,)), HPA, scaled_before=True)
    assert (found.applied, found.asked, found.handover) == (web(None), web(None), None)


def test_the_keeper_holds_replicas_and_nothing_else() -> None:
    name = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"}}
    assert handover_manifest(web(), 3) == {**name, "spec": {"replicas": 3}}
    assert handover_manifest(web(), None) == name
