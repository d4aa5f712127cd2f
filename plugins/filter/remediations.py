# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How remediation ended for a cluster, and who approved or has to approve what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.remediation.outcome import (
    remediation_clause,
    remediation_outcome,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.node_action import (
    approvable,
    approvals_request,
)


class FilterModule:
    """Filters about remediation."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "node_approvable": approvable,
            "remediation_approvals": approvals_request,
            "remediation_clause": remediation_clause,
            "remediation_outcome": remediation_outcome,
        }
