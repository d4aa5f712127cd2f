# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the status of a fleet keeps of a cluster: of one that was read, and of one that was not."""

from __future__ import annotations

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.drift import installed
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.swept import swept_status
from ansible_collections.fireworks.byoc.plugins.module_utils._vocabulary.failure import failed_result
from tests.unit.domain.agreed import RELEASE, contract, facts
from tests.unit.domain.test_eviction_grant import OPEN, as_notes

BEGAN, NOW = "2026-11-28T09:00:00Z", "2026-11-28T09:00:02Z"


def test_of_a_cluster_that_was_read_all_is_told() -> None:
    agreed, notes = contract(), {key: text for key, text in as_notes(OPEN).items() if text is not None}
    read = {"facts": {**facts(), "presetup_version": 1, "annotations": notes}}
    found = swept_status(agreed, read, BEGAN, NOW, installed(read["facts"]), [])
    outcome, row = found.pop("outcome"), found.pop("row")
    assert (outcome["cluster"], outcome["result"], outcome["started"], outcome["ended"]) == (
        "acme-eu-1",
        "passed",
        BEGAN,
        NOW,
    )
    assert (row["cluster"], row["state"], row["nodes"], row["kubernetes"]) == (
        "acme-eu-1",
        "not onboarded",
        "2/2",
        "1.36.2",
    )
    assert found.pop("older_presetup").startswith("acme-eu-1: the prerequisites are of version 1 and work on")
    assert found.pop("evictions").startswith("acme-eu-1: pods of gpu-1, gpu-2 may be evicted until ")
    assert found == {"clock_ends": ""}


def test_of_a_cluster_that_was_not_read_only_why_is_told() -> None:
    failed = failed_result(error="UnreachableError", code="unreachable", what="no answer", owner="customer")
    found = swept_status(contract(), failed, BEGAN, NOW, {}, [])
    outcome, row = found["outcome"], found["row"]
    assert (row["state"], row["reason"]) == ("unreachable", failed["msg"])
    assert (outcome["result"], outcome["code"], outcome["owner"]) == ("failed", "unreachable", "customer")
    assert row["drift"] == "-"
    assert (found["older_presetup"], found["evictions"], found["clock_ends"]) == ("", "", "")


def test_what_differs_from_the_contract_stands_before_the_reason_of_the_row() -> None:
    there = {"release": RELEASE["version"], "models": {"qwen": "0"}, "presetup_version": 2}
    row = swept_status(contract(models=[]), {"facts": facts()}, BEGAN, NOW, there, [RELEASE])["row"]
    assert list(row)[-2:] == ["drift", "reason"]
    assert row["drift"] == "qwen is there and not in the contract"
