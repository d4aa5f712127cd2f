# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans over fleets: waves, the times of each, what stands in the way; and the gate between waves."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract.schema import RINGS
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.release import InvalidReleaseError, check_release
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.gate import gate
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.plan import plan
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.policy import Policy
from tests.unit.domain.agreed import RELEASE
from tests.unit.domain.rollout.fleets import NOW, OPEN, SATURDAY, TARGET, Cluster, agreed, alive, request

HOUR = timedelta(hours=1)


def waves(made: dict[str, Any]) -> list[list[str]]:
    return [wave["clusters"] for wave in made["waves"]]


def row(made: dict[str, Any], name: str) -> dict[str, Any]:
    [found] = [one for one in made["clusters"] if one["cluster"] == name]
    return dict(found)


def general(count: int, **live: Any) -> list[Cluster]:
    return [(agreed(f"g{n}", f"customer-{n}"), alive(**live)) for n in range(count)]


def test_rings_come_in_turn_and_a_canary_alone_first() -> None:
    fleet = [
        *((agreed(f"c{n}", f"customer-{n}", "canary"), alive()) for n in range(3)),
        (agreed("e0", "other", "early"), alive()),
        *general(4),
    ]
    made = plan(fleet, request(policy=Policy(wave_percent=50)), NOW)
    assert waves(made) == [["c0"], ["c1", "c2"], ["e0"], ["g0", "g1"], ["g2", "g3"]]
    assert [wave["ring"] for wave in made["waves"]] == ["canary", "canary", "early", "general", "general"]
    starts = [wave["starts_at"][11:16] for wave in made["waves"]]
    assert starts == ["12:00", "13:00", "14:00", "15:00", "16:00"]  # half an hour each, and as much to soak
    assert made["feasibility"]["complete_at"] == "2026-11-25T16:30:00+00:00"
    assert made["feasibility"]["whole_fleet"]


def test_without_a_canary_ring_somebody_still_goes_first() -> None:
    assert waves(plan(general(4), request(policy=Policy(wave_percent=100)), NOW)) == [["g0"], ["g1", "g2", "g3"]]


def test_a_release_that_some_cluster_has_needs_no_canary_any_more() -> None:
    fleet = [*general(3), (agreed("there"), alive(release=TARGET))]
    assert waves(plan(fleet, request(policy=Policy(wave_percent=100)), NOW)) == [["g0", "g1", "g2"]]


def test_an_offline_canary_holds_nobody_up() -> None:
    fleet = [(agreed("c0", "a", "canary"), alive(reachable=False, error="timed out")), *general(2)]
    made = plan(fleet, request(), NOW)
    assert waves(made) == [["g0"], ["g1"]]
    assert [one["decision"] for one in made["clusters"]] == ["skip", "go", "go"]
    [found] = made["feasibility"]["blockers"]
    said = {"code": "offline", "owner": "customer"}
    said["contact"] = {"name": "Acme networking", "email": "networking@acme.example"}
    assert found.pop("blockers") == [{"object": "", "what": "offline: timed out", **said}]
    assert found == {"cluster": "c0", "reason": "offline: timed out", "next_at": None, **said}
    assert not made["feasibility"]["whole_fleet"]
    assert not made["feasibility"]["in_time"]


def test_an_approval_is_used_up_by_the_upgrade_that_a_rollback_takes_back() -> None:
    fleet = [(agreed("c0", approvals={"approvers": ["ops@acme.example"]}), alive())]
    planned = plan(fleet, request(), NOW)
    for digest in (row(planned, "c0")["digest"], planned["digest"]):
        given = {"by": "ops@acme.example", "digest": digest, "given_at": NOW.isoformat()}
        asked, later = request(approvals=[given]), NOW + timedelta(hours=2)
        assert row(plan(fleet, asked, later), "c0")["decision"] == "go"
        back = [(fleet[0][0], alive(since=(NOW + timedelta(hours=1)).isoformat()))]
        assert row(plan(back, asked, later), "c0")["code"] == "approval"
        anew = {**given, "digest": row(plan(back, asked, later), "c0")["digest"], "given_at": later.isoformat()}
        assert row(plan(back, request(approvals=[anew]), later), "c0")["decision"] == "go"


def test_those_of_a_wave_that_wait_for_a_window_hold_nobody_up() -> None:
    early = [(agreed(f"e{n}", f"other-{n}", "early"), alive()) for n in (1, 2)]
    fleet = [(agreed("later", "other", "early", windows=[SATURDAY]), alive()), *early, *general(1)]
    made = plan(fleet, request(policy=Policy(wave_percent=100)), NOW)
    assert waves(made) == [["e1"], ["e2", "later"], ["g0"]]
    assert (row(made, "g0")["decision"], row(made, "g0")["next_at"]) == ("go", "2026-11-25T14:00:00+00:00")
    assert row(made, "later")["code"] == "outside_window"
    assert row(made, "later")["ends_at"] == "2026-11-28T01:30:00+00:00"
    assert made["feasibility"]["complete_at"] == "2026-11-28T01:30:00+00:00"


