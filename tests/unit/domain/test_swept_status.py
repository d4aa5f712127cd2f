# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the status of a fleet keeps of a cluster: of one that was read, and of one that was not."""

from __future__ import annotations

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.eviction_grant import grant_line
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.drift import installed
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.presetup_version import older_presetup
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.status import UNREACHABLE, status_row
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.summary import read_outcome
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.swept_status import swept_status
from tests.unit.domain.agreed import contract, facts

BEGAN, NOW = "2026-11-28T12:00:00Z", "2026-11-28T12:00:02Z"


def test_of_a_cluster_that_was_read_all_is_told() -> None:
    agreed, read = contract(), {"facts": {**facts(), "presetup_version": 1}}
    name = agreed["identity"]["name"]
    assert swept_status(agreed, read, BEGAN, NOW) == {
        "outcome": read_outcome(agreed, read, BEGAN, NOW),
        "row": status_row(agreed, read["facts"]),
        "contract": agreed,
        "older_presetup": older_presetup(name, 1),
        "evictions": grant_line(read["facts"]["annotations"], name, NOW),
        "installed": installed(read["facts"]),
    }
    assert older_presetup(name, 1), "what is older is told"


def test_of_a_cluster_that_was_not_read_only_why_is_told() -> None:
    failed = {"failed": True, "msg": "acme: no answer.", "what": "no answer", "owner": "customer"}
    found = swept_status(contract(), failed, BEGAN, NOW)
    assert found["row"]["state"] == UNREACHABLE and found["row"]["reason"] == "acme: no answer."
    assert found["outcome"] == read_outcome(contract(), failed, BEGAN, NOW)
    assert (found["older_presetup"], found["evictions"], found["installed"]) == ("", "", {})
