# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The corpus: labelled cases, as data in ``cases/``. What is found in each is exactly what is expected, and no more.

``sick`` names the nodes that are sick in truth: pods leave no other. Precision and recall are printed with ``-s``.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.actions import empties_the_node
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.assess import Assessment
from tests.unit.domain.health.scene import assessed, recorded
from tests.unit.domain.health.test_policy import CATALOGUE, POLICY, TABLE

FILES = sorted((Path(__file__).parent / "cases").glob("*.yml"))
CASES: dict[str, dict[str, Any]] = {
    f"{file.stem}: {case['name']}": case for file in FILES for case in yaml.safe_load(file.read_text(encoding="utf-8"))
}
# Each code of NVIDIA's catalogue, by itself, in the kernel's log.
CASES |= {
    f"codes: XID {code}": {
        "driver": "silent",
        "lines": [{"xid": code, "text": "pid=1234, name=python3, as the driver writes it"}],
        "expect": [f"{POLICY.row_of_xid(code).fault} {action}"],
        "sick": ["n1"] if empties_the_node(action) else [],
    }
    for action, codes in CATALOGUE.items()
    for code in codes
}

Found = Counter[tuple[str, str, str]]


def expected(case: dict[str, Any]) -> Found:
    """(node, fault, action) of each finding that is expected; the cluster's have no node."""
    words = [("n1 " + one if one.count(" ") == 1 else one).split() for one in case["expect"]]
    return Counter(("" if node == "cluster" else node, fault, action) for node, fault, action in words)


def found(assessment: Assessment) -> Found:
    return Counter((one.node, one.fault, one.action) for one in assessment.findings)


@pytest.mark.parametrize("name", CASES)
def test_a_case_is_judged_as_it_is_labelled(name: str) -> None:
    case = CASES[name]
    assessment = assessed(case)
    assert found(assessment) == expected(case)
    first = next(iter(expected(case)), None)
    finding = next((one for one in assessment.findings if (one.node, one.fault, one.action) == first), None)
    for key in ("decided_by", "owner", "confidence"):
        if key in case:
            assert getattr(finding, key) == case[key], finding
    if "gpu" in case:
        assert finding and finding.gpu and finding.gpu["index"] == case["gpu"]
    if "contact" in case:
        assert finding and finding.contact["email"] == case["contact"]
    if "replicas" in case:
        assert finding and [one["name"] for one in finding.replicas] == case["replicas"]
    for node, state in case.get("states", {}).items():
        assert assessment.nodes[node]["state"] == state
    for node, action in case.get("wanted", {}).items():
        assert assessment.nodes[node]["action"] == action
    emptied = {one.node for one in assessment.findings if empties_the_node(one.action)}
    assert emptied <= set(case.get("sick", ())), "pods would leave a healthy node"


def test_the_corpus_is_large_and_no_healthy_node_is_emptied() -> None:
    hits, extra, missed = Counter(), Counter(), Counter()
    nodes = healthy = emptied = 0
    for case in CASES.values():
        assessment = assessed(case)
        wanted, got = expected(case), found(assessment)
        for tally, keys in ((hits, wanted & got), (extra, got - wanted), (missed, wanted - got)):
            for (_node, fault, _action), times in keys.items():
                tally[fault] += times
        sick = set(case.get("sick", ()))
        for node in assessment.nodes:
            nodes += 1
            healthy += node not in sick
            emptied += node not in sick and empties_the_node(assessment.nodes[node]["action"] or "ignore")
    print(f"\n{len(CASES)} cases, {nodes} nodes, {healthy} of them not to be emptied; emptied of those: {emptied}")
    print(f"{'class':26} {'precision':>9} {'recall':>7} {'found':>6} {'expected':>9}")
    for fault in sorted(hits | extra | missed):
        right, wrong, lost = hits[fault], extra[fault], missed[fault]
        precision, recall = right / (right + wrong or 1), right / (right + lost or 1)
        print(f"{fault:26} {precision:9.2f} {recall:7.2f} {right + wrong:6} {right + lost:9}")
    assert len(CASES) >= 300
    assert emptied == 0
    assert not extra and not missed


def test_every_class_of_the_policy_is_in_the_corpus() -> None:
    seen = {fault for case in CASES.values() for _node, fault, _action in expected(case)}
    ignored = {row["class"] for row in TABLE["faults"] if row["action"] == "ignore"}
    assert {row["class"] for row in TABLE["faults"]} - seen - ignored == set()


def test_judging_again_gives_the_same() -> None:
    case = CASES["combinations: two nodes with two faults"]
    assert assessed(case).as_dict() == assessed(case).as_dict()
    assert recorded(case) == recorded(case)
