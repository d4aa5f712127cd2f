# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import io
import json
import tarfile
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.logs.lines import moment_text
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.support.archive import MOST_BYTES, Contents
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.support.describe import describe, event, within
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.support.scope import Scope, ScopeError, scope_of
from tests.canaries import PLAIN, PROMPT, SECRETS, TOKENS

NOON = 1_764_417_600.0
"""2025-11-29T12:00:00Z"""


def opened(data: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert all((one.mode, one.mtime, one.uid, one.uname) == (0o600, 0, 0, "") for one in tar.getmembers())
        return {one.name.removeprefix("bundle/"): tar.extractfile(one).read() for one in tar.getmembers()}  # type: ignore[union-attr]


def about(data: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(opened(data)["about.json"])
    return found


def test_the_same_content_is_the_same_bytes_in_whatever_order_it_came() -> None:
    def made(names: str) -> bytes:
        contents = Contents()
        for name in names:
            contents.add(f"{name}.jsonl", [{"b": 1, "a": name}])
        return contents.archive({"cluster": "acme"})

    assert made("abc") == made("cba")
    assert set(opened(made("abc"))) == {"about.json", "a.jsonl", "b.jsonl", "c.jsonl"}
    assert opened(made("a"))["a.jsonl"] == b'{"a": "a", "b": 1}\n'


@pytest.mark.parametrize(("logs", "size"), [(0, 10), (7, 10), (7, 4000), (190, 4000)])
def test_it_is_never_larger_than_it_may_be_and_says_what_it_lacks(logs: int, size: int) -> None:
    contents = Contents()
    for name in ("findings", "pods", "nodes", "deployments", "events", "metrics"):
        contents.add(f"{name}.jsonl", [{"n": n, "text": "é" * size} for n in range(300)])
    lines = [(moment_text(NOON - 150 + n), "x" * size) for n in range(300)]
    contents.add_logs({f"logs/{n}/{'p' * 150}.log": lines for n in range(logs)}, moment_text(NOON))
    data = contents.archive({"cluster": "acme"})
    assert len(data) <= MOST_BYTES
    told = about(data)
    assert len(told["files"]) == 6 + logs
    if size == 4000:
        assert len(told["left_out"]) == 6 + logs
    if logs == 7 and size == 4000:
        assert len(data) > MOST_BYTES // 2, "and what room there is, is used"


def test_of_a_log_that_does_not_fit_the_lines_around_the_moment_are_kept() -> None:
    contents = Contents()
    lines = [(moment_text(NOON + n), f"{n:+} " + "x" * 4000) for n in range(-1000, 1000)]
    contents.add_logs({"a.log": lines, "b.log": [(moment_text(NOON), "short")]}, moment_text(NOON))
    kept = [int(line.split()[1]) for line in contents.files["a.log"].decode().splitlines()]
    assert kept == list(range(kept[0], kept[-1] + 1)) and {-100, 0, 100} <= set(kept)
    assert abs(kept[0] + kept[-1]) <= 2
    [left] = contents.left_out
    assert left.startswith("a.log: ") and "those furthest from" in left


def pod(**more: Any) -> dict[str, Any]:
    container = {
        "name": "engine",
        "image": "registry.example/engine:1",
        "command": ["vllm", "serve"],
        "args": ["--hf-token", TOKENS["hf"], f"--api-key={PLAIN['api_key']}", "--max-num-seqs", "8"],
        "env": [{"name": name, "value": value} for name, value in {**PLAIN, **TOKENS, "ASKED": PROMPT}.items()],
    }
    return {
        "kind": "Pod",
        "metadata": {
            "name": "llama-0",
            "namespace": "fireworks-models",
            "labels": {"byoc.fireworks.ai/model": "llama"},
            "annotations": {
                "byoc.fireworks.ai/note": f"token={PLAIN['token']}",
                "kubectl.kubernetes.io/last-applied-configuration": json.dumps({"env": PLAIN}),
                "acme.example/prompt": PROMPT,
            },
            **more,
        },
        "spec": {
            "nodeName": "gpu-1",
            "containers": [container],
            "volumes": [{"name": "k", "secret": {"secretName": "s"}}],
        },
        "status": {
            "phase": "Running",
            "message": f"failed with password={PLAIN['password']}",
            "containerStatuses": [
                {"name": "engine", "state": {"waiting": {"reason": "X", "message": f"pull: {TOKENS['jwt']}"}}}
            ],
        },
    }


def test_objects_are_described_without_values_of_secrets() -> None:
    shown = describe(pod())
    text = json.dumps(shown)
    assert [canary for canary in (*SECRETS, PROMPT) if canary in text] == []
    [container] = shown["containers"]
    assert container["environment"] == [*PLAIN, *TOKENS, "ASKED"], "names only"
    assert container["command"].endswith("--max-num-seqs 8")
    assert shown["annotations"]["acme.example/prompt"] == "[not shown]"
    assert (shown["nodeName"], shown["phase"], shown["volumes"]) == ("gpu-1", "Running", ["k: secret"])


def test_nodes_and_deployments_are_described_too_and_nothing_of_other_kinds() -> None:
    node = {
        "kind": "Node",
        "metadata": {"name": "gpu-1"},
        "spec": {"unschedulable": True, "taints": [{"key": "a"}]},
        "status": {"conditions": [{"type": "Ready", "message": f"secret={PLAIN['password']}"}], "images": ["x"] * 99},
    }
    shown = describe(node)
    assert (shown["unschedulable"], shown["taints"], "images" in shown) == (True, [{"key": "a"}], False)
    assert PLAIN["password"] not in json.dumps(shown)
    template = {"spec": pod()["spec"]}
    made = {"kind": "Deployment", "metadata": {"name": "llama"}, "spec": {"replicas": 2, "template": template}}
    assert describe(made)["wanted"] == 2 and TOKENS["hf"] not in json.dumps(describe(made))
    assert "data" not in describe({"kind": "Secret", "metadata": {"name": "s"}, "data": {"a": "b"}})


def test_events_of_both_forms_are_in_the_order_of_time_and_redacted() -> None:
    old = {
        "involvedObject": {"kind": "Pod", "name": "llama-0"},
        "lastTimestamp": "2025-11-29T12:00:05Z",
        "message": f"token: {PLAIN['token']}",
        "reason": "Failed",
        "count": 3,
    }
    new = {"regarding": {"kind": "Node", "name": "gpu-1"}, "eventTime": "2025-11-29T12:00:01.5Z", "note": "well"}
    found = within([old, new, {"message": "no moment"}], "2025-11-29T12:00:00Z", "2025-11-29T12:00:05Z")
    assert [(one["at"], one["times"]) for one in found] == [("2025-11-29T12:00:01Z", 1), ("2025-11-29T12:00:05Z", 3)]
    assert PLAIN["token"] not in json.dumps(found)
    assert event({"message": "no moment"}) is None


OF_MODEL = Scope("", "llama", NOON, 1800, 600)
OF_NODE = Scope("gpu-1", "", NOON, 1800, 600)


def test_what_belongs_to_a_model_and_to_a_node() -> None:
    mine, other = pod(), pod(name="qwen-0", labels={"byoc.fireworks.ai/model": "qwen"})
    assert [OF_MODEL.is_of(each) for each in (mine, other)] == [True, False]
    assert [OF_NODE.is_of(each) for each in (mine, other)] == [True, True]

    def happened(kind: str, name: str, namespace: str = "fireworks-models") -> dict[str, Any]:
        return {"involvedObject": {"kind": kind, "name": name, "namespace": namespace}}

    events = [
        happened("Pod", "llama-0"), happened("Pod", "llama-gone-1"), happened("Deployment", "llama"),
        happened("Pod", "qwen-0"), happened("Node", "gpu-1", ""), happened("Pod", "llama-0", "elsewhere"),
    ]  # fmt: skip
    assert OF_MODEL.events_of(events, [mine]) == events[:3]
    assert OF_NODE.events_of(events[:5], [mine]) == [events[0], events[4]]
    findings = [
        {"node": "gpu-1", "replicas": [{"model": "llama"}]}, {"node": "gpu-2", "replicas": [{"model": "llama"}]},
        {"node": "gpu-1", "replicas": []}, {"node": "gpu-3", "replicas": []}, {"node": "", "replicas": []},
    ]  # fmt: skip
    assert OF_MODEL.findings_of(findings, [mine]) == [findings[0], findings[1], findings[2]]
    assert OF_NODE.findings_of(findings, [mine]) == [findings[0], findings[2]]


def test_a_scope_says_when_and_asks_for_that_time_only() -> None:
    assert OF_MODEL.told() == {
        "node": "",
        "model": "llama",
        "around": "2025-11-29T12:00:00Z",
        "since": "2025-11-29T11:30:00Z",
        "until": "2025-11-29T12:10:00Z",
    }
    query = OF_MODEL.metrics_query()
    assert ',model="llama"}[2400s:60s] @ 1764418200' in query and "vllm:num_requests_waiting" in query
    assert ',node="gpu-1"}' in OF_NODE.metrics_query()
    assert (OF_MODEL.name, OF_NODE.name) == ("model-llama", "node-gpu-1")
    assert scope_of("", "llama", "", "30m", "10m", NOON) == OF_MODEL
    assert scope_of("gpu-1", "", "2025-11-29T13:00:00+01:00", "30m", "10m", 0) == OF_NODE


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("", "", "", "30m", "10m"), "name a node or a model"),
        (("a", "b", "", "30m", "10m"), "and not both"),
        (("a", "", "soon", "30m", "10m"), "around: 'soon' is no time"),
        (("a", "", "", "long", "10m"), "before: 'long' is not a duration"),
        (("a", "", "", "30m", "0s"), "after: '0s' is a duration of zero"),
    ],
)
def test_a_scope_that_is_not_understood_is_refused(asked: tuple[str, str, str, str, str], said: str) -> None:
    with pytest.raises(ScopeError, match=said):
        scope_of(*asked, now=NOON)
