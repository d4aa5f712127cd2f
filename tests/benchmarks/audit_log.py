# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare a large audit log with records.

make bench, or python -m tests.benchmarks large_audit_log. 100,000 lines of the level Metadata (110 MiB) took 2.5 s of
processor time, and as many of the level RequestResponse (497 MiB) 3.5 s, on a busy core of two.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.audit_log import check_audit_log
from ansible_collections.fireworks.byoc.plugins.module_utils._vocabulary.user_agent import user_agent
from tests.benchmarks.workloads import contract_of_models

LINES, RUNS, OURS = 100_000, 200, 10
BEGAN = datetime(2026, 11, 29, tzinfo=UTC)
#: Two lines a second, as of a cluster with little to do.
_EACH = timedelta(seconds=0.5)
_OTHERS = "system:serviceaccount:kube-system:deployment-controller"
_MINE = "system:serviceaccount:fireworks-system:deployer"


def lines(body: int) -> Iterator[bytes]:
    """Every tenth line is ours. body: bytes of the object that each has with it."""
    held = {"responseObject": {"kind": "Deployment", "spec": "x" * body}} if body else {}
    for number in range(LINES):
        ours, run = number % OURS == 0, number * RUNS // LINES
        at = f"{BEGAN + number * _EACH:%Y-%m-%dT%H:%M:%S.%fZ}"
        about = {"resource": "deployments", "namespace": "fireworks-models", "name": f"model-{number // OURS % 50}"}
        event: dict[str, Any] = {
            "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "RequestResponse" if body else "Metadata",
            "auditID": f"00000000-0000-0000-0000-{number:012}", "stage": "ResponseComplete", "verb": "patch",
            "requestURI": f"/apis/apps/v1/namespaces/fireworks-models/deployments/{about['name']}?fieldManager=x",
            "user": {"username": _MINE if ours else _OTHERS, "uid": "0" * 36, "groups": ["system:serviceaccounts",
                     "system:serviceaccounts:fireworks-system", "system:authenticated"]},
            "sourceIPs": ["10.0.0.1"], "userAgent": user_agent(f"run-{run}") if ours else "kube-controller-manager/v1",
            "objectRef": {**about, "uid": "0" * 36, "apiGroup": "apps", "apiVersion": "v1", "resourceVersion": "12"},
            "responseStatus": {"metadata": {}, "code": 200}, "requestReceivedTimestamp": at, "stageTimestamp": at,
            "annotations": {"authorization.k8s.io/decision": "allow", "authorization.k8s.io/reason": "x" * 120},
            **held,
        }  # fmt: skip
        yield json.dumps(event).encode() + b"\n"


def records() -> list[dict[str, Any]]:
    """A run every few minutes, each of which wrote fifty objects."""
    length = LINES // RUNS * _EACH
    objects = [{"object": f"Deployment fireworks-models/model-{each}", "action": "updated"} for each in range(50)]
    return [
        {"run": f"run-{run}", "operation": "deploy_models", "clause": "models", "contract": "", "objects": objects,
         "started": (BEGAN + run * length).isoformat(), "ended": (BEGAN + (run + 1) * length - _EACH).isoformat()}
        for run in range(RUNS)
    ]  # fmt: skip


def main() -> None:
    contract = contract_of_models(1)
    for body in (0, 4000):
        log = list(lines(body))
        size = sum(map(len, log)) / 2**20
        started = time.process_time()
        found = check_audit_log({"audit.log": log}, records(), contract)
        print(f"{LINES} lines of an audit log ({size:.0f} MiB) compared with {RUNS} records in "
              f"{time.process_time() - started:.2f} s of processor time: {found['writes']} writes, "
              f"{len(found['outside'])} outside, {len(found['missing'])} missing, {found['unproven']}")  # fmt: skip
