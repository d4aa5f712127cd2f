# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The customer's grant of evictions: what it is, how a cluster keeps it, and what a drain without it waits for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.accounted import accounted_objects
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.eviction_grant import (
    EvictionGrant,
    Evictions,
    as_notes,
    grant_line,
    granted_in,
    taken_up,
    wanted_grant,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.expectations import access_expectations
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.guardrails.evictions import evictions_policy
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.identities import identity_objects
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.moments import seconds_at, shown_moment
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.names import (
    EVICTION_GRANT_ANNOTATION,
    EVICTION_PODS_ANNOTATION,
    EVICTION_UNTIL_ANNOTATION,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.remediation.outcome import remediation_outcome
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.node_action import Given
from tests.unit.domain import agreed
from tests.unit.domain.sick_nodes import ALL_AUTO, NOW, SRE, approved, contract, finding, in_state, node, plan
from tests.unit.domain.test_remediation_outcome import step, taken

MORNING = "2026-11-28T09:00:00Z"
GRANT = wanted_grant("30m", ["gpu-2", "gpu-1", "gpu-1"], f" {SRE}", "a\nfault", MORNING)
OPEN = replace(GRANT, pods=("a", "b"), granted_by="boss")
AT_NINE = seconds_at(MORNING) or 0.0
BY_GRANT = contract(actions={**ALL_AUTO, "drain": "approve"})


def test_a_grant_has_an_end_and_says_for_whom_and_why() -> None:
    assert EvictionGrant("2026-11-28T09:30:00Z", SRE, "a fault", "1800s", ("gpu-1", "gpu-2")) == GRANT
    assert wanted_grant("2026-11-28T11:00+01:00", [], "x", "y", MORNING).until == "2026-11-28T10:00:00Z"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"until": "61m"}, "at most an hour"),
        ({"until": "0m"}, "is not an expiry"),
        ({"until": "2026-11-28T08:59:59Z"}, "in the past"),
        ({"until": "2026-11-28T09:30:00"}, "with its zone"),
        ({"requested_by": " "}, "requested_by: it is empty"),
        ({"reason": ""}, "reason: it is empty"),
    ],
)
def test_what_is_no_grant_is_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        wanted_grant(**{"until": "1h", "nodes": [], "requested_by": SRE, "reason": "x", "now": MORNING, **given})


@pytest.mark.parametrize("grant", [OPEN, replace(OPEN, pods=()), replace(OPEN, nodes=(), pods=())])
def test_a_cluster_keeps_a_grant_as_it_is(grant: EvictionGrant) -> None:
    notes = {key: text for key, text in as_notes(grant).items() if text is not None}
    assert granted_in(notes) == grant
    # By its presence the guardrail knows that the grant is for some nodes only, though no pod was on them.
    assert (EVICTION_PODS_ANNOTATION in notes) == bool(grant.nodes)
    assert granted_in({}) is None and set(as_notes(None).values()) == {None}


def test_what_nobody_can_read_is_a_grant_that_has_ended() -> None:
    found = granted_in({EVICTION_UNTIL_ANNOTATION: "soon", EVICTION_GRANT_ANNOTATION: "["})
    assert found is not None and found.ended(0.0) and found.nodes == ()


@pytest.mark.parametrize(
    ("there", "after", "kept"),
    [
        (OPEN, 60, True),
        (OPEN, 1800, False),  # it has ended
        (replace(OPEN, pods=("a",)), 60, True),
        (replace(OPEN, reason="another"), 60, False),
        (replace(OPEN, nodes=()), 60, False),
        (replace(OPEN, lifetime="60s"), 60, False),
        (None, 60, False),
    ],
)
def test_a_rerun_keeps_the_end_of_what_was_asked_for_alike(there: Any, after: int, kept: bool) -> None:
    later = shown_moment(AT_NINE + after)
    wanted = replace(wanted_grant("30m", ["gpu-1", "gpu-2"], SRE, "a fault", later), pods=("a", "b"), granted_by="me")
    found = taken_up(wanted, there, AT_NINE + after)
    assert found.until == (OPEN.until if kept else wanted.until)
    assert found.granted_by == ("boss" if kept else "me")
    assert found.pods == ("a", "b"), "of the pods that are there now"


HOUR = EvictionGrant(shown_moment(NOW + 60), nodes=("gpu-1",))


@pytest.mark.parametrize(
    ("evictions", "words"),
    [
        (None, ""),  # drains by themselves
        (Evictions(None, bound=True), ""),  # prerequisites of version 1
        (Evictions(HOUR, bound=True), ""),
        (Evictions(replace(HOUR, nodes=()), bound=True), ""),
        (Evictions(None, bound=False), "has granted no evictions"),
        (Evictions(HOUR, bound=False), "is not whole"),
        (Evictions(replace(HOUR, until=shown_moment(NOW)), bound=True), "ended at"),
        (Evictions(replace(HOUR, nodes=("gpu-2",)), bound=True), "is for gpu-2 only"),
    ],
)
@pytest.mark.parametrize("state", ["quarantined", "in service"])
def test_a_drain_and_a_restart_wait_for_the_grant(state: str, evictions: Any, words: str) -> None:
    it, found = (in_state("quarantined"), ()) if state == "quarantined" else (
        node(), (finding("restart_pod", pod="fireworks-models/a"),)
    )  # fmt: skip
    asks = plan(it, *found, agreed=BY_GRANT, seen=replace_given())
    given = replace(approved(asks).given, evictions=evictions)
    waits = plan(it, *found, agreed=BY_GRANT, seen=replace_given(given))
    assert (waits.code == "eviction_not_granted") == bool(words)
    assert waits.do == ("wait" if words else {"quarantined": "mark"}.get(state, "restart_pods"))
    if words:
        assert words in waits.why and waits.owner.value == "customer" and waits.patch is None
        neither = plan(it, *found, agreed=BY_GRANT, seen=replace_given(replace(given, approvals=())))
        assert [one["code"] for one in neither.blockers] == ["approval", "eviction_not_granted"]


