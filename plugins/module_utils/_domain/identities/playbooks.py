# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which identity runs each playbook, and who runs those that none of ours may."""

from __future__ import annotations

from .needs import DEPLOYER, NODE_MEDIC, OBSERVER, OPERATOR, UPGRADER

ADMINISTRATOR = "administrator"
"""The customer's: only an administrator applies the prerequisites, grants and revokes setup access, and can verify that
nothing is left."""

AUDITOR = "auditor"
"""Not a runtime identity: may ask what others may do and read the prerequisites, like the customer's security team."""

PLAYBOOKS = {
    "audit_access": AUDITOR,
    "onboard": OPERATOR,
    "incident": OPERATOR,
    "validate": OBSERVER,
    "status": OBSERVER,
    "explain": OBSERVER,
    "capacity": OBSERVER,
    "plan_consolidation": OBSERVER,
    "plan_cluster_upgrade": OBSERVER,
    "models": OBSERVER,
    "logs": OBSERVER,
    "fleet_report": OBSERVER,
    "support_bundle": OBSERVER,
    "plan_upgrade": OBSERVER,
    "upgrade": UPGRADER,
    "rollback_stack": UPGRADER,
    "deploy_models": DEPLOYER,
    "rollback_model": DEPLOYER,
    "retire_model": DEPLOYER,
    "plan_models": DEPLOYER,
    "verify_records": OBSERVER,
    "health": OBSERVER,
    "remediate": NODE_MEDIC,
    "remediate_node": NODE_MEDIC,
    "consolidate": NODE_MEDIC,
    "hand_over_nodes": NODE_MEDIC,
    "rotate_credentials": OPERATOR,
    "presetup": ADMINISTRATOR,
    "plan_presetup": ADMINISTRATOR,
    "issue_operator_credential": ADMINISTRATOR,
    "grant_setup_access": ADMINISTRATOR,
    "revoke_setup_access": ADMINISTRATOR,
    "approve": ADMINISTRATOR,
    "grant_eviction": ADMINISTRATOR,
    "revoke_eviction": ADMINISTRATOR,
    "revoke_approval": ADMINISTRATOR,
    "revocation_drill": ADMINISTRATOR,
    "offboard": ADMINISTRATOR,
}
"""The identity that runs each playbook."""
