# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An upgrade in one cluster as data: what it remembers, what a run does next, and what must hold."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.upgrade import course as courses
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.upgrade.answers import (
    is_list,
    listed,
    shown,
    worse,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.upgrade.course import Wanted, course, settled
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.upgrade.entry import (
    FAILED,
    FAILING,
    GOOD,
    PENDING,
    SUPERSEDED,
    WITHDRAWING,
    WITHDRAWN,
    Entry,
    UnfitBackupError,
    decided,
    expendable,
    in_order,
    record,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.upgrade.gate import standing, troubles
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.upgrade.marks import (
    Marks,
    as_annotations,
    marks_to_keep,
    read_marks,
)

A, B, C = "2026.11.0", "2026.12.0", "2026.12.1"
OBJECTS = [{"kind": "ConfigMap", "metadata": {"name": "router"}}]


def entry(state: str = PENDING, number: int = 1, **more: Any) -> Entry:
    given = {"source": A, "target": B, "digest": "b", "objects": OBJECTS, "state": state, **more}
    return Entry(number, **given)


def test_an_entry_is_read_as_it_was_recorded() -> None:
    made = entry(
        requested_by="alice", reason="faster", when="2026-11-26T02:00:00Z", before={"serving": {"m": 2}}, restores=3
    )
    recorded = record(made)
    assert recorded["immutable"] is True
    assert in_order([recorded]) == [made]
    patch = decided(FAILED, "it crashed", "2026-11-26T02:10:00Z")
    recorded["metadata"]["annotations"] |= patch["metadata"]["annotations"]
    [read] = in_order([recorded])
    assert (read.state, read.failure, read.ended) == (FAILED, "it crashed", "2026-11-26T02:10:00Z")


def test_a_write_over_an_entry_names_the_one_that_was_read() -> None:
    recorded = record(Entry(4, "2026.11.0", "2026.12.0", "", ()))
    recorded["metadata"] |= {"uid": "0f5c", "resourceVersion": "7"}
    named = {key: recorded["metadata"][key] for key in ("name", "namespace", "uid", "resourceVersion")}
    [read] = in_order([recorded])
    assert read.seen == {"apiVersion": "v1", "kind": "ConfigMap", "metadata": named}


def test_what_somebody_else_made_of_an_entry_restores_nothing() -> None:
    [read] = in_order([{"metadata": {"name": "stack-upgrade-1"}}])
    assert (read.number, read.state, read.objects) == (0, SUPERSEDED, [])


def test_a_secret_is_no_part_of_a_backup() -> None:
    with pytest.raises(UnfitBackupError, match="holds no Secret; the set has key"):
        record(entry(objects=[{"kind": "Secret", "metadata": {"name": "key"}}]))


def test_the_oldest_entries_go_but_for_the_last_good_one_and_what_is_under_way() -> None:
    found = [entry(GOOD, 1), entry(FAILED, 2), entry(WITHDRAWN, 3), entry(PENDING, 4)]
    assert [one.number for one in expendable(found, 2)] == [2, 3]
    assert [one.number for one in expendable(found, 3)] == [2]
    assert expendable(found, 4) == []


@pytest.mark.parametrize(
    "marks",
    [
        Marks(A),
        Marks(B, "2026-11-26T02:00:00Z"),
        Marks(A, "", B, {"release": B, "digest": "b", "at": "2026-11-26T02:00:00Z", "reason": "it crashed"}),
    ],
)
def test_marks_are_read_as_they_were_written(marks: Marks) -> None:
    assert read_marks(as_annotations(marks)) == marks


def test_marks_that_others_wrote() -> None:
    assert read_marks({}) is None
    for text in ("no json", "[1]"):
        assert read_marks({**as_annotations(Marks(A)), "byoc.fireworks.ai/release-failed": text}) == Marks(A)


NOW = Marks(A)
UNDER_WAY = Marks(A, unfinished=B)
WANTS = Wanted(B, "b")


@pytest.mark.parametrize(
    ("wanted", "marks", "entries", "action", "words"),
    [
        (WANTS, NOW, [], courses.BEGIN, ""),
        (WANTS, Marks(B), [entry(GOOD)], courses.NOTHING, "has 2026.12.0 already"),
        (WANTS, UNDER_WAY, [entry()], courses.RESUME, "did not come to its end"),
        (WANTS, UNDER_WAY, [entry(FAILING, failure="it crashed")], courses.ABORT, "it crashed"),
        (WANTS, UNDER_WAY, [entry(WITHDRAWING)], courses.ABORT, ""),
        (Wanted(C, "c"), UNDER_WAY, [entry()], courses.SUPERSEDE, "takes the place of 2026.12.0"),
        (Wanted(B, "corrected"), UNDER_WAY, [entry(FAILING)], courses.SUPERSEDE, ""),
        (WANTS, NOW, [entry(FAILED, failure="it crashed")], courses.REFUSE, "2026.12.0 failed here at .*: it crashed"),
        (Wanted(B, "b", retry=True), NOW, [entry(FAILED)], courses.BEGIN, ""),
        (Wanted(B, "corrected"), NOW, [entry(FAILED)], courses.BEGIN, ""),
        (WANTS, NOW, [entry(FAILED), entry(GOOD, 2), entry(GOOD, 3, source=B, target=A)], courses.BEGIN, ""),
        (WANTS, NOW, [entry(WITHDRAWN)], courses.BEGIN, ""),
        (WANTS, UNDER_WAY, [], courses.REFUSE, "its backup is gone"),
    ],
)
def test_what_a_run_does_next(wanted: Wanted, marks: Marks, entries: list[Entry], action: str, words: str) -> None:
    found = course(wanted, marks, entries)
    assert found.action == action
    assert re.search(words, found.reason)


D = "2026.10.0"
BROUGHT = [entry(GOOD, source=D, target=A), entry(GOOD, 2)]
"""D was here, then A, now B."""
BACK = [*BROUGHT, entry(GOOD, 3, source=B, target=A, restores=2)]


def on_its_way_back(state: str, **more: Any) -> list[Entry]:
    return [*BROUGHT, entry(state, 3, source=B, target=A, restores=2, **more)]


@pytest.mark.parametrize(
    ("to", "marks", "entries", "action", "number", "words"),
    [
        # The backup of what is asked for, however far back it is and however often it was asked for.
        (A, Marks(B), BROUGHT, courses.ROLLBACK, 2, ""),
        (D, Marks(B), BROUGHT, courses.ROLLBACK, 1, ""),
        (A, Marks(A), BACK, courses.NOTHING, 0, "has 2026.11.0 already"),
        (A, Marks(A), [entry(WITHDRAWN)], courses.NOTHING, 0, ""),
        (D, Marks(A), BACK, courses.ROLLBACK, 1, ""),
        (B, Marks(A), BACK, courses.ROLLBACK, 3, ""),
        # The newest backup of a release is how it was last; one that failed was kept by what came after it.
        (A, Marks(C), [entry(FAILED), entry(GOOD, 2, target=C)], courses.ROLLBACK, 2, ""),
        (A, Marks(B), [entry(SUPERSEDED, target=C), entry(GOOD, 2)], courses.ROLLBACK, 2, ""),
        # An install has taken the place of what an upgrade brought.
        (A, Marks(C), [entry(GOOD)], courses.ROLLBACK, 1, ""),
        # What is under way has two ends.
        (A, UNDER_WAY, [entry()], courses.ABORT, 1, "asked to go back"),
        (A, UNDER_WAY, [entry(FAILING, failure="it crashed")], courses.ABORT, 1, "it crashed"),
        (A, UNDER_WAY, [entry(WITHDRAWING)], courses.ABORT, 1, ""),
        (A, Marks(B, unfinished=A), on_its_way_back(PENDING), courses.RESUME, 3, ""),
        (A, Marks(B, unfinished=A), on_its_way_back(FAILING, failure="it crashed"), courses.ABORT, 3, "it crashed"),
        (B, Marks(B, unfinished=A), on_its_way_back(PENDING), courses.ABORT, 3, "asked to go back"),
        (B, Marks(B, unfinished=A), on_its_way_back(WITHDRAWING), courses.ABORT, 3, ""),
    ],
)
def test_a_way_back_has_a_named_end(
    to: str, marks: Marks, entries: list[Entry], action: str, number: int, words: str
) -> None:
    found = course(Wanted(to, back=True), marks, entries)
    assert (found.action, found.entry.number) == (action, number)
    assert re.search(words, found.reason)


@pytest.mark.parametrize(
    ("to", "marks", "entries", "backups", "words"),
    [
        ("", Marks(B), BROUGHT, [A], "no release to go back to is named; 2026.11.0 was here before 2026.12.0"),
        ("", Marks(B), [entry(GOOD), entry(FAILED, 2, source=B, target=C)], [A], "2026.11.0 was here"),
        # What a rollback has replaced was not wanted; before that there was another.
        ("", Marks(A), BACK, [D], "2026.10.0 was here before 2026.11.0"),
        ("", Marks(A), BACK[1:], [B], "is named; no upgrade to 2026.11.0 is recorded"),
        ("", Marks(C), BROUGHT, [A, D], "is named; no upgrade to 2026.12.1 is recorded"),
        ("", NOW, [entry(FAILED)], [], "no upgrade to 2026.11.0 is recorded"),
        ("", NOW, [], [], "no upgrade to 2026.11.0 is recorded"),
        (C, Marks(B), BROUGHT, [A, D], "no backup of 2026.12.1 is recorded here"),
        (A, Marks(B), [entry(GOOD, objects=[])], [], "no backup of 2026.11.0"),
        ("", UNDER_WAY, [entry()], [A], "is named; 2026.11.0 to 2026.12.0 has not come to its end"),
        (B, UNDER_WAY, [entry()], [A], "2026.12.0 cannot be restored now"),
        (D, UNDER_WAY, [BROUGHT[0], entry(number=2)], [A], "2026.10.0 cannot be restored now"),
        ("", Marks(B, unfinished=A), on_its_way_back(PENDING), [A, B], "is named; 2026.12.0 to 2026.11.0 has not"),
        ("", Marks(B, unfinished=A), on_its_way_back(FAILING), [B], "is named; 2026.12.0 to 2026.11.0 has not"),
        (A, UNDER_WAY, [], [], "its backup is gone"),
    ],
)
def test_where_the_way_back_is_not_clear_it_is_said_what_can_be_restored(
    to: str, marks: Marks, entries: list[Entry], backups: list[str], words: str
) -> None:
    found = course(Wanted(to, back=True), marks, entries)
    assert (found.action, list(found.backups)) == (courses.REFUSE, backups)
    assert words in found.reason


def test_what_is_known_of_a_release_stays_when_it_is_applied_again() -> None:
    whole = Marks(A, since="2026-11-25T11:00:00Z", failed={"release": B, "reason": "it crashed"})
    found = {"release": A, "since": whole.since, "unfinished": "", "failed": whole.failed}
    assert read_marks(marks_to_keep(A, found)) == whole
    assert read_marks(marks_to_keep(B, found)) == read_marks(marks_to_keep(B, None)) == Marks(B)


@pytest.mark.parametrize("state", [GOOD, FAILED, WITHDRAWN, SUPERSEDED])
def test_going_back_again_and_again_stays_there(state: str) -> None:
    """However the last one ended: where the named release is, nothing is begun."""
    entries = [*BROUGHT, entry(state, 3, source=B, target=A, restores=2)]
    assert course(Wanted(A, back=True), Marks(A), entries).action == courses.NOTHING


FAILED_MARK = {"release": B, "digest": "b", "at": "x", "reason": "it crashed"}


@pytest.mark.parametrize(
    ("marks", "entries", "states"),
    [
        (UNDER_WAY, [entry()], [PENDING]),
        (UNDER_WAY, [entry(FAILING)], [FAILING]),
        # The run was killed after the parent was written, and before the entry was.
        (Marks(B), [entry()], [GOOD]),
        (Marks(A, failed=FAILED_MARK), [entry(FAILING)], [FAILED]),
        (Marks(A), [entry(WITHDRAWING)], [WITHDRAWN]),
        # It was killed before anything was written.
        (Marks(A), [entry()], [SUPERSEDED]),
        (None, [entry()], [SUPERSEDED]),
        # Somebody has applied the whole set meanwhile.
        (Marks(A), [entry(FAILING)], [SUPERSEDED]),
        (Marks(C), [entry(FAILING)], [SUPERSEDED]),
        # The next one was recorded with the backup of this one.
        (UNDER_WAY, [entry(), entry(number=2, target=C)], [SUPERSEDED, PENDING]),
        (Marks(B), [entry(GOOD)], [GOOD]),
    ],
)
def test_what_the_parent_says_of_the_entries(marks: Marks | None, entries: list[Entry], states: list[str]) -> None:
    known, changed = settled(marks, entries)
    assert [one.state for one in known] == states
    assert changed == {one.number: now.state for one, now in zip(entries, known, strict=True) if one.state != now.state}


def pod(name: str, restarts: int = 0, **state: Any) -> dict[str, Any]:
    container = {"name": "it", "restartCount": restarts, "state": state}
    return {"metadata": {"name": name, "uid": name}, "status": {"containerStatuses": [container]}}


def serving(model: str, ready: int, replicas: int = 2) -> dict[str, Any]:
    labels = {"byoc.fireworks.ai/model": model} if model else {}
    return {
        "metadata": {"name": model, "labels": labels},
        "spec": {"replicas": replicas},
        "status": {"availableReplicas": ready},
    }


@pytest.mark.parametrize(
    ("pods", "workloads", "lasting", "passing"),
    [
        ([pod("a", 1), pod("b")], [serving("m", 2)], (), ()),
        ([pod("a", 3)], [serving("m", 2)], ("a container of pod a has ended, and was started again",), ()),
        (
            [pod("new", waiting={"reason": "CrashLoopBackOff"})],
            [serving("m", 2)],
            ("a container of pod new has ended (it: CrashLoopBackOff)",),
            (),
        ),
        (
            [pod("new", terminated={"exitCode": 3})],
            [serving("m", 2)],
            ("a container of pod new has ended (it: exit code 3)",),
            (),
        ),
        ([pod("new", waiting={"reason": "ContainerCreating"})], [serving("m", 2)], (), ()),
        ([], [serving("m", 1)], (), ("model m has 1 replica ready, and had 2 before",)),
        ([], [serving("m", 1, replicas=1)], (), ()),
        ([], [], (), ("model m has 0 replicas ready, and had 2 before",)),
    ],
)
def test_what_is_worse_than_before(
    pods: list[Any], workloads: list[Any], lasting: tuple[str, ...], passing: tuple[str, ...]
) -> None:
    before = standing([pod("a", 1)], [serving("m", 2), serving("", 1)], {})
    assert before == {"answers": {}, "restarts": {"a": 1}, "serving": {"m": 2}}
    found = troubles(before, pods, workloads, {})
    assert (found.lasting, found.passing) == (lasting, passing)


def test_what_answered_before_counts_with_it() -> None:
    both = answered(m=40, n=50)
    before = standing([], [serving("m", 2), serving("n", 2)], both)
    assert troubles(before, [], [serving("m", 2), serving("n", 2)], both).unanswered == ()
    lost = troubles(before, [], [serving("m", 2), serving("n", 2)], answered(m=41))
    assert (lost.passing, lost.unanswered) == ((), ("the router lists n no more",))
    asleep = troubles(before, [], [serving("m", 2), serving("n", 0, replicas=0)], answered(m=41))
    assert (asleep.passing, asleep.unanswered) == ((), ())
    old = {"restarts": {}, "serving": {}}
    assert troubles(old, [], [], answered()).unanswered == ()


def answered(error: str = "", **models: int | str) -> dict[str, Any]:
    """What a router answers: of each model the milliseconds, or the error."""
    told = {
        name: {"error": said, "ms": 9} if isinstance(said, str) else {"error": "", "ms": said}
        for name, said in models.items()
    }
    return {"error": error, "models": told}


@pytest.mark.parametrize(
    ("before", "now", "asleep", "said"),
    [
        (answered(m=40), answered(m=9000), 0, ()),
        (answered(m=40), answered(m=41, n="500"), 0, ()),
        (answered(m=40), answered(m="500 no backend"), 0,
         ("m answered a request through the router before, and now: 500 no backend",)),
        (answered(m=40), answered("503 no endpoints"), 0, ("the router answered before, and now: 503 no endpoints",)),
        (answered(m=40), answered(), 0, ("the router lists m no more",)),
        (answered(m=40), answered(), 1, ()),
        (answered(m=40, n=1), answered(), 1, ("the router lists m no more", "the router lists n no more")),
        # What was no better before is not judged.
        ({}, answered(), 0, ()),
        (answered("503"), answered("503"), 0, ()),
        (answered(), answered("503"), 0, ()),
        (answered(m="500"), answered("503"), 0, ()),
        (answered(m="500", n=1), answered(m="500", n=2), 0, ()),
    ],
)  # fmt: skip
def test_what_a_router_answers_worse_than_before(
    before: dict[str, Any], now: dict[str, Any], asleep: int, said: tuple[str, ...]
) -> None:
    assert worse(before, now, asleep) == said


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        (answered(m=40), answered(m=38), "through the router, m answers in 38 ms, 40 ms before"),
        (answered(m=40, n="500", o=1), answered(m=38, n="500"),
         "through the router, m answers in 38 ms, 40 ms before, n not judged: before, it said 500, o sleeps"),
        (answered("503"), {}, "whether it answers was not judged: before, the router said 503"),
        (answered(), {}, "the router listed no model before, so none was asked"),
        ({}, {}, "no request was sent, as asked"),
        (answered(n="500"), {}, "through the router, n not judged: before, it said 500"),
    ],
)  # fmt: skip
def test_what_came_of_the_requests_is_evidence(before: dict[str, Any], now: dict[str, Any], said: str) -> None:
    assert shown(before, now) == said


@pytest.mark.parametrize(
    ("said", "models", "is_one"),
    [
        ({"object": "list", "data": [{"id": "n"}, {"id": "m", "object": "model"}, {"id": "m"}]}, ["m", "n"], True),
        ({"data": [{"object": "model"}, "m", {"id": ""}]}, [], True),
        ({"data": None}, [], True),
        ({"message": "it is no JSON"}, [], False),
    ],
)
def test_the_models_that_a_router_lists(said: dict[str, Any], models: list[str], is_one: bool) -> None:
    assert listed(said) == models
    assert is_list(said) is is_one
