# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Access: what identities should be able to do, and what is not as the contract says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.accounted import accounted_objects
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.audit import (
    access_findings,
    access_summary,
    audit_verdict,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.drill import (
    credential_doubts,
    drill_rows,
    pod_disturbances,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.expectations import access_expectations
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.leftover_report import leftover_rows
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.presetup_check import (
    presetup_rows,
    refusal,
)


class FilterModule:
    """Filters about access."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "access_expectations": access_expectations,
            "access_findings": access_findings,
            "access_summary": access_summary,
            "accounted_objects": accounted_objects,
            "audit_verdict": audit_verdict,
            "credential_doubts": credential_doubts,
            "drill_rows": drill_rows,
            "leftover_rows": leftover_rows,
            "pod_disturbances": pod_disturbances,
            "presetup_refusal": refusal,
            "presetup_rows": presetup_rows,
        }
