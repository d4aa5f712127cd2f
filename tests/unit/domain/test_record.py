# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records: what is in them, and that no change of them stays unseen."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.record import (
    BODY,
    EMPTY_HEAD,
    LEFT_OUT,
    canonical,
    hash_of,
    head_after,
    make_record,
    recorded_objects,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.record_check import check_records

Lines = list[str]
CLUSTER = "acme-eu-1"


def body(**changes: Any) -> dict[str, Any]:
    return {**dict.fromkeys(BODY, ""), "cluster": CLUSTER, "operation": "onboard", "objects": [], **changes}


class Bed:
    """A cluster's head, and the files of the controllers that write."""

    def __init__(self) -> None:
        self.head: dict[str, Any] | None = None
        self.files: dict[str, Lines] = {}

    def write(self, writer: str = "one", *, alone: bool = False, chain: str = "c1", **said: Any) -> dict[str, Any]:
        lines = self.files.setdefault(writer, [])
        last = json.loads(lines[-1]) if lines else None
        place = {"head": None, "chain": ""} if alone else {"head": self.head, "chain": chain}
        record = make_record(body(**said), writer=writer, last=last, **place)
        if not alone:
            self.head = head_after(record, self.head)
        lines.append(canonical(record))
        return record

    def check(self) -> dict[str, Any]:
        return check_records(self.files, self.head, CLUSTER)


def three() -> Bed:
    bed = Bed()
    for number in range(3):
        bed.write(run=str(number))
    return bed


def test_what_was_written_holds() -> None:
    assert three().check() == {"ok": True, "broken": "", "unproven": [], "lines": 3}
    assert Bed().check() == {"ok": True, "broken": "", "unproven": [], "lines": 0}


def changed(line: str, **changes: Any) -> str:
    return canonical({**json.loads(line), **changes})


def forged(line: str, **changes: Any) -> str:
    """As somebody writes it who knows how hashes are made."""
    record = {**json.loads(line), **changes}
    return canonical({**record, "hash": hash_of(record)})


def _appended(lines: Lines, **changes: Any) -> Lines:
    last = json.loads(lines[-1])
    added = {"number": last["number"] + 1, "sequence": last["sequence"] + 1, "previous": last["hash"]}
    return [*lines, forged(lines[-1], previous_here=last["hash"], **{**added, **changes})]


def _rewritten(lines: Lines) -> Lines:
    """The whole rest of the file made anew behind a changed line, as by the module itself."""
    bed = Bed()
    for number in range(len(lines)):
        bed.write(run=str(number), result="never happened" if number == 1 else "")
    return bed.files["one"]


@pytest.mark.parametrize(
    ("tamper", "words"),
    [
        (lambda lines: [lines[0], changed(lines[1], result="x"), lines[2]], "line 2 of one was changed"),
        (lambda lines: [lines[0], changed(lines[1], hash="0" * 64), lines[2]], "line 2 of one was changed"),
        (lambda lines: [lines[0], forged(lines[1], result="x"), lines[2]], "line 3 of one does not follow"),
        (lambda lines: [lines[0], lines[2]], "line 2 of one does not follow"),
        (lambda lines: lines[1:], "line 1 of one does not follow"),
        (lambda lines: [lines[1], lines[0], lines[2]], "line 1 of one does not follow"),
        (lambda lines: [lines[0], lines[2], lines[1]], "line 2 of one does not follow"),
        (lambda lines: [*lines[:2], lines[1], lines[2]], "line 3 of one does not follow"),
        (lambda lines: lines[:2], "line 3 of one is missing: the cluster knows of 3 lines, and 2 are here"),
        (lambda lines: [], "line 1 of one is missing"),
        (lambda lines: [*lines[:2], lines[2][:40]], "line 3 of one is no record"),
        (lambda lines: [lines[0], "", *lines[1:]], "line 2 of one is no record"),
        (lambda lines: ["[]", *lines], "line 1 of one is no record"),
        (lambda lines: _appended(lines), "line 4 of one was put in"),
        (lambda lines: [*lines[:2], forged(lines[2], result="x")], "line 3 of one is not the one that the cluster"),
        (_rewritten, "line 3 of one is not the one that the cluster knows of"),
        (lambda lines: [forged(lines[0], cluster="b"), *lines[1:]], "line 1 of one is of another cluster, b"),
    ],
)
def test_the_first_broken_link_is_named(tamper: Callable[[Lines], Lines], words: str) -> None:
    bed = three()
    bed.files["one"] = tamper(bed.files["one"])
    found = bed.check()
    assert not found["ok"]
    assert found["broken"].startswith(words), found["broken"]


