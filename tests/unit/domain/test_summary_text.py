# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a run ended, for people."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.run_result import run_result
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.summary_text import spell, summary_lines
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.table import width
from ansible_collections.fireworks.byoc.plugins.module_utils._vocabulary.failure import failed_result

BEGAN, NOW = "2026-11-28T10:00:00Z", "2026-11-28T10:00:31Z"
ASKED = {"name": "Acme Cloud Platform", "email": "cloud@acme.example"}


def outcome(cluster: str = "nimbus-eu-1", result: str = "done", **said: Any) -> dict[str, Any]:
    return {"cluster": cluster, "customer": "nimbus", "result": result, "code": result, "owner": "",
            "started": BEGAN, "ended": NOW, **said}  # fmt: skip


def objects(count: int, action: str = "created") -> list[dict[str, str]]:
    return [{"kind": "Pod", "namespace": "x", "name": f"p{n}", "action": action} for n in range(count)]


def run(
    *outcomes: dict[str, Any], playbook: str = "onboard", check_mode: bool = False, failed: Any = None
) -> dict[str, Any]:
    return run_result(outcomes, [], playbook=playbook, run="7", check_mode=check_mode, now=NOW, failed=failed)


def text(*outcomes: dict[str, Any], wide: int = 100, **more: Any) -> str:
    return "\n".join(line for line, _severity in summary_lines(run(*outcomes, **more), wide=wide))


FAILED = outcome(
    result="failed", code="rollout_failed", owner="operator", written=objects(83),
    what="llama-3-1-8b r1: 2/2 ready, the test request failed (503)",
    next_step="check the pod network, then run again. No traffic path? -e validate_http_request=false",
    steps=[{"name": "stack", "state": "done", "note": ""}, {"name": "models", "state": "failed", "note": "0/1"},
           {"name": "validation", "state": "not_begun", "note": ""}],
)  # fmt: skip


def test_a_failed_cluster_is_a_block_that_says_all() -> None:
    lines = summary_lines(run(FAILED), wide=100)
    assert "\n".join(line for line, _severity in lines) == (
        "ONBOARD nimbus-eu-1   FAILED after 31 s   83 objects created, kept\n"
        "  ✔ stack   ✘ models 0/1   · validation\n"
        "  ✘ llama-3-1-8b r1: 2/2 ready, the test request failed (503)\n"
        "  Fix     check the pod network, then run again. No traffic path? -e validate_http_request=false\n"
        "  Action required by: you        docs/runbooks/model-gate-failed.md"
    )
    assert [severity for _line, severity in lines] == ["bad", "", "bad", "", ""]
    assert "runbooks" not in text({**FAILED, "code": "budget"}), "what needs no page names none"
    assert "runbooks" not in text(outcome(code="approval", owner="customer")), "nor does what went well"


def test_a_run_that_no_cluster_had_a_turn_in_is_a_block_too() -> None:
    failed = failed_result(error="E", code="x", what="no clusters are named", next_step="name them: -e clusters=…")
    assert text(failed=failed) == (
        "ONBOARD   REFUSED\n  ✘ no clusters are named\n  Fix     name them: -e clusters=…\n  Action required by: you"
    )


@pytest.mark.parametrize("wide", [60, 80, 100, 200])
def test_no_line_is_wider_than_the_terminal_and_nothing_is_cut(wide: int) -> None:
    words = [f"word{number}" for number in range(200)]
    long = outcome("birch-eu-1", "failed", what=" ".join(words), next_step="do that", owner="customer", contact=ASKED)
    found = text(FAILED, long, outcome("acme-eu-1", what="fine"), wide=wide)
    assert max(width(line) for line in found.splitlines()) <= wide
    assert set(words) <= set(found.split())


