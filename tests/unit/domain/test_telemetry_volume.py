# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where metrics are kept: the claim, how much is kept, what cannot be changed, and who may mount it."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract.telemetry_rules import telemetry_fits
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.identities.needs import IDENTITIES, granted
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.presetup import presetup_objects
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.telemetry_volume import (
    telemetry_claim,
    telemetry_storage,
    unchangeable_claims,
)
from tests.integration.autoscaled import telemetry_objects
from tests.unit.domain.agreed import contract

VOLUME = {"volume": {"size": "10Gi", "storage_class": "gp3"}}
WITH = contract(telemetry=VOLUME)


def claims(version: int | None = None, **sections: Any) -> list[dict[str, Any]]:
    made = presetup_objects(contract(**sections), version=version)
    return [each for each in made if each["kind"] == "PersistentVolumeClaim"]


def test_the_claim_is_a_prerequisite_of_the_version_that_added_it() -> None:
    [claim] = claims(telemetry=VOLUME)
    assert claim["metadata"]["labels"]["app.kubernetes.io/part-of"] == "presetup"
    assert claim["spec"] == {
        "accessModes": ["ReadWriteOnce"],
        "volumeMode": "Filesystem",
        "resources": {"requests": {"storage": "10Gi"}},
        "storageClassName": "gp3",
    }
    [by_default] = telemetry_claim(contract(telemetry={"volume": {"size": "10Gi"}}))
    assert "storageClassName" not in by_default["spec"], "the API server chooses the default one"
    assert claims() == [] == claims(1, telemetry=VOLUME)


@pytest.mark.parametrize(
    ("size", "kept"),
    [
        (None, ("", "3d", "1GB")),
        ("2Gi", ("telemetry-data", "30d", "1638MB")),
        ("1Ti", ("telemetry-data", "30d", "838860MB")),
    ],
)
def test_four_fifths_of_the_volume_are_for_metrics(size: Any, kept: Any) -> None:
    found = telemetry_storage(contract(telemetry={"volume": {"size": size}}) if size else contract())
    assert tuple(found.values()) == kept


@pytest.mark.parametrize(
    ("size", "quota", "said"),
    [
        ("10Gi", None, None),
        ("10Gi", "10Gi", None),
        ("10Gi", "11000M", None),
        ("10Gi", "10G", "'10Gi' is more than capacity.quotas.stack.storage, '10G', which counts it"),
        ("1Ti", "1000Gi", "'1Ti' is more than capacity.quotas.stack.storage, '1000Gi'"),
        ("1Gi", None, "'1Gi' is too small for days of metrics: write at least 2Gi"),
        # Other checks say what is wrong with these.
        ("ten", "5Gi", None),
        (10, "5Gi", None),
        ("10Gi", 5, None),
        ("10Gi", "5XY", None),
    ],
)
def test_the_volume_fits_the_quota_that_counts_it(size: Any, quota: Any, said: Any) -> None:
    capacity = {"quotas": {"stack": {"storage": quota}}} if quota else {}
    found = list(telemetry_fits({"telemetry": {"volume": {"size": size}}, "capacity": capacity}))
    assert [place for place, _message in found] == ([("telemetry", "volume", "size")] if said else [])
    assert not said or said in found[0][1]


def difference(field: str, found: Any, wanted: Any) -> dict[str, Any]:
    change = {"field": field, "found": found, "expected": wanted}
    return {"kind": "PersistentVolumeClaim", "name": "telemetry-data", "differences": [change]}


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (difference("spec.resources.requests.storage", "10Gi", "20Gi"), []),
        (difference("spec.resources.requests.storage", "1Ti", "1000Gi"),
         ["the volume of telemetry-data has 1Ti and cannot shrink to 1000Gi: Kubernetes refuses that"]),
        (difference("spec.storageClassName", "gp2", "gp3"),
         ["the volume of telemetry-data has storageClassName gp2 for good, and cannot get gp3"]),
        (difference("metadata.labels.x", None, "y"), []),
        ({**difference("spec.storageClassName", "gp2", "gp3"), "kind": "Deployment"}, []),
        ({"kind": "PersistentVolumeClaim", "name": "telemetry-data", "state": "missing"}, []),
    ],
)  # fmt: skip
def test_what_kubernetes_refuses_is_said_before(entry: Any, why: list[str]) -> None:
    assert unchangeable_claims([entry]) == why


def deployment(agreed: Any) -> dict[str, Any]:
    [made] = [each for each in telemetry_objects(agreed) if each["kind"] == "Deployment"]
    return made


def test_the_release_mounts_it_and_has_no_second_pod() -> None:
    spec = deployment(WITH)["spec"]
    assert spec["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}
    pod = spec["template"]["spec"]
    assert pod["volumes"][-1] == {"name": "data", "persistentVolumeClaim": {"claimName": "telemetry-data"}}
    assert pod["securityContext"]["fsGroup"] == 10001, "by which the volume is the pod's to write"
    assert {"--storage.tsdb.retention.time=30d", "--storage.tsdb.retention.size=8192MB"} <= set(
        pod["containers"][0]["args"]
    )
    without = deployment(contract())["spec"]
    assert "strategy" not in without
    assert without["template"]["spec"]["volumes"][-1] == {"name": "data", "emptyDir": {"sizeLimit": "2Gi"}}


@pytest.mark.parametrize(("agreed", "rights"), [(contract(), []), (WITH, [("operator", ("get",))])])
def test_of_our_identities_only_the_operator_sees_the_claim_and_nobody_changes_it(agreed: Any, rights: Any) -> None:
    found = [
        (identity.name, need.verbs)
        for identity in IDENTITIES
        for need in granted(agreed, identity)
        if "persistentvolumeclaims" in need.resources and need.scope == "fireworks-system"
    ]
    assert found == rights
