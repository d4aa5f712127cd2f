# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a contract's calendar and approvals compile to; how the API server answers is in test_changes_guardrail."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.guardrails.changes import changes_policy
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.guardrails.clock import (
    LISTED_UNTIL,
    MOST_LISTED,
    clock_ends,
    listed_until,
    open_at,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.approval import enforced_kinds
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.kept_approvals import as_versions
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.model_change import Wanted, new_versions
from tests.unit.domain.agreed import RELEASE, contract, model

WEEKLY = {"weekly": ["tue"], "start": "02:00", "duration": "3h", "time_zone": "Europe/Berlin"}
MONTHLY = {"rrule": "FREQ=MONTHLY;BYDAY=1SA;BYHOUR=22", "duration": "3h", "time_zone": "UTC"}
HOURLY = {"rrule": f"FREQ=DAILY;BYHOUR={','.join(map(str, range(24)))}", "duration": "30m", "time_zone": "UTC"}


def agreed(**change: Any) -> dict[str, Any]:
    return {**contract(), "change": change}


def rules(**change: Any) -> list[str]:
    return [rule.message for rule in changes_policy(agreed(**change)).rules]


ALWAYS = [
    "The pods of a ReplicaSet stay what they are: a new version is a new ReplicaSet.",
    "Frozen by the annotation byoc.fireworks.ai/freeze of fireworks-system.",
]
IN_WINDOWS = "Outside the windows of the contract (change.windows)."
IN_FREEZES = "Frozen by the contract (change.freezes)."
APPROVED = "Not approved in the cluster (change.approvals)."
FREEZE = {"from": "2026-12-18", "until": "2027-01-04", "time_zone": "UTC"}


@pytest.mark.parametrize(
    ("change", "more"),
    [
        ({}, []),
        ({"approvals": {"model_change": "required", "stack_upgrade": "required"}}, []),
        ({"windows": [WEEKLY]}, [IN_WINDOWS]),
        ({"freezes": [FREEZE]}, [IN_FREEZES]),
        ({"approvals": {"sources": ["cluster"]}}, [APPROVED]),
        ({"approvals": {"sources": ["cluster"], "model_change": "none", "stack_upgrade": "none"}}, []),
        ({"approvals": {"sources": ["cluster", "awx"]}}, []),
        (
            {"windows": [MONTHLY], "freezes": [FREEZE], "approvals": {"sources": ["cluster"]}},
            [IN_FREEZES, IN_WINDOWS, APPROVED],
        ),
    ],
)
def test_only_what_the_contract_holds_is_compiled(change: Any, more: list[str]) -> None:
    assert rules(**change) == [*ALWAYS, *more]


def test_without_windows_it_is_always_open() -> None:
    assert open_at(agreed(), "now") == "true"
    assert open_at(agreed(windows=[WEEKLY]), "now") != "true"


@pytest.mark.parametrize(
    ("window", "ends"),
    [(WEEKLY, None), (MONTHLY, LISTED_UNTIL), ({**HOURLY, "duration": "1h"}, LISTED_UNTIL)],
)
def test_only_a_list_of_openings_ends(window: Any, ends: Any) -> None:
    assert listed_until(agreed(windows=[window])) == ends


def test_a_long_list_ends_earlier_and_says_when_ahead_of_time() -> None:
    found = listed_until(agreed(windows=[HOURLY, MONTHLY, WEEKLY]))
    assert found and found == datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=MOST_LISTED)
    [rule] = [one for one in changes_policy(agreed(windows=[HOURLY])).rules if one.message == IN_WINDOWS]
    assert f"listed until {found:%Y-%m-%d}" in rule.details
    made = agreed(windows=[HOURLY])
    assert clock_ends(made, found - timedelta(days=181)) == ""
    said = clock_ends(made, found - timedelta(days=179))
    assert said.startswith("acme-eu-1: ") and f"until {found:%Y-%m-%d}" in said and "fireworks.byoc.presetup" in said
    assert clock_ends(agreed(windows=[WEEKLY]), found) == ""


def test_the_same_contract_compiles_to_the_same_policy() -> None:
    made = agreed(windows=[MONTHLY, WEEKLY], freezes=[FREEZE])
    assert changes_policy(made) == changes_policy(made)


def test_the_kinds_that_the_api_server_asks_for_are_those_that_wait_for_an_approval() -> None:
    assert enforced_kinds(agreed(approvals={"sources": ["cluster"]})) == ["stack_upgrade", "model_change"]
    one = {"sources": ["cluster"], "stack_upgrade": "none"}
    assert enforced_kinds(agreed(approvals=one)) == ["model_change"]


def test_an_approval_covers_what_the_pods_are_marked_with() -> None:
    made = contract(models=[model(), model("phi"), model("other", engine={"name": "vllm", "version": "9"})])
    new = [{"name": name, "from": 1, "change": "new_revision"} for name in ("llama", "phi", "other", "unknown")]
    found = new_versions(made, Wanted([*new[:1], {**new[1], "change": "drift"}, *new[2:]], RELEASE, "bob@x.example"))
    assert len(found) == 1 and len(found[0]) == 12
    both = new_versions(made, Wanted(new, RELEASE, "bob@x.example"))
    assert set(found) < set(both) and both == sorted(both)


def test_what_the_api_server_reads_of_approvals_is_their_versions_and_ends() -> None:
    entries = [
        {"by": "a", "versions": ["model_change/2", "model_change/1"], "expires_at": "2026-12-01T00:00:00+00:00"},
        {"by": "b", "versions": ["stack_upgrade/3"]},
        {"by": "c", "expires_at": "2026-12-01T00:00:00+00:00"},
    ]
    end = "2026-12-01T00:00:00+00:00"
    assert as_versions(entries) == f"model_change/1@{end} model_change/2@{end}"
    assert as_versions([]) is None
