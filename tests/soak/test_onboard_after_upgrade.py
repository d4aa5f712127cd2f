# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""After an upgrade that was approved in the cluster, onboarding writes nothing, as often as it is run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from byoc_testbed import ClusterSpec, Testbed
from tests.beds import h100
from tests.integration.audit_log import Call, calls
from tests.integration.journey import NO_BAKE, NO_REQUESTS, agreed, as_admin, line, onboard, play
from tests.integration.upgrades import NO_SOAK, QUICK, REQUESTED_BY, ended

OLD, NEWER = "2026.11.0", "2026.12.0"
BOSS = "boss@acme.example"
WHICH = ("-e", f"release={NEWER}", *REQUESTED_BY)
UPGRADE = (*WHICH, *QUICK, *NO_SOAK, *NO_REQUESTS)


def written(cluster: Any, after: int) -> list[Call]:
    """What was written, without the lock and the end of the records, which every operation moves."""
    return [
        call
        for call in calls(cluster.audit_log, after=after)
        if call.verb in ("create", "update", "patch", "delete", "deletecollection")
        and "dryRun" not in call.path
        and call.resource not in ("leases", "selfsubjectreviews", "selfsubjectaccessreviews", "selfsubjectrulesreviews")
        and not call.path.partition("?")[0].endswith("/configmaps/operation-records")
    ]


@pytest.mark.soak
@pytest.mark.parametrize("stack", [{"release": OLD}, {"channel": "stable"}], ids=["a release", "a channel"])
def test_onboarding_after_an_approved_upgrade_writes_nothing(tmp_path: Path, stack: dict[str, str]) -> None:
    with Testbed.start([ClusterSpec("acme", pools=[h100(2, 8, "aws")], load_seconds=1.0, audit=True)]) as bed:
        cluster = bed["acme"]
        contract = {**agreed(cluster, replicas=1), "stack": stack}
        contract["change"] = {
            "approvals": {"stack_upgrade": "required", "model_change": "required", "approvers": [BOSS]}
        }
        assert onboard(tmp_path, contract).returncode == 0

        waits = play("upgrade", tmp_path, [contract], *UPGRADE)
        assert ended(waits, "acme-eu-1")[4:6] == ["waiting", "approval"], waits.stdout
        planned = play("plan_upgrade", tmp_path, [contract], *UPGRADE)
        [digest] = set(re.findall(r"-e digest=([0-9a-f]{12})", planned.stdout))
        given = ("-e", "operation=upgrade", "-e", f"digest={digest}", "-e", f"approved_by={BOSS}")
        approved = play("approve", tmp_path, [contract], *as_admin(cluster), *WHICH, *given)
        assert f"stack: {OLD} to {NEWER}" in line(approved, "acme-eu-1", "upgrade"), approved.stdout
        assert "done" in line(approved, "acme-eu-1"), approved.stdout
        done = play("upgrade", tmp_path, [contract], *UPGRADE)
        assert ended(done, "acme-eu-1")[4:6] == ["done", "go"], done.stdout

        begun = cluster.audit_log.stat().st_size
        if "release" in stack:
            refused = onboard(tmp_path, contract)
            assert "refused" in line(refused, "acme-eu-1"), refused.stdout
            status = play("status", tmp_path, [contract], clusters="")
            assert f"the stack is {NEWER} and the contract says {OLD}" in line(status, "acme-eu-1"), status.stdout
            contract["stack"] = {"release": NEWER}
        for _turn in range(3):
            again = onboard(tmp_path, contract)
            assert again.returncode == 0, again.stdout
            assert "unchanged" in line(again, "acme-eu-1"), again.stdout
        deployed = play("deploy_models", tmp_path, [contract], *NO_REQUESTS, *NO_BAKE)
        assert "unchanged" in line(deployed, "acme-eu-1"), deployed.stdout
        assert written(cluster, begun) == []

        back = play("rollback_stack", tmp_path, [contract], *QUICK, *NO_REQUESTS, "-e", f"to={OLD}")
        assert "done" in line(back, "acme-eu-1"), back.stdout
        waits = play("upgrade", tmp_path, [contract], *UPGRADE)
        assert ended(waits, "acme-eu-1")[4:6] == ["waiting", "approval"], waits.stdout
