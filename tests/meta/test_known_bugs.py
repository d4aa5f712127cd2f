# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bugs that others' remediators had, and the test of each that ours does not. The table is build/known-bugs.md."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RULES, NODES = "tests/unit/domain/test_remediation.py", "tests/integration/test_node_remediation.py"
DRAIN = "tests/integration/test_drain_hazards.py"
SENTINEL = "NVIDIA/NVSentinel"

KNOWN = [
    ("evidence that is days old is acted on once a breaker is reset", f"{SENTINEL}#450",
     (RULES, "test_nothing_is_done_without_fresh_evidence"),
     (NODES, "test_a_node_goes_the_whole_way_and_check_mode_writes_nothing")),
    ("a restart replays journeys that have ended, and reboots a node that serves", f"{SENTINEL}#1280, #1347",
     (RULES, "test_evidence_from_before_a_return_is_not_replayed")),
    ("a tripped breaker keeps nodes that are well out of service", f"{SENTINEL}#1852",
     (RULES, "test_a_tripped_breaker_blocks_taking_out_and_never_a_return")),
    ("a recovery cancels a quarantine that came after it", f"{SENTINEL}#1451",
     (RULES, "test_a_recovery_never_cancels_a_fresh_quarantine")),
    ("a node that is uncordoned by hand is drained or rebooted nevertheless", f"{SENTINEL}#141, #121",
     (RULES, "test_a_manual_uncordon_is_respected_and_the_same_fault_is_left_to_a_human"),
     (NODES, "test_a_node_that_is_returned_by_hand_in_the_middle_keeps_its_pods"),
     (DRAIN, "test_an_orphaned_pod_is_adopted_again_when_its_node_is_returned_by_hand")),
    ("a cordon of somebody else is taken away with one's own", f"{SENTINEL}#1424",
     (RULES, "test_a_cordon_of_others_stays_and_only_ours_goes")),
    ("a budget that never yields holds a drain for ever, and nobody says which", "kubernetes-sigs/karpenter#2802",
     (NODES, "test_a_budget_that_never_yields_is_named_and_the_drain_given_up")),
    ("a drain that failed leaves behind what it did", "k8snetworkplumbingwg/sriov-network-operator#429",
     (DRAIN, "test_a_drain_that_is_given_up_is_undone_and_the_node_stays_quarantined")),
    ("the next pod of a StatefulSet is taken for the one that left", "ansible-collections/kubernetes.core#792",
     (NODES, "test_the_next_pod_of_a_stateful_set_is_another_pod")),
    ("a run that dies between two steps leaves a node half out of service", f"{SENTINEL}#1347",
     (DRAIN, "test_killed_before_and_after_every_write_it_is_finished_by_the_runs_after_it")),
    ("two at once make two journeys of one node", "-",
     (NODES, "test_two_at_once_make_one_journey")),
    ("a node that is deleted in the middle is waited for", "kubernetes/kubernetes#81333",
     (NODES, "test_a_node_that_is_deleted_in_the_middle_ends_its_drain")),
    ("an API server that sheds load or restarts ends a drain", "-",
     (DRAIN, "test_an_api_that_refuses_or_cuts_off_every_other_request_only_costs_time"),
     (NODES, "test_an_api_server_that_is_away_during_a_drain_costs_time_only")),
    ("pods leave before anything serves in their place", "kubectl drain, and whoever evicts only",
     (DRAIN, "test_replacements_come_first_and_no_moment_has_fewer"),
     ("tests/integration/test_data_plane.py", "test_no_request_fails_while_a_model_is_changed")),
    ("a node returns because its fault is not seen any more", "detectors that forget over a reboot",
     (RULES, "test_the_whole_way_and_what_is_others_stays"),
     (RULES, "test_a_diagnostic_that_fails_goes_up_the_ladder")),
]  # fmt: skip


def test_each_known_bug_has_a_test_that_is_there() -> None:
    lines = ["| bug | whose | tests |", "|---|---|---|"]
    missing = []
    for bug, whose, *tests in KNOWN:
        missing += [f"{path}::{name}" for path, name in tests if name not in _tests_of(path)]
        lines.append(f"| {bug} | {whose} | {', '.join(f'`{Path(path).name}::{name}`' for path, name in tests)} |")
    table = ROOT / "build" / "known-bugs.md"
    table.parent.mkdir(exist_ok=True)
    table.write_text("\n".join([*lines, ""]), encoding="utf-8")
    assert not missing, f"these tests are gone, and nothing shows that we do not have the bug: {missing}"


def _tests_of(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {one.name for one in ast.walk(tree) if isinstance(one, ast.FunctionDef)}
