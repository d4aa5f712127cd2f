# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operation on a cluster is called, in locks, records and outcomes: as the playbook that does it."""

from __future__ import annotations

from enum import StrEnum


class OperationName(StrEnum):
    """An operation that takes the lock of a cluster and is recorded."""

    ONBOARD = "onboard"
    PRESETUP = "presetup"
    ISSUE_OPERATOR_CREDENTIAL = "issue_operator_credential"
    DEPLOY_MODELS = "deploy_models"
    ROLLBACK_MODEL = "rollback_model"
    RETIRE_MODEL = "retire_model"
    APPROVE = "approve"
    REVOKE_APPROVAL = "revoke_approval"
    GRANT_EVICTION = "grant_eviction"
    REVOKE_EVICTION = "revoke_eviction"
    REMEDIATE = "remediate"
    CONSOLIDATE = "consolidate"
    HAND_OVER_NODES = "hand_over_nodes"
    INCIDENT = "incident"
    UPGRADE = "upgrade"
    ROLLBACK_STACK = "rollback_stack"
    ROTATE_CREDENTIALS = "rotate_credentials"
    GRANT_SETUP_ACCESS = "grant_setup_access"
    REVOKE_SETUP_ACCESS = "revoke_setup_access"
    REVOCATION_DRILL = "revocation_drill"
    OFFBOARD = "offboard"


#: For the argument specs: plain strings.
OPERATION_NAMES = [name.value for name in OperationName]