@pytest.mark.parametrize(
    ("one", "first"),
    [
        (outcome(written=objects(1)), "ONBOARD nimbus-eu-1   done after 31 s   1 object created"),
        (
            outcome(written=[*objects(2), *objects(1, "token_issued"), *objects(3, "evicted")]),
            "ONBOARD nimbus-eu-1   done after 31 s   2 objects created, 1 given a new token, 3 evicted",
        ),
        (outcome(result="would_change", written=objects(2)),
         "ONBOARD nimbus-eu-1   would change after 31 s   2 objects would be created"),
        (outcome(result="unchanged"), "ONBOARD nimbus-eu-1   unchanged after 31 s"),
        (outcome(result="failed", written=objects(2, "deleted")),
         "ONBOARD nimbus-eu-1   FAILED after 31 s   2 objects deleted"),
        (outcome(result="failed", code="task_failed", written=[*objects(1), *objects(2, "recreated")]),
         "ONBOARD nimbus-eu-1   FAILED after 31 s   1 object created, 2 recreated, kept"),
        (outcome(result="failed", code="rollout_failed", written=[*objects(1), *objects(2, "updated")]),
         "ONBOARD nimbus-eu-1   FAILED after 31 s   1 object created, 2 updated"),
        (outcome(result="failed", code="rolled_back", written=objects(2, "updated")),
         "ONBOARD nimbus-eu-1   FAILED after 31 s   2 objects updated, rolled back"),
        (outcome(result="refused", ended=""), "ONBOARD nimbus-eu-1   REFUSED"),
        (outcome(result="unproven"), "ONBOARD nimbus-eu-1   unproven after 31 s"),
    ],
)  # fmt: skip
def test_the_first_line_says_what_was_written(one: dict[str, Any], first: str) -> None:
    assert text(one).splitlines()[0] == first


def test_sixty_clusters_are_a_line_each_and_what_is_alike_is_said_once() -> None:
    away = {"what": "the API server did not answer", "next_step": "check the network", "owner": "customer"}
    fleet = [
        outcome(f"c{n:02}", "failed", **away) if n % 20 == 7 else outcome(f"c{n:02}", written=objects(n))
        for n in range(60)
    ]
    lines = text(*fleet).splitlines()
    assert [line.split()[1] for line in lines[:60]] == [f"c{n:02}" for n in range(60)]
    assert len(lines) == 60 + 5 + 2
    assert lines[61] == "c07, c27, c47   FAILED after 31 s"
    assert sum("check the network" in line for line in lines) == 1
    assert lines[-1].startswith("ONBOARD 60 clusters   57 done, 3 failed   ")
    assert "created" in lines[-1]


def test_what_several_persons_are_needed_for_is_said_to_each() -> None:
    other = outcome("b", "failed", what="x", next_step="y", owner="customer", contact=ASKED)
    found = text(outcome("a", "failed", what="x", next_step="y", owner="fireworks"), other)
    assert "Action required by: Fireworks\n" in found
    assert "Action required by: customer (Acme Cloud Platform <cloud@acme.example>)\n" in found


def test_a_fleet_that_passed_is_one_line() -> None:
    found = text(outcome("a", "passed"), outcome("b", "passed"), playbook="status")
    assert found == "STATUS 2 clusters   2 passed   after 31 s"
    assert text(playbook="verify_release") == "VERIFY RELEASE   passed   after 0 s"


def test_what_it_happened_to_is_said_once() -> None:
    refused = outcome(
        result="refused", code="budget", object="GPU nodes", what="GPU nodes: none, needed one", owner="customer"
    )
    assert text(refused).splitlines()[1:] == ["  ✘ GPU nodes: none, needed one", "  Action required by: customer"]
    elsewhere = outcome(result="failed", object="Lease x", what="no answer")
    assert text(elsewhere).splitlines()[1:] == ["  ✘ Lease x: no answer"]


@pytest.mark.parametrize(("seconds", "said"), [(0, "0 s"), (59, "59 s"), (245, "4 min 5 s"), (7800, "2 h 10 min")])
def test_times_are_said_as_people_do(seconds: int, said: str) -> None:
    assert spell(seconds) == said