def test_a_first_wave_that_has_to_wait_is_waited_for() -> None:
    fleet = [(agreed("c0", "a", "canary", windows=[SATURDAY]), alive()), *general(1)]
    made = plan(fleet, request(), NOW)
    assert (row(made, "c0")["decision"], row(made, "c0")["next_at"]) == ("wait", "2026-11-28T01:00:00+00:00")
    held = row(made, "g0")
    assert (held["decision"], held["code"], held["next_at"]) == ("wait", "earlier_wave", "2026-11-28T02:00:00+00:00")
    assert held["reason"] == "wave 1 goes first, and none of its clusters can go now"


def test_who_works_on_a_cluster_of_a_later_wave_is_named() -> None:
    lock = {"holder": "bob", "purpose": "onboard", "expires_at": "2026-11-25T12:02:00+00:00"}
    made = plan([(agreed("c0", "a", "canary"), alive()), (agreed("g0", "b"), alive(lock=lock))], request(), NOW)
    assert (row(made, "g0")["wave"], row(made, "g0")["decision"]) == (2, "go")
    assert row(made, "g0")["reason"].endswith(
        "; now bob works on it for onboard; the lock expires at 2026-11-25 12:02 UTC unless it is renewed"
    )


def test_what_depends_on_a_wave_that_nobody_can_time_has_no_time_either() -> None:
    contract = agreed("c0", "a", "canary", approvals={"approvers": ["ops@a"]})
    digest = row(plan([(contract, alive())], request(), NOW), "c0")["digest"]
    later = agreed("c1", "a", "canary", approvals={"approvers": ["ops@a"], "valid_for": "30m"})
    own = row(plan([(later, alive())], request(), NOW), "c1")["digest"]
    given_at = NOW.isoformat()
    approvals = [{"by": "ops@a", "digest": one, "given_at": given_at} for one in (digest, own)]
    made = plan([(contract, alive()), (later, alive()), *general(1)], request(approvals=approvals), NOW)
    assert waves(made) == [["c0"], ["c1"], ["g0"]]
    assert row(made, "c0")["decision"] == "go"
    assert (row(made, "c1")["code"], row(made, "c1")["next_at"]) == ("approval", None)  # it expires before its turn
    assert row(made, "g0")["code"] == "earlier_wave"
    assert row(made, "g0")["reason"].endswith("nobody knows when")
    assert made["waves"][2]["starts_at"] is None
    assert made["waves"][2]["ends_at"] is None


def test_whether_a_cluster_can_go_is_asked_for_the_time_of_its_turn() -> None:
    fleet = [(agreed("c0", "a", "canary"), alive()), (agreed("late", windows=[OPEN]), alive())]
    assert row(plan(fleet, request(), NOW), "late")["decision"] == "go"
    slow = plan(fleet, request(policy=Policy(soak=7200)), NOW)
    assert (row(slow, "late")["code"], row(slow, "late")["next_at"]) == ("outside_window", "2026-12-02T11:00:00+00:00")


@pytest.mark.parametrize(
    ("hours", "in_time", "late"), [(1, False, ["g1", "g2"]), (2, False, ["g2"]), (2.5, True, []), (None, True, [])]
)
def test_a_deadline(hours: float | None, in_time: bool, late: list[str]) -> None:
    deadline = NOW + hours * HOUR if hours else None
    feasibility = plan(general(3), request(), NOW, deadline)["feasibility"]
    assert (feasibility["in_time"], feasibility["late"]) == (in_time, late)


def test_a_rollback_goes_on_wherever_it_is_needed() -> None:
    fleet = [(agreed(f"g{n}", f"c{n}", windows=[SATURDAY], approvals={}), alive(health="degraded")) for n in range(2)]
    made = plan(fleet, request(rollback=True, policy=Policy(wave_percent=100)), NOW)
    assert made["kind"] == "rollback"
    assert waves(made) == [["g0", "g1"]]
    assert {one["decision"] for one in made["clusters"]} == {"go"}


def test_the_customers_contact_is_named_where_there_is_one() -> None:
    made = plan([(agreed("a"), alive(reachable=False)), (agreed("b"), alive(release="2020.1.1"))], request(), NOW)
    assert [one["owner"] for one in made["clusters"]] == ["customer", "fireworks"]


def test_the_plans_digest_is_the_same_at_another_hour_and_whatever_the_clusters_do() -> None:
    first = plan(general(3), request(), NOW)
    later = plan(list(reversed(general(3, release=TARGET, health="degraded"))), request(), NOW + HOUR)
    assert first["digest"] == later["digest"]
    assert plan(general(2), request(), NOW)["digest"] != first["digest"]
    assert plan(general(3), request(), NOW) == first


@st.composite
def fleets(draw: st.DrawFn) -> list[Cluster]:
    made = []
    for number in range(draw(st.integers(1, 25))):
        contract = agreed(
            f"c{number:02}",
            draw(st.sampled_from(["a", "b", "c", "d"])),
            draw(st.sampled_from(RINGS)),
            windows=draw(st.sampled_from([[], [OPEN], [SATURDAY]])),
            approvals=draw(st.sampled_from([{"stack_upgrade": "none"}, {}])),
        )
        live = draw(
            st.sampled_from(
                [alive(), alive(), alive(reachable=False), alive(release=TARGET), alive(durations=[3000, 2000])]
            )
        )
        made.append((contract, live))
    return made