def replace_given(given: Given | None = None) -> Any:
    return replace(approved(plan(node())), given=given or Given(SRE))


def test_a_quarantine_waits_for_no_grant() -> None:
    seen = replace_given(Given(SRE, evictions=Evictions(None, bound=False)))
    assert plan(node(), finding(), agreed=BY_GRANT, seen=seen).do == "quarantine"


def test_the_outcome_has_the_customers_command_for_all_nodes_that_wait() -> None:
    def waits(name: str) -> dict[str, Any]:
        blocker = {"object": name, "code": "eviction_not_granted", "what": "x", "owner": "customer", "contact": {}}
        return step("wait", name, code="eviction_not_granted", owner="customer", blockers=[blocker])

    found = remediation_outcome(agreed.contract(), [], [waits("gpu-2"), waits("gpu-1")])
    assert (found["result"], found["code"], found["owner"]) == ("waiting", "eviction_not_granted", "customer")
    assert "-e clusters=acme-eu-1" in found["next_step"] and '"nodes": ["gpu-1", "gpu-2"]' in found["next_step"]
    half = taken("drain", failed=True, result="it ended", not_granted=["x/a"], owner="customer")
    found = remediation_outcome(agreed.contract(), [half], [])
    assert (found["result"], found["code"], found["owner"]) == ("failed", "eviction_not_granted", "customer")
    assert "fireworks.byoc.grant_eviction" in found["next_step"]


@pytest.mark.parametrize(
    ("drain", "version", "standing", "on_grant"),
    [("auto", 1, True, False), ("auto", 2, True, False), ("approve", 1, True, False), ("approve", 2, False, True),
     ("never", 1, False, False), ("never", 2, False, False)],
)  # fmt: skip
def test_who_may_evict_by_the_contract_and_the_version(
    drain: str, version: int, standing: bool, on_grant: bool
) -> None:
    made = agreed.contract(actions={"cordon": "auto", "drain": drain})
    evicting = [
        one["metadata"]["name"]
        for one in identity_objects(made, version)
        if any("pods/eviction" in rule["resources"] for rule in one.get("rules", ()))
    ]
    named = ["fireworks-node-medic"] * standing + ["fireworks-node-medic-eviction"] * on_grant
    assert evicting == named
    bound = [one["roleRef"]["name"] for one in identity_objects(made, version) if "roleRef" in one]
    assert "fireworks-node-medic-eviction" not in bound
    notes = {EVICTION_UNTIL_ANNOTATION: MORNING}

    def expected(**given: Any) -> list[Any]:
        [medic] = [one for one in access_expectations(made, version, **given) if one["identity"] == "node-medic"]
        return [rule.get("optional", False) for rule in medic["rules"] if rule["resource"] == "pods/eviction"]

    assert (expected(), expected(notes=notes)) == ([False] * standing, [False] * standing + [True] * on_grant)


def test_the_binding_of_a_grant_is_accounted_for_as_long_as_it_is_noted() -> None:
    def has(**notes: str) -> bool:
        facts = {**agreed.facts(), "annotations": notes}
        entries = accounted_objects(agreed.contract(), [], agreed.RELEASE, facts)
        return any(one.get("name") == "fireworks-node-medic-eviction" for one in entries)

    assert has(**{EVICTION_UNTIL_ANNOTATION: "2020-01-01T00:00:00Z"})
    assert not has()


def test_one_line_says_until_when_and_that_what_ended_gives_nothing() -> None:
    notes = {key: text for key, text in as_notes(OPEN).items() if text is not None}
    line = grant_line(notes, "acme-eu-1", MORNING)
    assert line == (
        f"acme-eu-1: pods of gpu-1, gpu-2 may be evicted until {OPEN.until} (granted by boss for {SRE}: a fault)"
    )
    assert "gives nothing any more" in grant_line(notes, "acme-eu-1", "2026-11-28T09:30:00Z")
    assert grant_line({}, "acme-eu-1", MORNING) == ""


@pytest.mark.parametrize(("drain", "reads"), [("never", False), ("auto", False), ("approve", True)])
def test_only_where_a_grant_is_needed_the_guardrail_reads_it(drain: str, reads: bool) -> None:
    policy = evictions_policy(agreed.contract(actions={"drain": drain}))
    assert bool(policy.parameter) == bool(policy.variables) == reads
    assert (policy.rules[0].expression == "false") == (drain == "never")