def two_controllers() -> Bed:
    bed = Bed()
    for writer in ("one", "two", "one", "one", "two", "one"):
        bed.write(writer)
    return bed


def test_over_two_controllers_the_cluster_holds_the_lines_together() -> None:
    bed = two_controllers()
    assert bed.check() == {"ok": True, "broken": "", "unproven": [], "lines": 6}
    del bed.files["two"]
    found = bed.check()
    assert found["ok"]
    assert found["unproven"] == ["2 of 6 lines of the cluster's chain are in files of two, which are not here"]


def test_lines_rewritten_as_ones_that_the_cluster_never_saw_leave_a_gap_that_is_found() -> None:
    """Whoever has a controller and its token may append to the head, and so attest whatever history they now tell."""
    bed = three()
    bed.files["one"] = bed.files["one"][:1]
    for number in (1, 2):
        bed.write(run=f"another {number}", alone=True)
    bed.write(run="3")
    assert bed.check()["broken"] == (
        "2 of 4 lines of the cluster's chain are in none of the files, and those of all its controllers are here. "
        "Lines were removed or rewritten"
    )


def test_a_file_alone_cannot_be_cut_or_changed_either() -> None:
    bed = two_controllers()
    bed.files = {"one": bed.files["one"][:-1]}
    assert bed.check()["broken"].startswith("line 4 of one is missing")


def test_two_lines_at_one_place_are_found() -> None:
    bed = two_controllers()
    twin = Bed()
    twin.write("two")
    bed.files["two"] = twin.files["two"]
    assert "is missing" in bed.check()["broken"] or "both number" in bed.check()["broken"]
    both = check_records({"one": bed.files["one"], "two": twin.files["two"]}, None)
    assert both["broken"].endswith("are both number 1")


def test_lines_of_two_files_that_do_not_meet_are_found() -> None:
    bed, other = two_controllers(), Bed()
    other.write("two", alone=True)
    lines = other.files["two"]
    lines.append(forged(lines[0], number=2, previous_here=json.loads(lines[0])["hash"], chain="c1", sequence=2))
    found = check_records({"one": bed.files["one"], "two": lines}, None)
    assert found["broken"] == "line 2 of two does not follow line 1 of one"


def test_a_chain_that_ends_elsewhere_than_the_cluster_says_is_found() -> None:
    bed = three()
    assert bed.head
    bed.head["hash"] = "0" * 64
    assert bed.check()["broken"] == "line 3 of one is not the end of the chain that the cluster knows of"
    bed.head["sequence"] = 2
    assert "line 3 of one is behind the end" in bed.check()["broken"]


def test_what_the_cluster_does_not_know_is_unproven_and_said() -> None:
    bed = three()
    bed.write(alone=True, operation="offboard")
    found = bed.check()
    assert found["ok"]
    assert found["unproven"] == ["line 4 of one was written without the cluster, which knows nothing of it"]
    bed.head = None
    assert "no head to compare with" in bed.check()["unproven"][0]
    bed.write(chain="c2")  # onboarded again: the new chain's head knows the whole file
    assert bed.check() == {"ok": True, "broken": "", "unproven": [], "lines": 5}
    bed.files["one"] = bed.files["one"][:3] + bed.files["one"][4:]
    assert bed.check()["broken"].startswith("line 4 of one does not follow")


