# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of reruns, as data: how each playbook is prepared and called, and what its reruns may change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.integration.journey import NO_REQUESTS
from tests.integration.upgrades import NO_SOAK, QUICK, REQUESTED_BY

NOWHERE, BARE, ONBOARDED = "nowhere", "bare", "onboarded"
"""Where a playbook is run: on no cluster, on one without anything of ours, on one that serves a model."""
MODEL, NODE, CLUSTER = "llama-3-1-8b", "h100-0", "acme-eu-1"
NEWER = "2026.12.0"
LONGER = {"context_length": 16384}

_ADMIN = ("-e", "admin_kubeconfig={kubeconfig}")
_CREDENTIALS = ("-e", "credentials_dir={folder}/credentials")
_OPERATOR = ("-e", "operator_kubeconfig={folder}/operator.kubeconfig")
_GRANT = (*_ADMIN, "-e", "grantee=alice", "-e", "reason=test", "-e", "setup_kubeconfig={folder}/setup.kubeconfig")
_NEW_CONTRACT = (*("-e", "cluster=acme-eu-1", "-e", "kubeconfig={kubeconfig}"), "-e", "contract_file={folder}/new.yml")
_APPROVAL = ("-e", "operation=deploy_models", "-e", "digest=000000000000", "-e", "approved_by=oncall@acme.example")
_EVICTIONS = (*_ADMIN, "-e", "requested_by=sre@fireworks.example", "-e", "reason=test")
_BAKE = (*NO_REQUESTS, "-e", "model_bake=1")
_UPGRADE = ("-e", f"release={NEWER}", *REQUESTED_BY, *QUICK, *NO_SOAK)

Call = tuple[str, tuple[str, ...]]


@dataclass(frozen=True)
class Row:
    """One playbook.

    :param options: in which ``{kubeconfig}``, ``{folder}`` and ``{grant}`` stand for what is there then.
    :param before: playbooks that are run first.
    :param model: what the contract says differently of its model from then on.
    :param sick: a node has a fault meanwhile.
    :param ends: the exit statuses of the three runs.
    :param may: kinds of objects that reruns may change, or delete and create again; why: because of what.
    :param changes: whether the first run changes anything.
    """

    playbook: str
    where: str
    options: tuple[str, ...] = ()
    before: Sequence[Call] = ()
    model: dict[str, int] | None = None
    sick: bool = False
    ends: tuple[int, int, int] = (0, 0, 0)
    may: frozenset[str] = frozenset()
    why: str = ""
    changes: bool = False


ROWS = [
    Row("operation", BARE, ends=(2, 2, 2)),  # the scaffold itself, which does nothing
    Row("verify_release", NOWHERE),
    # The first run writes the contract, and none writes over it.
    Row("new_contract", BARE, _NEW_CONTRACT, ends=(0, 2, 2)),
    Row("presetup", BARE, _ADMIN, changes=True),
    Row("plan_presetup", BARE, _ADMIN),
    Row("issue_operator_credential", BARE, (*_ADMIN, *_OPERATOR), before=[("presetup", _ADMIN)], changes=True),
    Row("grant_setup_access", BARE, (*_GRANT, "-e", "grant_until=2h"), changes=True),
    Row(
        "revoke_setup_access",
        BARE,
        (*_ADMIN, "-e", "setup_grant={grant}"),
        before=[("grant_setup_access", (*_GRANT, "-e", "grant_until=2h"))],
        changes=True,
    ),
    Row("onboard", BARE, _BAKE, changes=True),
    Row("status", ONBOARDED),
    Row("health", ONBOARDED),
    Row("models", ONBOARDED),
    Row("logs", ONBOARDED),
    Row("fleet_report", ONBOARDED, ("-e", "report_file={folder}/fleet.html")),
    Row("support_bundle", ONBOARDED, ("-e", f"node={NODE}", "-e", "bundle_dir={folder}/bundles")),
    Row("incident", ONBOARDED, ("-e", "do=open", "-e", "note=slow", "-e", f"model={MODEL}"), changes=True),
    Row("explain", ONBOARDED),
    Row("capacity", ONBOARDED),
    Row("plan_consolidation", ONBOARDED),
    Row("plan_cluster_upgrade", ONBOARDED, ("-e", "kubernetes=1.37")),
    # The contract only recommends: tests/integration/test_consolidate.py moves.
    Row("consolidate", ONBOARDED, ends=(2, 2, 2)),
    # No node is asked for: tests/integration/test_hand_over.py hands some over.
    Row("hand_over_nodes", ONBOARDED),
    Row("contract_calendar", ONBOARDED),
    Row("mirror", ONBOARDED),
    Row("audit_access", ONBOARDED),
    Row("validate", ONBOARDED, NO_REQUESTS),
    Row("verify_records", ONBOARDED),
    Row("plan_upgrade", ONBOARDED, _UPGRADE),
    Row("plan_models", ONBOARDED),
    # Nothing is planned that could be approved: tests/integration/test_model_change.py approves, twice.
    Row("approve", ONBOARDED, (*_ADMIN, *_APPROVAL), ends=(2, 2, 2)),
    Row("revoke_approval", ONBOARDED, (*_ADMIN, "-e", "digest=000000000000")),
    Row("grant_eviction", ONBOARDED, _EVICTIONS, changes=True),
    Row("revoke_eviction", ONBOARDED, _ADMIN, before=[("grant_eviction", _EVICTIONS)], changes=True),
    Row("rotate_credentials", ONBOARDED, _CREDENTIALS, changes=True),
    Row(
        "revocation_drill",
        ONBOARDED,
        (*_ADMIN, *_CREDENTIALS, *NO_REQUESTS, "-e", "confirm=drill"),
        before=[("rotate_credentials", _CREDENTIALS)],
        changes=True,
        may=frozenset({"ServiceAccount", "file"}),
        why="a drill: it deletes our accounts and makes them again, with new tokens",
    ),
    Row("remediate", ONBOARDED, REQUESTED_BY, sick=True, changes=True),
    Row("remediate_node", ONBOARDED, ("-e", f"cluster={CLUSTER}", "-e", f"node={NODE}"), sick=True, changes=True),
    Row("deploy_models", ONBOARDED, _BAKE, model=LONGER, changes=True),
    Row(
        "rollback_model",
        ONBOARDED,
        (*_BAKE, "-e", f"model={MODEL}", "-e", "revision=1"),
        before=[("deploy_models", _BAKE)],
        model=LONGER,
        changes=True,
    ),
    Row("upgrade", ONBOARDED, _UPGRADE, changes=True),
    Row("rollback_stack", ONBOARDED, (*QUICK, "-e", "to=2026.11.0"), before=[("upgrade", _UPGRADE)], changes=True),
    Row("retire_model", ONBOARDED, ("-e", f"model={MODEL}", "-e", "confirm=retire"), changes=True),
    Row("offboard", ONBOARDED, ("-e", "confirm=offboard"), changes=True),
]
