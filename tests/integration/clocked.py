# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The clock of a contract put in force in a cluster, as the customer's administrator does it."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.guardrails.changes import changes_policy
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.guardrails.policy import manifests
from byoc_testbed.api import APPLY, MERGE
from tests.integration.guarded import MODELS, RELEASE_REGISTRY, SYSTEM, image, pod_spec, refusal, until, workload

PREFIX = "byoc.fireworks.ai/"
APPS = f"/apis/apps/v1{MODELS}"
NOW = datetime.now(UTC)
DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
AGO, AHEAD = ((NOW + timedelta(hours=hours)).isoformat(timespec="seconds") for hours in (-2, 6))
_EPOCH = "test/epoch"
_NOTES = [PREFIX + key for key in ("install-until", "freeze", "emergency-until", "approved-versions")]
_numbers = itertools.count(1)
Manifest = dict[str, Any]


def window(*days: str) -> Manifest:
    return {"weekly": list(days), "start": "00:00", "duration": "24h", "time_zone": "UTC"}


OPEN = {"windows": [window(*DAYS)]}
CLOSED = {"windows": [window(DAYS[(NOW.weekday() + 3) % 7])]}


def note(cluster: Any, notes: dict[str, str | None]) -> None:
    """Annotate ``fireworks-system``, which only the customer's administrator may."""
    cluster.request("PATCH", f"/api/v1{SYSTEM}", {"metadata": {"annotations": notes}}, MERGE)


def put_in_force(cluster: Any, contract: Manifest, notes: dict[str, str | None]) -> None:
    """Replace the guardrail ``fireworks-changes`` by a contract's, with these annotations and none of before."""
    probe = f"probe-{next(_numbers)}"
    for made in manifests(changes_policy(contract)):
        if made["kind"] == "ValidatingAdmissionPolicy":
            # The API server watches policies and the namespace apart: both have to have arrived.
            noted = f"params.metadata.?annotations[?'{_EPOCH}'].orValue('') != '{probe}'"
            expression = f"object.metadata.name != '{probe}' || {noted}"
            mark = {"expression": expression, "message": f"{probe} is in force", "reason": "Forbidden"}
            made["spec"]["validations"].insert(0, mark)
        path = f"{cluster.api.collection(made)}/{made['metadata']['name']}"
        cluster.request("PATCH", f"{path}?fieldManager=test&force=true", made, APPLY)
    note(cluster, {**dict.fromkeys(_NOTES), **notes, _EPOCH: probe})
    # Of a kind that no other guardrail would refuse first.
    asked = {"metadata": {"name": probe}, "revision": 1, "data": {}}

    def refuses() -> bool:
        return f"{probe} is in force" in refusal(cluster.api, "POST", f"{APPS}/controllerrevisions", asked)

    until(refuses, "the policy is not in force")


def versioned(kind: str, name: str, mark: str, replicas: int = 1) -> Manifest:
    """A workload whose pods are marked as those of a model's version."""
    made = workload(kind, name, pod_spec(image(RELEASE_REGISTRY)), replicas)
    made["spec"]["template"]["metadata"]["annotations"] = {PREFIX + "revision": mark}
    if kind == "Deployment":  # no pod of it starts here, and none is waited for
        made["spec"]["strategy"] = {"rollingUpdate": {"maxUnavailable": "100%", "maxSurge": 1}}
    return made