@given(fleets(), st.integers(1, 100), st.integers(1, 3), st.randoms(use_true_random=False))
def test_every_plan(fleet: list[Cluster], percent: int, canaries: int, random: Any) -> None:
    asked = request(policy=Policy(wave_percent=percent, canaries=canaries))
    made = plan(fleet, asked, NOW)
    shuffled = list(fleet)
    random.shuffle(shuffled)
    assert plan(shuffled, asked, NOW) == made
    json.dumps(made)

    of = {contract["identity"]["name"]: contract["identity"] for contract, _live in fleet}
    placed = [name for wave in waves(made) for name in wave]
    assert len(placed) == len(set(placed))
    assert [RINGS.index(of[name]["ring"]) for name in placed] == sorted(RINGS.index(of[n]["ring"]) for n in placed)
    assert {one["cluster"] for one in made["clusters"]} == set(of)
    assert {one["cluster"] for one in made["clusters"] if one["wave"]} == set(placed)

    total = Counter(identity["customer"] for identity in of.values())
    for wave in waves(made):
        for customer, count in Counter(of[name]["customer"] for name in wave).items():
            assert count < total[customer] or total[customer] == 1
    if placed and not any(one["code"] == "already_there" for one in made["clusters"]):
        assert len(waves(made)[0]) <= canaries
    for one in made["clusters"]:
        assert one["reason"]
        assert one["decision"] != "go" or one["next_at"]


@pytest.mark.parametrize(
    ("outcomes", "policy", "after", "open_", "reason"),
    [
        ("1done 1done", Policy(), 30, True, "wave 1: 2 of 2 done, and soaked"),
        ("1done 1skipped", Policy(), 30, True, "1 of 2 done"),
        ("1done", Policy(), 29, False, "wave 1 soaks until 2026-11-25 12:30 UTC"),
        ("1done", Policy(soak=0), 0, True, ""),
        ("1done 1failed", Policy(), 30, False, "wave 1 has 1 failure (0 allowed): c1"),
        ("1done 1failed", Policy(wave_failures=1), 30, False, "the fleet has 1 failure (0 allowed): c1"),
        ("1done 1failed", Policy(wave_failures=1, fleet_failures=1), 30, True, "1 of 2 done"),
        ("0failed 1done", Policy(wave_failures=1, fleet_failures=0), 30, False, "the fleet has 1 failure"),
        ("1skipped", Policy(), 30, False, "nothing is proven yet"),
        ("0done", Policy(), 30, False, "no cluster of wave 1 has been changed"),
    ],
)
def test_the_gate(outcomes: str, policy: Policy, after: int, open_: bool, reason: str) -> None:
    results = [
        {"cluster": f"c{n}", "wave": int(one[0]), "result": one[1:], "code": "", "ended_at": NOW.isoformat()}
        for n, one in enumerate(outcomes.split())
    ]
    found = gate(results, 1, policy, NOW + timedelta(minutes=after))
    assert found.open is open_
    assert reason in found.reason


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": "2026.11"}, "version: '2026.11' is not a whole version"),
        ({"channel": ""}, "channel: is missing"),
        ({"kubernetes": {"minimum": 1.3}}, "kubernetes.minimum: 1.3 is not a version in quotes"),
        ({"kubernetes": {"minimum": "new"}}, "kubernetes.minimum: 'new' is not"),
        ({"upgrades_from": None}, "upgrades_from: is not a list"),
        ({"upgrades_from": ["2026.10.0", "2026.9"]}, "upgrades_from: '2026.9' is not a whole version"),
        ({"upgrades_from": [TARGET]}, "upgrades_from: names the release itself"),
        ({"kubernetes": "1.30"}, "kubernetes is '1.30', and has to be a mapping"),
        ({"components": "router"}, "components is 'router', and has to be a list"),
        ({"images": {"router": "envoy"}}, "images.router is 'envoy', and has to be a mapping"),
        ({"engines": {"vllm": {0.11: {}}}}, "a key of engines.vllm is 0.11, and has to be a text"),
        ({"requires": []}, "requires is a list, and has to be a mapping or nothing"),
    ],
)
def test_a_release_that_nothing_can_be_planned_by(change: dict[str, Any], message: str) -> None:
    check_release(RELEASE)
    with pytest.raises(InvalidReleaseError) as caught:
        check_release({**RELEASE, **change})
    assert message in str(caught.value)
    with pytest.raises(InvalidReleaseError, match="components is missing"):
        check_release({key: RELEASE[key] for key in RELEASE if key != "components"}, whole=True)


def test_a_release_that_is_only_installed_anew_upgrades_nothing() -> None:
    made = plan(general(1), replace(request(), release={**RELEASE, "upgrades_from": []}), NOW)
    assert "may only follow none" in row(made, "g0")["reason"]
