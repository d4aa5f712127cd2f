# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.objects import model_objects
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.policy import (
    by_priority,
    model_changes,
    model_rollback,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.revision import (
    FAILED,
    FAILING,
    GOOD,
    PENDING,
    Revision,
    UnknownRevisionError,
    before,
    by_model,
    current,
    decided,
    expendable,
    last_good,
    next_number,
    parse,
    record,
    to_restore,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.revision_diff import unit_diff
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.rows import (
    model_rows,
    revision_rows,
    rollout_rows,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.unit import (
    UnfitUnitError,
    as_unit,
    digest,
    is_of,
    is_scaled,
    may_be_away,
    shape_of,
    template_of,
    wanted_shape,
    while_rolling,
    with_candidate,
    workload,
)
from tests.unit.domain.agreed import RELEASE, contract, model
from tests.unit.domain.raw import H100


def unit(**more: Any) -> list[dict[str, Any]]:
    agreed = contract(models=[model(**more)])
    return as_unit(model_objects(agreed, agreed["models"][0], RELEASE))


def revisions(*states: str, digests: str = "") -> list[Revision]:
    """Revisions 1, 2, … in these states; each with a unit of its own unless said otherwise."""
    return [
        Revision("llama", number, [], digests[number - 1] if digests else f"unit-{number}", state)
        for number, state in enumerate(states, 1)
    ]


# --- units ----------------------------------------------------------------------------------------


def test_a_unit_is_the_same_whatever_the_order_of_its_manifests() -> None:
    agreed = contract(models=[model()])
    manifests = model_objects(agreed, agreed["models"][0], RELEASE)
    assert as_unit(manifests) == as_unit(manifests[::-1])
    assert digest(as_unit(manifests)) == digest(as_unit(manifests[::-1]))
    assert digest(unit(context_length=1024)) != digest(unit())


def test_a_unit_with_a_secret_is_refused() -> None:
    with pytest.raises(UnfitUnitError, match="holds no Secret; this one has token"):
        as_unit([{"kind": "Secret", "metadata": {"name": "token"}}])


def test_a_workload_takes_replicas_gpus_and_a_product() -> None:
    found = workload(unit(gpu={"product": H100, "per_replica": 4}))
    assert found
    shape = shape_of(found)
    assert (shape.replicas, shape.gpus, shape.product) == (2, 4, H100)


def test_where_a_scaler_says_how_many_replicas_the_live_ones_count() -> None:
    scaled = [*unit(), {"kind": "ScaledObject"}]
    assert (is_scaled(unit()), is_scaled(scaled)) == (False, True)
    live = {"spec": {"replicas": 5}}
    assert [wanted_shape(each, live).replicas for each in (unit(), scaled)] == [2, 5]
    assert wanted_shape(scaled, {}).replicas == 2
    assert shape_of({}).replicas == 1
    assert workload([{"kind": "Service"}]) is None


@pytest.mark.parametrize(
    ("budget", "away"),
    [
        ({"maxUnavailable": 1}, 1),
        ({"maxUnavailable": 0}, 0),
        ({"maxUnavailable": "30%"}, 2),
        ({"minAvailable": 4}, 0),
        ({"minAvailable": "50%"}, 2),
        ({"minAvailable": 9}, 0),
        (None, 4),
    ],
)
def test_the_budget_says_how_many_of_four_may_be_away(budget: dict[str, Any] | None, away: int) -> None:
    manifests = [] if budget is None else [{"kind": "PodDisruptionBudget", "spec": budget}]
    assert may_be_away(manifests, 4) == away


def test_a_pod_is_of_the_template_whose_marks_it_carries() -> None:
    template = template_of(workload(unit()) or {})
    pod = {"metadata": {"labels": {**template["metadata"]["labels"], "pod-template-hash": "x"}}}
    assert not is_of(pod, template)
    pod["metadata"]["annotations"] = dict(template["metadata"]["annotations"])
    assert is_of(pod, template)
    assert not is_of(pod, template_of(workload(unit(context_length=1024)) or {}))


def test_while_it_rolls_kubernetes_itself_holds_each_replica_for_the_bake_time() -> None:
    strategy = {"type": "Recreate"}
    rolling = workload(while_rolling(unit(), strategy, 120))
    assert rolling
    assert rolling["spec"]["strategy"] == strategy
    assert rolling["spec"]["minReadySeconds"] == 120
    assert rolling["spec"]["progressDeadlineSeconds"] == 1800 + 120
    assert template_of(rolling) == template_of(workload(unit()) or {})
    assert "minReadySeconds" not in (workload(while_rolling(unit(), strategy, 0)) or {})["spec"]
    assert while_rolling([{"kind": "Service"}], strategy, 5) == [{"kind": "Service"}]


@pytest.mark.parametrize(("fewer", "serving"), [(False, 2), (True, 1)])
def test_a_candidate_is_found_by_nobody_who_looks_for_the_model(fewer: bool, serving: int) -> None:
    *old, candidate = with_candidate(unit(), unit(context_length=1024), fewer=fewer)
    marks = candidate["spec"]["template"]["metadata"]["labels"]
    assert "byoc.fireworks.ai/model" not in marks
    name = marks["byoc.fireworks.ai/candidate"]
    assert name == f"llama-candidate-{digest(unit(context_length=1024))[:8]}"
    assert candidate["spec"]["selector"]["matchLabels"].items() <= marks.items()
    assert (candidate["metadata"]["name"], candidate["spec"]["replicas"]) == (name, 1)
    assert "--max-model-len=1024" in candidate["spec"]["template"]["spec"]["containers"][0]["command"]
    assert (workload(old) or {})["spec"]["replicas"] == serving


def test_only_a_deployment_has_a_candidate() -> None:
    with pytest.raises(UnfitUnitError, match="Deployment"):
        with_candidate(unit(), [], fewer=False)


# --- revisions ------------------------------------------------------------------------------------


def test_a_revision_survives_being_recorded() -> None:
    made = Revision("llama", 4, unit(), digest(unit()), PENDING, "alice", "more context", "2026-11-25T00:00:00Z", 2,
                    {"name": "surge", "extra": 1})  # fmt: skip
    recorded = record(made)
    assert recorded["metadata"]["name"] == "llama-4"
    assert recorded["revision"] == 4
    assert parse(recorded) == made
    patched = decided(FAILED, "it hangs")["metadata"]["annotations"]
    recorded["metadata"]["annotations"] |= patched
    assert (parse(recorded).state, parse(recorded).failure) == (FAILED, "it hangs")
    assert decided(GOOD)["metadata"]["annotations"]["byoc.fireworks.ai/failure"] is None


def test_a_write_over_a_revision_names_the_one_that_was_read() -> None:
    recorded = record(Revision("llama", 4, [], "", GOOD))
    recorded["metadata"] |= {"uid": "0f5c", "resourceVersion": "7"}
    read = parse(recorded)
    named = {key: recorded["metadata"][key] for key in ("name", "namespace", "uid", "resourceVersion")}
    assert read.seen == {"apiVersion": "apps/v1", "kind": "ControllerRevision", "metadata": named}


def test_revisions_are_listed_by_model_oldest_first() -> None:
    recorded = [record(Revision("b", 2, [], "", GOOD)), record(Revision("a", 1, [], "", GOOD)),
                record(Revision("b", 1, [], "", GOOD))]  # fmt: skip
    found = by_model(recorded)
    assert {name: [r.number for r in each] for name, each in found.items()} == {"a": [1], "b": [1, 2]}


@pytest.mark.parametrize(
    ("states", "now", "good"),
    [
        ((), None, None),
        ((PENDING,), 1, None),
        ((FAILED,), None, None),
        ((GOOD, GOOD), 2, 2),
        ((GOOD, PENDING), 2, 1),
        ((GOOD, FAILING), 2, 1),
        ((GOOD, FAILED), 1, 1),
        ((GOOD, FAILED, FAILED, PENDING), 4, 1),
    ],
)
def test_current_is_the_newest_that_did_not_fail_and_good_the_newest_that_passed(
    states: tuple[str, ...], now: int | None, good: int | None
) -> None:
    found = revisions(*states)
    runs, passed = current(found), last_good(found)
    assert (runs and runs.number, passed and passed.number) == (now, good)
    assert next_number(found) == len(states) + 1


def test_good_before_a_number() -> None:
    found = last_good(revisions(GOOD, GOOD, GOOD), before=3)
    assert found
    assert found.number == 2


def restoring(*restores: int, state: str = GOOD) -> list[Revision]:
    """Revisions 1, 2, … that restore these (0: new). All but the last are good."""
    made: list[Revision] = []
    for number, restored in enumerate(restores, 1):
        unit_of = made[restored - 1].digest if restored else f"unit-{number}"
        now = state if number == len(restores) else GOOD
        made.append(Revision("llama", number, [], unit_of, now, restores=restored))
    return made


@pytest.mark.parametrize(
    ("known", "wanted", "number"),
    [
        (revisions(GOOD, GOOD, GOOD), "1", 1),
        (revisions(GOOD, FAILED, GOOD), "2", 2),
        (restoring(0, 0, 1), "3", 3),
        # The revision itself is kept no more, and what restored it is the same.
        (restoring(0, 0, 1)[1:], "1", 3),
        (restoring(0, 0, 1, 0, 1)[2:], "1", 5),
    ],
)
def test_what_is_restored(known: list[Revision], wanted: str, number: int) -> None:
    assert to_restore(known, wanted).number == number


@pytest.mark.parametrize(
    ("known", "wanted", "message"),
    [
        (revisions(GOOD, FAILED), "previous", r"no revision previous; there are 1 \(good\), 2 \(failed\)"),
        (revisions(GOOD), "7", r"no revision 7; there are 1 \(good\)"),
        (revisions(GOOD), "0", "no revision 0"),
        ([], "1", "there are none"),
    ],
)
def test_what_cannot_be_restored_says_what_there_is(known: list[Revision], wanted: str, message: str) -> None:
    with pytest.raises(UnknownRevisionError, match=message):
        to_restore(known, wanted)


@pytest.mark.parametrize(
    ("known", "number"),
    [
        ([], None),
        (revisions(GOOD), None),
        (revisions(FAILED), None),
        (revisions(GOOD, GOOD, GOOD), 2),
        (revisions(GOOD, FAILED, GOOD), 1),
        (revisions(GOOD, GOOD, FAILED), 1),
        (revisions(GOOD, PENDING), 1),
        (revisions(GOOD, FAILING), 1),
        # Fields of the same unit were put right; what was before that is another.
        (revisions(GOOD, GOOD, GOOD, digests="abb"), 1),
        # What a rollback has replaced is not wanted back, however often there was one.
        (restoring(0, 0, 1), None),
        (restoring(0, 0, 0, 2), 1),
        (restoring(0, 0, 0, 0, 3, 4), 3),
        (restoring(0, 0, 0, 2, 4), 1),
        (restoring(0, 0, 0, 2)[2:], None),
        # A rollback that is under way is gone on with.
        (restoring(0, 0, 0, 2, state=PENDING), 2),
        (restoring(0, 0, 0, 2, state=FAILING), 2),
        # One that failed has replaced nothing.
        (restoring(0, 0, 0, 2, state=FAILED), 2),
    ],
)
def test_which_revision_was_before_what_runs(known: list[Revision], number: int | None) -> None:
    assert before(known) == number


@pytest.mark.parametrize(
    ("states", "history", "gone"),
    [
        ((GOOD,) * 3, 5, []),
        ((GOOD,) * 5, 3, [1, 2]),
        ((GOOD, FAILED, FAILED, FAILED), 2, [2, 3]),
        ((GOOD, FAILED, FAILED, PENDING), 1, [2, 3]),
        ((GOOD, PENDING), 0, []),
    ],
)
def test_history_forgets_the_oldest_but_never_what_runs_or_would_be_restored(
    states: tuple[str, ...], history: int, gone: list[int]
) -> None:
    assert [revision.number for revision in expendable(revisions(*states), history)] == gone


def test_a_diff_names_object_field_and_both_values() -> None:
    found = unit_diff(unit(), unit(replicas={"min": 3, "max": 3}, context_length=1024))
    fields = {each["field"]: (each["old"], each["new"]) for each in found}
    assert fields["spec.replicas"] == (2, 3)
    assert ("--max-model-len=32768", "--max-model-len=1024") in fields.values()
    assert {each["object"] for each in found} == {"Deployment fireworks-models/llama"}
    assert unit_diff(unit(), unit()) == []


def test_a_diff_names_objects_that_came_and_went_and_lists_of_other_lengths() -> None:
    budget = [m for m in unit() if m["kind"] == "PodDisruptionBudget"]
    assert unit_diff(budget, []) == [
        {"object": "PodDisruptionBudget fireworks-models/llama", "field": "", "old": "present", "new": None}
    ]
    assert unit_diff([], budget)[0]["new"] == "present"
    one = {"kind": "X", "metadata": {"name": "x"}, "a-b": [1], "c": 1}
    other = {"kind": "X", "metadata": {"name": "x"}, "a-b": [1, 2]}
    assert [each["field"] for each in unit_diff([one], [other])] == ["[a-b]", "c"]


# --- what the contract says ------------------------------------------------------------------------


def test_a_contract_that_says_nothing_is_careful() -> None:
    agreed = contract(models=[model()])
    [change] = model_changes(agreed, ["llama"], RELEASE)
    assert as_unit(change.pop("definition")) == unit()
    assert change == {
        "name": "llama", "priority": "standard", "downtime": False, "bake": 120, "deadline": None, "history": 10,
        "load_seconds": 1800, "canary_request": True, "heartbeat_grace": 120, "engine": "vllm",
        "served_name": "meta-llama/Llama-3.1-8B-Instruct",
    }  # fmt: skip


def test_a_contract_says_how_and_a_run_may_say_otherwise() -> None:
    said = {"downtime": True, "bake": "30s", "deadline": "1h", "history": 3}
    agreed = contract(models=[model(rollout=said, health_gate={"canary_request": False, "heartbeat_grace": "5m"})])
    change = model_rollback(agreed, "llama", "3")
    assert (change["downtime"], change["bake"], change["deadline"], change["history"]) == (True, 30, 3600, 3)
    assert (change["canary_request"], change["heartbeat_grace"], change["revision"]) == (False, 300, "3")
    assert "definition" not in change
    change = model_rollback(agreed, "llama", "3", bake=0, deadline=9)
    assert (change["bake"], change["deadline"]) == (0, 9)


def test_the_more_important_goes_first() -> None:
    given = [
        {"name": n, "priority": p} for n, p in (("b", "batch"), ("s", "standard"), ("c", "critical"), ("a", "batch"))
    ]
    assert [each["name"] for each in by_priority(given)] == ["c", "s", "a", "b"]


# --- rows -----------------------------------------------------------------------------------------


def test_rows_say_what_became_of_each_model() -> None:
    good = {"name": "a", "changed": True, "revision": 2, "strategy": "surge", "why": "room", "gate": "passed",
            "evidence": "2 of 2"}  # fmt: skip
    bad = {"name": "b", "changed": True, "failed": True, "what": "it hangs"}
    same = {"name": "c", "changed": False, "revision": 1, "strategy": "none", "why": "nothing to change"}
    rows = rollout_rows("acme", [good, bad, same])
    assert [row["result"] for row in rows] == ["changed", "failed", "as it was"]
    assert [row["evidence"] for row in rows] == ["2 of 2", "it hangs", "nothing to change"]


def test_rows_of_models_and_their_revisions() -> None:
    entry = {"number": 3, "state": "good", "strategy": "surge", "requested_by": "alice", "when": "now",
             "reason": "worse", "restores": 1, "failure": ""}  # fmt: skip
    info = {"name": "a", "revision": 3, "state": "good", "ready": 1, "replicas": 2, "status": "late",
            "revisions": [entry, {**entry, "number": 2, "restores": None}]}  # fmt: skip
    assert model_rows("acme", [info])[0]["ready"] == "1/2"
    assert [row["reason"] for row in revision_rows("acme", [info])] == ["(restores 1) worse", "worse"]
