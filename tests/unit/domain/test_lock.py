# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation lock as data."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.lock import (
    LONGEST_SECONDS,
    Hold,
    about,
    broken_note,
    hold_of,
    is_stale,
    lock_manifest,
    loss,
    other_refusal,
    refusal,
)

NOW = datetime(2026, 11, 25, 3, 0, 0, tzinfo=UTC)
ALICE, BOB = "alice@ctl-1/7f3a9c2e", "bob@ctl-2/4711"


def lease(**changes: Any) -> dict[str, Any]:
    """As the server returns what we write."""
    given = {"holder": ALICE, "purpose": "onboard", "now": NOW, "seconds": 120, **changes}
    made = lock_manifest(None, **given)
    made["metadata"]["resourceVersion"] = "7"
    return made


def hold(**changes: Any) -> Hold:
    found = hold_of(lease(**changes))
    assert found
    return found


def test_what_is_written_says_who_holds_it_what_for_and_until_when() -> None:
    held = hold()
    assert about(held) == {
        "holder": ALICE,
        "purpose": "onboard",
        "since": "2026-11-25T03:00:00Z",
        "expires": "2026-11-25T03:02:00Z",
    }
    assert not held.expired(NOW + timedelta(seconds=119))
    assert held.expired(NOW + timedelta(seconds=120))


@pytest.mark.parametrize(
    ("seconds", "stale"),
    [(0, False), (40, False), (119, False), (119.5, True), (120, True), (3600, True), (-0.1, True), (-3600, True)],
)
def test_a_lock_is_relied_on_for_as_long_as_it_was_confirmed_for(seconds: float, stale: bool) -> None:
    """It may end a second earlier than it seems, and a clock that was set back says nothing."""
    assert is_stale(1_000_000.0, 1_000_000.0 + seconds, 120) is stale


def test_to_renew_keeps_since_when_and_counts_no_transition() -> None:
    later = NOW + timedelta(seconds=40)
    renewed = lock_manifest(lease(broken="taken"), holder=ALICE, purpose="onboard", now=later, seconds=120)
    assert renewed["metadata"]["resourceVersion"] == "7"
    assert renewed["spec"]["leaseTransitions"] == 1
    found = hold_of(renewed)
    assert found == Hold(ALICE, "onboard", NOW, later, later + timedelta(seconds=120), "taken")


def test_to_take_it_from_somebody_begins_anew() -> None:
    later = NOW + timedelta(hours=1)
    note = broken_note(hold(), BOB, "power loss")
    taken = lock_manifest(lease(), holder=BOB, purpose="", now=later, seconds=60, broken=note)
    assert taken["spec"]["leaseTransitions"] == 2
    assert hold_of(taken) == Hold(
        BOB, "", later, later, later + timedelta(seconds=60), f"taken by {BOB} from {ALICE}: power loss"
    )


@pytest.mark.parametrize("free", [None, {}, {"spec": None}, {"spec": {"holderIdentity": ""}}])
def test_nobody_holds_what_names_no_holder(free: Any) -> None:
    assert hold_of(free) is None


@pytest.mark.parametrize(
    ("spec", "metadata", "expires"),
    [
        ({"leaseDurationSeconds": 60, "renewTime": "2026-11-25T03:00:00.5Z"}, {}, "2026-11-25T03:01:00.500000+00:00"),
        ({"leaseDurationSeconds": 60, "acquireTime": "2026-11-25T04:00:00+01:00"}, {}, "2026-11-25T03:01:00+00:00"),
        ({}, {"creationTimestamp": "2026-11-25T03:00:00Z"}, "2026-11-25T03:00:00+00:00"),
        ({"renewTime": "yesterday"}, {}, "1970-01-01T00:00:00+00:00"),
    ],
)
def test_what_somebody_wrote_by_hand_is_read_as_it_can_be(
    spec: dict[str, Any], metadata: dict[str, Any], expires: str
) -> None:
    found = hold_of({"metadata": metadata, "spec": {"holderIdentity": "me", **spec}})
    assert found
    assert found.expires.isoformat() == expires


def test_a_refusal_tells_who_since_when_what_for_until_when_and_what_to_do() -> None:
    what, following = refusal(hold(now=NOW), NOW + timedelta(seconds=12))
    assert what == (
        "another operation is at work on this cluster: alice@ctl-1/7f3a9c2e, for onboard, since 2026-11-25 03:00:00 "
        "UTC (12 s ago), last heard of 12 s ago; if it has died, the lock is "
        "free at 2026-11-25 03:02:00 UTC (in 108 s); "
        "nothing was changed"
    )
    assert "wait for it with -e lock_wait=<seconds>" in following
    assert """-e break_lock=alice@ctl-1/7f3a9c2e -e "break_reason='<why>'\"""" in following


@pytest.mark.parametrize(
    ("ago", "said"),
    [(timedelta(seconds=-3), "(0 s ago)"), (timedelta(minutes=4), "(4 min ago)"), (timedelta(hours=3), "(3 h ago)"),
     (timedelta(days=2, hours=5), "(2 d ago)"), (timedelta(seconds=119), "(119 s ago)")],
)  # fmt: skip
def test_spans_are_said_for_people(ago: timedelta, said: str) -> None:
    assert said in refusal(hold(), NOW + ago)[0]


def test_a_run_whose_lock_was_broken_is_told_by_whom_and_why() -> None:
    taken = hold(holder=BOB, purpose="", broken="taken by bob from alice: dead")
    what, _following = loss(taken)
    assert what == (
        "the lock of this run is lost: bob@ctl-2/4711 holds it, since 2026-11-25 03:00:00 UTC (taken by bob from "
        "alice: dead); this run does nothing more here"
    )
    assert "(taken by" not in loss(hold())[0]
    gone, following = loss(None)
    assert "is gone: another run may have had it since; this run does nothing more here" in gone
    assert following.startswith("run again")


def test_a_lock_is_not_broken_that_somebody_else_holds_by_now() -> None:
    what, _following = other_refusal(hold(), BOB)
    assert what.startswith("the lock was to be taken from bob@ctl-2/4711, and it is alice@ctl-1/7f3a9c2e who holds it")


@pytest.mark.parametrize(
    "spec",
    [
        {"leaseDurationSeconds": 2**31 - 1},
        {"renewTime": "2099-01-01T00:00:00.000000Z"},
        {"renewTime": "9999-12-31T23:59:59.000000Z", "leaseDurationSeconds": 2**31 - 1},
        {"renewTime": "0001-01-01T00:00:00.000000Z"},
        {"renewTime": "0001-01-01T00:00:00+14:00", "acquireTime": "9999-12-31T23:59:59-14:00"},
    ],
)
def test_nobody_locks_a_cluster_for_longer_than_runs_of_ours_do(spec: dict[str, Any]) -> None:
    written = lease()
    written["spec"] |= spec
    held = hold_of(written)
    assert held and held.expired(NOW + timedelta(seconds=LONGEST_SECONDS))
    about(held)
