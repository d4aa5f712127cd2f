# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.gate import Canary, Gate, Seen, judge
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.heartbeat import (
    Pulse,
    Sample,
    pulse,
    read_sample,
    standstill,
)

ASKED = Seen(canaries={"p": Canary(answered=True, tries=1)})


def replica(name: str = "p", *, ready: bool = True, **more: Any) -> dict[str, Any]:
    """A pod; ``container`` is merged into the status of its container."""
    container = {"name": "engine", "restartCount": 0, "state": {"running": {}}, **more.pop("container", {})}
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}, *more.pop("conditions", [])]
    status = {"phase": "Running", "conditions": conditions, "containerStatuses": [container], **more.pop("status", {})}
    return {"metadata": {"name": name, **more.pop("metadata", {})}, "status": status}


def waiting(reason: str, **more: Any) -> dict[str, Any]:
    return {"state": {"waiting": {"reason": reason, **more}}}


OOM = {"lastState": {"terminated": {"reason": "OOMKilled", "exitCode": 137}}}
PULL = waiting("ImagePullBackOff", message="Back-off pulling image x")
UNSCHEDULED = {"type": "PodScheduled", "status": "False", "message": "0/2 nodes are available"}
STILL = {"p": Pulse(7.0, since=10.0)}
TRIED = Canary(tries=3, error="500 engine is dead")

# (pod, what was seen, gate) -> state, words of the reason
CASES: list[tuple[str, dict[str, Any], Seen, Gate, str, str]] = [
    ("ready and answers", replica(), ASKED, Gate(), "passed", "1 of 1"),
    ("not ready", replica(ready=False), ASKED, Gate(), "waiting", "is not ready yet"),
    ("not scheduled", replica(ready=False, conditions=[UNSCHEDULED]), ASKED, Gate(), "waiting",
     "cannot be scheduled: 0/2 nodes"),
    ("ready and not asked yet", replica(), Seen(), Gate(), "waiting", "has not answered a request"),
    ("ready and refused once", replica(), Seen(canaries={"p": Canary(tries=1, error="timeout")}), Gate(), "waiting",
     "(1 tries, the last: timeout)"),
    ("ready and never answers", replica(), Seen(canaries={"p": TRIED}), Gate(), "failed",
     "did not answer 3 requests for one token (500 engine is dead)"),
    ("ready where nothing may be asked", replica(), Seen(unsent="no request was sent"), Gate(), "unproven",
     "unproven: no request was sent"),
    ("ready, no canary, but a heartbeat", replica(), Seen(pulses={"p": Pulse(3.0)}), Gate(canary=False), "passed", ""),
    ("ready, no canary, no heartbeat", replica(), Seen(), Gate(canary=False), "unproven", "show no heartbeat"),
    ("stands still with requests", replica(), Seen("", ASKED.canaries, STILL), Gate(grace=60), "failed",
     "hangs: it has requests, and no token came for 90 s (grace 60 s)"),
    ("stands still, but not for long", replica(), Seen("", ASKED.canaries, STILL), Gate(grace=120), "passed", ""),
    ("crash loop", replica(ready=False, container={**waiting("CrashLoopBackOff"), **OOM}), ASKED, Gate(), "failed",
     "container engine does not start: CrashLoopBackOff (ended with OOMKilled, exit code 137)"),
    ("no such image", replica(ready=False, container=PULL), ASKED, Gate(), "failed",
     "its image cannot be used: ImagePullBackOff Back-off pulling image x"),
    ("an image that may yet come", replica(ready=False, container=waiting("ErrImagePull")), ASKED, Gate(), "waiting",
     "is not ready yet"),
    ("restarted once", replica(container={"restartCount": 1}), ASKED, Gate(), "passed", ""),
    ("restarted twice", replica(container={"restartCount": 2, **OOM}), ASKED, Gate(), "failed",
     "was restarted 2 times (ended with OOMKilled"),
    ("an init container that fails",
     replica(ready=False, status={"initContainerStatuses": [{"name": "fetch", **waiting("CrashLoopBackOff")}]}),
     ASKED, Gate(), "failed", "container fetch does not start"),
    ("on its way out", replica(metadata={"deletionTimestamp": "now"}), ASKED, Gate(), "waiting", "0 of 1 new replicas"),
    ("evicted", replica(status={"phase": "Failed"}), ASKED, Gate(), "waiting", "0 of 1 new replicas"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("pod", "seen", "gate", "state", "words"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_a_replica_is_judged_by_what_it_shows(
    pod: dict[str, Any], seen: Seen, gate: Gate, state: str, words: str
) -> None:
    verdict = judge([pod], seen, gate, wanted=1, now=100.0)
    assert verdict.state == state, verdict.why
    assert words in verdict.why


def test_of_several_the_worst_counts_and_each_is_named() -> None:
    pods = [replica("a"), replica("b", ready=False), replica("c", container=waiting("RunContainerError"))]
    seen = Seen(canaries={name: Canary(answered=True, tries=1) for name in "abc"})
    verdict = judge(pods, seen, Gate(), wanted=3, now=0.0)
    assert verdict.state == "failed"
    assert verdict.why.startswith("c: container engine does not start")
    assert [each["state"] for each in verdict.replicas] == ["passed", "waiting", "failed"]
    assert judge(pods[:2], seen, Gate(), wanted=3, now=0.0).why == "b: is not ready yet"
    assert judge(pods[:1], seen, Gate(), wanted=3, now=0.0).why == "1 of 3 new replicas are there"
    assert judge([], seen, Gate(), wanted=0, now=0.0).state == "passed"


METRICS = """\
# HELP vllm:num_requests_running Number of requests
vllm:num_requests_running{model_name="x",engine="0"} 2.0
vllm:num_requests_waiting{model_name="x",engine="0"} 1.0
vllm:iteration_tokens_total_bucket{le="1.0"} 3.0
vllm:iteration_tokens_total_count{model_name="x",engine="0"} 10.0
vllm:iteration_tokens_total_count{model_name="x",engine="1"} 5.0
"""


@pytest.mark.parametrize(
    ("engine", "text", "sample"),
    [
        ("vllm", METRICS, Sample(15.0, 3.0)),
        ("vllm", METRICS.replace(" 2.0", " broken"), None),
        ("vllm", METRICS.replace("num_requests_waiting", "something_else"), None),
        ("vllm", "", None),
        ("another", METRICS, None),
    ],
)
def test_a_heartbeat_is_read_from_the_engines_own_metrics(engine: str, text: str, sample: Sample | None) -> None:
    assert read_sample(engine, text) == sample


def test_only_standing_still_with_requests_is_standing_still() -> None:
    first = pulse(None, Sample(5, 2), 0.0)
    assert first == Pulse(5)
    still = pulse(first, Sample(5, 2), 10.0)
    assert still == pulse(still, Sample(5, 1), 20.0) == Pulse(5, 10.0)
    assert pulse(still, Sample(6, 2), 20.0) == Pulse(6)
    assert pulse(still, Sample(5, 0), 20.0) == Pulse(5)
    assert standstill({"p": still}, "p", 40.0) == 30.0
    assert standstill({"p": first}, "p", 40.0) == standstill({}, "p", 40.0) == 0.0
