# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.identities.needs import IDENTITIES, granted
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.logs.lines import (
    MOST_CHARACTERS,
    Asked,
    Log,
    log_of,
    merged,
    merged_clusters,
    moment_text,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.logs.notes import told
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.logs.request import log_doubts, seconds_of
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.logs.sources import MOST, Source, sources
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.presetup_version import LOGS_SINCE
from tests.unit.domain.agreed import contract

ROUTER = Source("fireworks-system", "router-a", "envoy")
RUNS: dict[str, Any] = {"state": {"running": {}}}
RESTARTED: dict[str, Any] = {**RUNS, "lastState": {"terminated": {"exitCode": 1}}, "restartCount": 2}
WAITS: dict[str, Any] = {"state": {"waiting": {"reason": "ImagePullBackOff"}}}
CRASHED: dict[str, Any] = {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": {}}}


def pod(name: str, *containers: dict[str, Any], node: str = "n1", made: str = "", **labels: str) -> dict[str, Any]:
    namespace = "fireworks-system" if "component" in labels else "fireworks-models"
    return {
        "metadata": {
            "namespace": namespace,
            "name": name,
            "creationTimestamp": made,
            "labels": {f"byoc.fireworks.ai/{key.replace('_', '-')}": value for key, value in labels.items()},
        },
        "spec": {"nodeName": node},
        "status": {"containerStatuses": [{"name": f"c{n}", **one} for n, one in enumerate(containers)]},
    }


PODS = [
    pod("router-a", RUNS, component="router"),
    pod("llama-0", RUNS, RESTARTED, model="llama", node="n2"),
    pod("wide-0-1", RUNS, group_of="wide"),
    pod("llama-candidate-1", RUNS, candidate="llama-candidate-0f3b1c2d"),
]


@pytest.mark.parametrize(
    ("of", "node", "places"),
    [
        ("router", "", {"fireworks-system/router-a/c0"}),
        (
            "llama",
            "",
            {f"fireworks-models/{one}" for one in ("llama-0/c0", "llama-0/c1", "llama-0/c1(previous)")}
            | {"fireworks-models/llama-candidate-1/c0"},
        ),
        ("wide", "", {"fireworks-models/wide-0-1/c0"}),
        ("wide-0-1", "", {"fireworks-models/wide-0-1/c0"}),
        ("", "n2", {f"fireworks-models/llama-0/{one}" for one in ("c0", "c1", "c1(previous)")}),
        ("llama-candidate-0f3b1c2d", "", set()),
    ],
)
def test_logs_are_of_a_component_a_model_a_pod_or_a_node(of: str, node: str, places: set[str]) -> None:
    found = sources(PODS, of, node)
    assert {one.place for one in found.chosen} == places
    assert bool(found.absent) is not bool(places)


def test_what_never_started_has_no_log_and_what_crashed_has_one() -> None:
    found = sources([pod("llama-0", WAITS, CRASHED, model="llama"), pod("late", model="llama")])
    assert [one.place for one in found.chosen] == ["fireworks-models/llama-0/c1"]
    assert sorted(found.left_out) == [
        "fireworks-models/late: not started: it is not scheduled",
        "fireworks-models/llama-0/c0: not started: ImagePullBackOff",
    ]


def test_of_very_many_containers_those_of_the_newest_pods_are_read() -> None:
    many = [pod(f"p{n:04}", RUNS, made=f"2026-11-29T00:{n // 60:02}:{n % 60:02}Z", model="m") for n in range(MOST + 50)]
    found = sources(many)
    assert (len(found.chosen), found.chosen[0].pod) == (MOST, f"p{MOST + 49:04}")
    assert found.left_out == ["50 containers, since only those of the newest pods are read"]


def test_who_is_not_there_is_answered_by_who_is() -> None:
    assert sources(PODS, "rooter").absent == (
        "there is no pod of rooter in our namespaces; there are pods of: llama, router, wide"
    )
    assert "on the node n9" in sources(PODS, "", "n9").absent
    assert sources([]).absent.endswith("there are pods of: none")


DATA = b"""2026-11-29T21:00:00.1Z one
2026-11-29T22:00:00.25+01:00 two\r
2026-11-29T21:00:00Z\x20
continues
2026-11-29T21:00:01.123456789Z \x1b[31mred\xff
2026-11-29T21:00:02.5Z cut off hf_ab"""


def test_moments_are_of_one_form_in_utc_and_lines_cannot_steer_a_terminal() -> None:
    log = log_of(ROUTER, DATA, Asked())
    assert log.lines == [
        ("2026-11-29T21:00:00.100000000Z", "one"),
        ("2026-11-29T21:00:00.250000000Z", "two"),
        ("2026-11-29T21:00:00.000000000Z", ""),
        ("2026-11-29T21:00:00.000000000Z", "continues"),
        ("2026-11-29T21:00:01.123456789Z", "\\u001b[31mred\ufffd"),
        ("2026-11-29T21:00:02.500000000Z", "cut off hf_ab"),
    ]
    part = log_of(ROUTER, DATA, Asked(), part=True)
    assert len(part.lines) == 5, "the beginning of a line may be that of a secret"
    assert log_of(ROUTER, b"", Asked()) == Log(ROUTER, [])


def test_only_lines_that_are_asked_for_are_kept_and_nobody_finds_what_is_hidden() -> None:
    data = (
        b"2026-11-29T21:00:00Z password=hunter2\n2026-11-29T21:00:05Z plain hunter\n2026-11-29T21:00:09Z late hunter\n"
    )
    found = log_of(ROUTER, data, Asked(grep="hunter"))
    assert [text for _at, text in found.lines] == ["plain hunter", "late hunter"]
    assert found.redacted == 1
    window = Asked(since="2026-11-29T21:00:01.000000000Z", until="2026-11-29T21:00:08.000000000Z")
    assert [text for _at, text in log_of(ROUTER, data, window).lines] == ["plain hunter"]


def test_a_kubelet_that_has_no_file_is_no_log() -> None:
    said = b"unable to retrieve container logs for containerd://0f3b token=abc"
    log = log_of(ROUTER, said, Asked())
    assert (log.lines, "unable to retrieve" in log.unread, "abc" in log.unread) == ((), True, False)


def test_a_very_long_line_is_cut_after_it_was_redacted() -> None:
    secret = "hf_" + "aB1" * 10
    at = MOST_CHARACTERS - 10
    [(_moment, text)] = log_of(ROUTER, f"2026-11-29T21:00:00Z {'x' * at} {secret} {'y' * 99}\n".encode(), Asked()).lines
    assert secret[:8] not in text and text.endswith(" characters)")


def test_logs_are_merged_by_time_and_the_newest_are_kept() -> None:
    other = Source("fireworks-models", "llama-0", "vllm")
    at = [f"2026-11-29T21:00:{n:02}.000000000Z" for n in range(4)]
    logs = [Log(ROUTER, [(at[0], "a"), (at[2], "c"), (at[2], "c2")]), Log(other, [(at[1], "b"), (at[3], "d")])]
    lines, older = merged(logs, 4)
    assert [line[31:] for line in lines] == [
        "fireworks-models/llama-0/vllm b",
        "fireworks-system/router-a/envoy c",
        "fireworks-system/router-a/envoy c2",
        "fireworks-models/llama-0/vllm d",
    ]
    assert older == 1
    both, left = merged_clusters({"birch": lines[:2], "acme": lines[2:]}, 3)
    assert [line[31:].split()[0] for line in both] == ["acme", "acme", "birch"] or both == sorted(both)
    assert left == 1
    assert [line[:30] for line in both] == sorted(line[:30] for line in both)
    assert moment_text(0.5) == "1970-01-01T00:00:00.500000000Z"


def test_notes_of_one_kind_are_one() -> None:
    notes = [(f"p{n}", "it is gone") for n in range(5)] + [("q", "timed out")]
    assert told(notes) == ["5 containers (p0, p1, p2, and 2 more): it is gone", "q: timed out"]
    assert told((f"p{n}", f"reason {n}") for n in range(200))[7:] == [
        "p7: reason 7",
        "192 more containers, each for a reason of its own",
    ]


@pytest.mark.parametrize(
    ("asked", "doubts"),
    [
        (("15m", "", 500), 0), (("1h30m", "a|b", "1"), 0), (("soon", "", 1), 1), (("15m", "(", 1), 1), (("", "", 1), 1),
        (("15m", "", 0), 1), (("15m", "", "many"), 1), (("15m", "", 10**6), 1), (("x", "[", 0), 3),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_for_is_said_before(asked: tuple[Any, Any, Any], doubts: int) -> None:
    assert len(log_doubts(*asked)) == doubts
    assert (seconds_of("1h30m"), seconds_of("15m")) == (5400, 900)


def test_only_the_observer_reads_logs_and_only_in_our_namespaces_since_the_version_that_says_so() -> None:
    def may(version: int) -> dict[str, list[str]]:
        return {
            one.name: places
            for one in IDENTITIES
            if (places := [n.scope for n in granted(contract(), one, version) if "pods/log" in n.resources])
        }

    assert may(LOGS_SINCE - 1) == {}
    assert may(LOGS_SINCE) == {"observer": ["fireworks-system", "fireworks-models"]}