def test_lines_that_stay_out_of_the_head_are_no_outage() -> None:
    bed = three()
    for _each in range(2):
        bed.write(alone=True)
    assert bed.check()["ok"] and len(bed.check()["unproven"]) == 2
    bed.write(alone=True)
    assert bed.check()["broken"] == (
        "the cluster has heard of no line of one since line 3, and 3 were written: something keeps them from its head. "
        "Each of those runs warned, and said what"
    )
    bed.write()
    assert bed.check() == {"ok": True, "broken": "", "unproven": [], "lines": 7}
    fresh = Bed()  # before the first presetup there is no head to keep anything from
    for _each in range(4):
        fresh.write(alone=True)
    fresh.head = dict(EMPTY_HEAD)
    assert fresh.check()["ok"]


def test_ten_thousand_lines_are_checked_in_seconds() -> None:
    bed = Bed()
    change = {"object": "Deployment fireworks-models/llama", "action": "updated", "before": "a" * 64, "after": "b" * 64}
    for number in range(10_000):
        bed.write(f"ctl-{number % 2}", run=str(number), objects=[change] * 5)
    started = time.perf_counter()
    assert bed.check() == {"ok": True, "broken": "", "unproven": [], "lines": 10_000}
    seconds = time.perf_counter() - started
    print(f"10,000 records of two controllers, {sum(map(len, bed.files['ctl-0'])) * 2 // 10**6} MB: {seconds:.2f} s")
    assert seconds < 10


def test_no_secret_is_recorded() -> None:
    jwt = "eyJ" + "hbGciOiJSUzI1NiJ9" + ".e30.x"
    record = Bed().write(reason=f"Bearer {jwt}", objects=[{"object": "https://user:pass@host", "after": "a"}])
    assert record["reason"] == LEFT_OUT
    assert record["objects"] == [{"object": LEFT_OUT, "after": "a"}]


def test_objects_are_those_that_were_written_with_the_hashes_that_results_know() -> None:
    service = {"kind": "Service", "namespace": "ns", "name": "a", "action": "deleted"}
    made = {"kind": "Namespace", "namespace": "", "name": "b", "action": "created"}
    told = {**made, "before": "", "after": "h"}
    results = [{"failed": True}, {"results": [{"objects": [told]}, {"skipped": True}]}, {}]
    assert recorded_objects([service, made], results) == [
        {"object": "Service ns/a", "action": "deleted", "before": "", "after": ""},
        {"object": "Namespace b", "action": "created", "before": "", "after": "h"},
    ]
    assert recorded_objects([], results) == [], "what no server accepted was not written"


def test_an_empty_file_is_no_tampering_before_the_first_line() -> None:
    nothing = {"ok": True, "broken": "", "unproven": [], "lines": 0}
    assert check_records({"one": []}, None) == nothing
    assert check_records({"one": []}, {"chain": "c1", "sequence": 0, "hash": "", "writers": {}}) == nothing


def test_lines_of_a_chain_that_the_cluster_has_forgotten_are_unproven() -> None:
    bed = three()
    for head in (EMPTY_HEAD, {**EMPTY_HEAD, "chain": "c2", "sequence": 1, "hash": "x", "writers": {"two": {}}}):
        bed.head = dict(head)
        found = bed.check()
        assert found["ok"]
        assert "3 lines of one from another chain than the cluster's" in found["unproven"][0]


def test_a_line_of_another_chain_behind_what_the_cluster_knows_was_put_in() -> None:
    bed = three()
    bed.files["one"] = _appended(bed.files["one"], chain="c0")
    assert bed.check()["broken"].startswith("line 4 of one was put in")


def test_where_no_cluster_is_asked_the_end_is_left_to_the_audit_log() -> None:
    bed = three()
    assert check_records(bed.files, None, CLUSTER, asked=False) == {
        "ok": True, "broken": "", "unproven": [], "lines": 3
    }  # fmt: skip
    bed.files["one"] = [bed.files["one"][0], bed.files["one"][2]]
    assert not check_records(bed.files, None, CLUSTER, asked=False)["ok"]


def test_the_head_says_whose_line_was_the_last_and_what_it_followed() -> None:
    first, head = Bed(), Bed()
    first.write()
    before = first.head or {}
    head.head, head.files = dict(before), first.files
    head.write("two")
    after = head.head or {}
    assert (after["writer"], after["previous"], before["previous"]) == ("two", before["hash"], "")
