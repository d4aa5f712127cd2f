# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Go, skip or wait, with the reason, who has to act and the next time it could go."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.case import Case, Request, case_of
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.decision import decide
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.emergency import Emergency
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.permission import timing
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.plan import plan
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.policy import (
    Policy,
    estimate,
    fleet_duration,
    policy_from,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.timeline import approval_requests
from tests.unit.domain.agreed import RELEASE
from tests.unit.domain.rollout.fleets import NOW, OPEN, OPERATOR, SATURDAY, SOURCE, TARGET, agreed, alive, request

HOUR = timedelta(hours=1)
LOCK = {"holder": "bob@ctl/7", "purpose": "onboard", "expires_at": "2026-11-25T12:20:00+00:00"}
FREEZE = {"from": "2026-11-20", "until": "2026-11-27", "time_zone": "UTC", "reason": "audit"}
KNOWS = {"approvers": ["boss@acme.example"]}
BOSS = Emergency("Boss@acme.example", "a leak")


def case(contract: dict[str, Any], live: dict[str, Any], asked: Request) -> Case:
    return case_of(contract, live, asked, estimate(live.get("durations") or (), None, asked.policy))


@pytest.mark.parametrize(
    ("change", "live", "action", "code", "reason", "owner", "next_at"),
    [
        pytest.param({}, {}, "go", "go", "no approval", "", "11-25 12:00", id="nothing in the way"),
        pytest.param(
            {}, {"spent": {"llama": "availability: spent, 2.0 times in 3d"}}, "wait", "error_budget",
            "the error budget is spent of llama (availability: spent, 2.0 times in 3d)", "fireworks", "11-25 12:00",
            id="a model has no error budget left",
        ),
        pytest.param({}, {"spent": {"llama": "spent"}, "unfinished": {"to": TARGET}}, "go", "go", "", "", "11-25 12:00",
                     id="one that is half done is finished whatever is left of budgets"),
        pytest.param({"windows": [OPEN]}, {}, "go", "go", "", "", "11-25 12:00", id="inside its window"),
        pytest.param(
            {"windows": [SATURDAY]}, {"other_bounds": "scaling.x 1 -> 2"}, "refuse", "other_bounds",
            "scaling.x 1 -> 2", "customer", "", id="other bounds than those in force, told alone",
        ),
        pytest.param(
            {}, {"reachable": False, "error": "timed out"}, "skip", "offline", "offline: timed out", "customer", "",
            id="offline",
        ),
        pytest.param({}, {"reachable": False}, "skip", "offline", "no answer", "customer", "", id="offline, no word"),
        pytest.param(
            {}, {"release": None}, "skip", "not_onboarded", "onboard it", "fireworks", "", id="never onboarded"
        ),
        pytest.param({}, {"release": TARGET}, "skip", "already_there", f"has {TARGET} already", "", "", id="there"),
        pytest.param(
            {}, {"release": "2026.8.0"}, "skip", "wrong_source",
            f"has 2026.8.0, and {TARGET} may only follow {SOURCE}", "fireworks", "", id="wrong source",
        ),
        pytest.param(
            {}, {"kubernetes": "v1.29.9-eks"}, "skip", "old_kubernetes", "v1.29.9-eks is older than 1.30", "customer",
            "", id="old Kubernetes",
        ),
        pytest.param(
            {"windows": [SATURDAY]}, {"health": "degraded", "problems": ["router 0/2 ready"]}, "wait", "unhealthy",
            "router 0/2 ready", "fireworks", "11-28 01:00", id="unhealthy",
        ),
        pytest.param(
            {"access": {"mode": "hardened"}}, {"missing_permissions": ["create x in y", "patch z in y"], "health": "?"},
            "wait", "missing_permissions",
            f"{TARGET} needs rights that this credential lacks: create x in y; patch z in y; apply the presetup again",
            "customer", "11-25 12:00", id="the customer has to apply the presetup again",
        ),
        pytest.param(
            {"access": {"mode": "standard", "dropped_rights": [{"identity": "upgrader"}]}},
            {"missing_permissions": ["create x in y"]}, "wait", "missing_permissions",
            "the contract drops rights of the upgrader (access.dropped_rights): take these out of it", "customer",
            "11-25 12:00", id="the contract itself has taken them away",
        ),
        pytest.param(
            {"access": {"mode": "hardened"}}, {"missing_permissions": ["create x in y"], "identity": "deployer"},
            "wait", "missing_permissions", "which is that of the identity deployer; run this with the upgrader's",
            "operator", "11-25 12:00", id="the credential of another identity",
        ),
        pytest.param(
            {}, {"missing_permissions": ["create x in y"], "identity": "upgrader"}, "wait", "missing_permissions",
            "run fireworks.byoc.onboard again", "fireworks", "11-25 12:00",
            id="our own presetup has to be applied again",
        ),
        pytest.param({}, {"health": "?"}, "wait", "unhealthy", "does not say", "fireworks", "11-25 12:00", id="mute"),
        pytest.param(
            {}, {"health": "degraded", "problems": ["gpu-7: handed-over"], "owner": "customer"}, "wait", "unhealthy",
            "gpu-7: handed-over", "customer", "11-25 12:00", id="a node was handed to the customer",
        ),
        pytest.param(
            {}, {"health": "degraded", "unfinished": "2026.10.5"}, "go", "go", "", "", "11-25 12:00",
            id="a run ended in between: what repairs it is not refused",
        ),
        pytest.param({}, {"lock": LOCK}, "wait", "locked",
            "bob@ctl/7 works on it for onboard; the lock expires at 2026-11-25 12:20 UTC", "", "11-25 12:20",
            id="the lock is held",
        ),
        pytest.param(
            {"windows": [SATURDAY]}, {"lock": {**LOCK, "purpose": ""}}, "wait", "locked", "works on it;", "",
            "11-28 01:00", id="the lock is held, and then no window is open",
        ),
        pytest.param(
            {}, {"lock": {**LOCK, "expires_at": "2026-11-25T12:00:00+00:00"}}, "go", "go", "", "", "11-25 12:00",
            id="the lock has expired",
        ),
        pytest.param(
            {"windows": [SATURDAY]}, {}, "wait", "outside_window", "outside its change windows", "", "11-28 01:00",
            id="outside its window",
        ),
        pytest.param(
            {"windows": [OPEN]}, {"durations": [6000]}, "wait", "would_not_finish",
            "needs 125 min (its last 1 runs), and its window closes at 2026-11-25 14:00 UTC", "", "12-02 11:00",
            id="would not finish before it closes",
        ),
        pytest.param(
            {"windows": [OPEN]}, {"durations": [12000]}, "wait", "would_not_finish", "no span of 250 min", "customer",
            "", id="longer than any window",
        ),
        pytest.param(
            {"freezes": [FREEZE]}, {}, "wait", "frozen", "frozen until 2026-11-27 00:00 UTC: audit", "", "11-27 00:00",
            id="frozen",
        ),
        pytest.param(
            {"windows": [OPEN], "freezes": [FREEZE]}, {}, "wait", "frozen", "audit", "", "12-02 11:00",
            id="a freeze beats an open window",
        ),
        pytest.param(
            {}, {"frozen": {"until": "2026-11-26T00:00:00+01:00"}}, "wait", "frozen", "set in the cluster", "",
            "11-25 23:00", id="frozen in the cluster",
        ),
        pytest.param(
            {}, {"frozen": {"reason": "incident"}}, "wait", "frozen", "until further notice: incident", "customer", "",
            id="frozen in the cluster without an end",
        ),
        pytest.param(
            {"approvals": {}, "windows": [SATURDAY]}, {}, "wait", "approval", "no approval yet", "customer",
            "11-28 01:00", id="approval missing",
        ),
    ],
)  # fmt: skip
def test_a_cluster(
    change: dict[str, Any], live: dict[str, Any], action: str, code: str, reason: str, owner: str, next_at: str
) -> None:
    access = change.pop("access", {"mode": "standard"})
    found = decide(case(agreed(**change) | {"access": access}, alive(**live), request()), NOW)
    assert (found.action, found.code, found.owner) == (action, code, owner)
    assert reason in found.reason
    assert (f"{found.at:%m-%d %H:%M}" if found.at else "") == next_at


HELD = {"reason": "incident"}
MUTE = {"health": "degraded", "problems": ["router 0/2 ready"]}
ASKS, LONG = {"approvals": {}}, {"durations": [12000]}
CUSTOMER, FIREWORKS, TIME = "customer", "fireworks", ""


@pytest.mark.parametrize(
    ("change", "live", "told"),
    [
        (ASKS, {"frozen": HELD}, [("frozen", CUSTOMER), ("approval", CUSTOMER)]),
        (ASKS | {"freezes": [FREEZE]}, {}, [("approval", CUSTOMER), ("frozen", TIME)]),
        (ASKS | {"windows": [SATURDAY]}, {}, [("approval", CUSTOMER), ("outside_window", TIME)]),
        (ASKS | {"windows": [OPEN]}, LONG, [("would_not_finish", CUSTOMER), ("approval", CUSTOMER)]),
        (
            ASKS | {"windows": [SATURDAY]}, {"lock": LOCK},
            [("approval", CUSTOMER), ("locked", TIME), ("outside_window", TIME)],
        ),
        (
            ASKS, {**MUTE, "missing_permissions": ["create x in y"], "frozen": HELD},
            [
                ("missing_permissions", FIREWORKS), ("unhealthy", FIREWORKS),
                ("frozen", CUSTOMER), ("approval", CUSTOMER),
            ],
        ),
        (
            {}, {"release": "2026.8.0", "kubernetes": "v1.20"},
            [("wrong_source", FIREWORKS), ("old_kubernetes", CUSTOMER)],
        ),
    ],
)  # fmt: skip
def test_all_that_is_in_the_way_is_told_at_once(
    change: dict[str, Any], live: dict[str, Any], told: list[tuple[str, str]]
) -> None:
    contract = agreed(**change) | {"access": {"mode": "standard"}}
    one = case(contract, alive(**live), request())
    found = decide(one, NOW)
    assert [(each.code, each.owner) for each in found.blockers] == told
    assert (found.code, found.owner) == told[0]
    assert all(each.reason in found.reason for each in found.blockers)
    [row] = plan([(contract, alive(**live))], request(), NOW)["clusters"]
    assert [(each["code"], each["owner"]) for each in row["blockers"]] == told
    assert [each["contact"]["email"] != "" for each in row["blockers"]] == [owner == CUSTOMER for _code, owner in told]
    assert ("approval" in dict(told)) == (
        one.digest[:12] in approval_requests({"clusters": [row], "target": TARGET, "now": ""})
    )


def test_who_has_to_act_besides_is_said() -> None:
    found = decide(case(agreed(**ASKS), alive(**MUTE), request()), NOW)
    assert found.reason.startswith("unhealthy: router 0/2 ready; also (customer): no approval yet")


@pytest.mark.parametrize(
    ("change", "live"),
    [
        ({"windows": [SATURDAY], "freezes": [FREEZE], "approvals": {}}, {}),
        ({}, {"health": "degraded", "release": "2026.12.0", "kubernetes": "v1.20"}),
        ({}, {"frozen": {"reason": "incident"}}),
        ({}, {"other_bounds": "scaling.x 1 -> 2"}),
    ],
)
def test_rolling_back_waits_for_no_window(change: dict[str, Any], live: dict[str, Any]) -> None:
    found = decide(case(agreed(**change), alive(**live), request(rollback=True)), NOW)
    assert (found.action, found.code, found.at) == ("go", "go", NOW)


def test_rolling_back_waits_for_who_works_there() -> None:
    found = decide(case(agreed(windows=[SATURDAY]), alive(lock=LOCK), request(rollback=True)), NOW)
    assert (found.action, found.code) == ("wait", "locked")
    assert found.at == NOW + timedelta(minutes=20)


@pytest.mark.parametrize(
    ("emergency", "agreed_emergency", "requested_by", "code", "reason"),
    [
        (BOSS, KNOWS, OPERATOR, "emergency", "emergency, Boss@acme.example: a leak"),
        (BOSS, {}, OPERATOR, "outside_window", "the contract knows of no emergency"),
        (replace(BOSS, approver="eve@x"), KNOWS, OPERATOR, "outside_window", "eve@x is not in change.emergency"),
        (replace(BOSS, approver=""), KNOWS, OPERATOR, "outside_window", "nobody is not in"),
        (replace(BOSS, reason=" "), KNOWS, OPERATOR, "outside_window", "needs a reason"),
        (BOSS, KNOWS, "boss@acme.example", "outside_window", "somebody else declares the emergency"),
    ],
)
def test_an_emergency(emergency: Emergency, agreed_emergency: Any, requested_by: str, code: str, reason: str) -> None:
    contract = agreed(windows=[SATURDAY], emergency=agreed_emergency)
    found = decide(case(contract, alive(), request(emergency=emergency, requested_by=requested_by)), NOW)
    assert found.code == code
    assert reason in found.reason


@pytest.mark.parametrize(
    ("sources", "source", "declared", "code"),
    [
        (["cluster"], "file", "", "outside_window"),
        (["cluster"], "awx", "", "outside_window"),
        (["cluster"], "file", "2026-11-25T18:00:00Z", "emergency"),
        (["cluster", "awx"], "awx", "", "emergency"),
        (["cluster", "awx"], "file", "", "outside_window"),
        (["file"], "awx", "2026-11-25T18:00:00Z", "outside_window"),
    ],
)
def test_an_emergency_counts_from_where_approvals_do(sources: Any, source: str, declared: str, code: str) -> None:
    approvals = {"stack_upgrade": "none", "sources": sources}
    contract = agreed(windows=[SATURDAY], emergency=KNOWS, approvals=approvals)
    asked = request(emergency=replace(BOSS, source=source))
    found = decide(case(contract, alive(emergency=declared), asked), NOW)
    assert found.code == code
    if code != "emergency":
        assert "emergency refused: it was given to the run" in found.reason
        assert "(change.approvals.sources)" in found.reason


@pytest.mark.parametrize(("over", "code"), [(True, "emergency"), (False, "frozen")])
def test_an_emergency_lifts_freezes_only_where_the_contract_says_so(over: bool, code: str) -> None:
    contract = agreed(windows=[SATURDAY], freezes=[FREEZE], emergency={**KNOWS, "over_freezes": over})
    assert decide(case(contract, alive(), request(emergency=BOSS)), NOW).code == code


def test_a_refused_emergency_is_told_where_nothing_ever_opens() -> None:
    contract = agreed(windows=[OPEN])
    found = decide(case(contract, alive(durations=[12000]), request(emergency=BOSS)), NOW)
    assert "(emergency refused: the contract knows of no emergency" in found.reason


def test_an_approval_that_ends_before_the_clusters_turn_is_none() -> None:
    contract = agreed(approvals={})
    asked = request()
    digest = case(contract, alive(), asked).digest
    approval = {"by": "support@acme.example", "digest": digest, "given_at": NOW.isoformat(),
                "expires_at": (NOW + HOUR).isoformat()}  # fmt: skip
    known = case(contract, alive(approvals=[approval]), asked)
    assert decide(known, NOW).code == "go"
    later = timing(known.asked, NOW + 2 * HOUR)
    assert (later.action, later.code, later.at) == ("wait", "approval", None)
    assert "expired" in later.reason


def test_how_long_a_cluster_takes() -> None:
    policy = Policy()
    assert estimate([9000, 100, 200, 300, 250, 240], None, policy).duration == timedelta(seconds=375)
    assert estimate([], timedelta(seconds=100), policy).duration == timedelta(seconds=125)
    assert estimate([], None, policy).duration == timedelta(seconds=1800)
    assert fleet_duration([[], []]) is None
    assert fleet_duration([[], [100.0]]) == timedelta(seconds=100)
    assert fleet_duration([[float(n)] for n in range(11)]) == timedelta(seconds=9)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"soaks": 1}, "there is no 'soaks'; there are canaries, "),
        ({"soak": -1}, "policy.soak: -1 is not a whole number of at least 0"),
        ({"soak": True}, "policy.soak: True is not"),
        ({"canaries": 0}, "at least 1"),
        ({"wave_percent": 101}, "policy.wave_percent: 101 is more than 100"),
    ],
)
def test_a_policy_that_cannot_be(data: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match="policy") as caught:
        policy_from(data)
    assert message in str(caught.value)


def test_a_policy() -> None:
    assert policy_from({"soak": 0}).data()["soak"] == 0
    assert RELEASE["version"] == TARGET
