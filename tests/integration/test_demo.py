# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``make demo``, on the testbed and on a cluster of the reader's."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from demo.reality import found
from tests.integration.ansible_runs import ROOT, ansible_environment, run_command
from tests.integration.journey import ours
from tests.integration.killing import begin
from tests.integration.serving import ON_REAL_NODES

DEMO = [sys.executable, "-m", "demo"]


def environment(**more: str) -> dict[str, str]:
    kept = {key: value for key, value in ansible_environment().items() if not key.startswith("BYOC_DEMO")}
    return {**kept, "PYTHONPATH": str(ROOT / "tests" / "testbed"), **more}


def demo(**more: str) -> subprocess.CompletedProcess[str]:
    return run_command(DEMO, environment(**more))


def promised(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stdout
    assert "acme-eu-1 and birch-dc-1 serve; cedar-us-1 was refused before anything was written." in done.stdout
    assert "Cedar GPU Capacity <gpu-capacity@cedar.example>" in done.stdout
    assert "Everything is stopped and removed." in done.stdout
    assert "Traceback" not in done.stdout


def test_three_customers_and_one_is_refused() -> None:
    done = demo(BYOC_DEMO_SIMULATED="1")
    promised(done)
    assert "Simulated too: the nodes and pods of acme-eu-1, so that nothing answers requests" in done.stdout
    assert "No model is asked a question, since nothing answers here: BYOC_DEMO_SIMULATED is set." in done.stdout
    assert "/v1/chat/completions" not in done.stdout


@pytest.mark.soak
@ON_REAL_NODES
def test_a_model_that_sleeps_is_asked_wakes_and_answers() -> None:
    done = demo()
    promised(done)
    assert [each for each in done.stdout.splitlines() if each.startswith("acme-eu-1") and " unproven " in each] == []
    asleep, wakes, answers, client, after = (
        done.stdout.find(text)
        for text in (
            "  503, Retry-After: 60",
            "KEDA",
            "the question: it answers",
            "$ python: OpenAI(",
            "What to try next",
        )
    )
    assert -1 < asleep < answers < client < after, done.stdout
    assert wakes > -1
    assert "token token" in done.stdout[asleep:answers], "curl is answered"
    assert "token token" in done.stdout[client:after], "the client is answered"
    scaled = "KEDA: Scaled apps/v1.Deployment fireworks-models/qwen2-5-0-5b from 0 to 1"
    assert (scaled in done.stdout) is found().scales, "it says who scaled it"


@pytest.mark.soak
def test_an_interrupted_demo_leaves_nothing_running() -> None:
    running = begin(DEMO, environment(PYTHONUNBUFFERED="1"))
    assert running.stdout is not None
    for text in running.stdout:
        if "PLAY [Onboard]" in text:
            break
    os.kill(running.pid, signal.SIGTERM)
    running.communicate(timeout=60)
    deadline = time.monotonic() + 20
    while _session_is_alive(running.pid) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not _session_is_alive(running.pid)


def _session_is_alive(session: int) -> bool:
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            return True
    return False


def test_a_cluster_of_yours_is_named_and_left_alone_until_you_agree(bed: Any) -> None:
    acme = bed["acme"]
    done = demo(KUBECONFIG=str(acme.kubeconfig), BYOC_DEMO_REGISTRY="registry.example/fireworks")
    assert done.returncode == 1
    assert acme.uid in done.stdout
    assert acme.server in done.stdout
    assert "BYOC_DEMO_YES=1 make demo" in done.stdout
    assert ours(acme) == {}


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({}, "Mirror those of"),
        ({"KUBECONFIG": "/nowhere/config"}, "the demo needs one existing file"),
    ],
)
def test_what_is_missing_is_said(bed: Any, environment: dict[str, str], message: str) -> None:
    done = demo(**{"KUBECONFIG": str(bed["acme"].kubeconfig), **environment})
    assert done.returncode == 1
    assert message in done.stdout
    assert "Traceback" not in done.stdout


@pytest.mark.soak
def test_a_cluster_of_yours_is_onboarded_and_cleaned_up(bed: Any) -> None:
    acme = bed["acme"]
    agreed = {"BYOC_DEMO_REGISTRY": "registry.example/fireworks", "BYOC_DEMO_YES": "1"}
    done = demo(KUBECONFIG=str(acme.kubeconfig), **agreed)
    # Nothing answers requests on the testbed's nodes, and the demo must not claim otherwise.
    assert done.returncode == 2, done.stdout
    said = " ".join(done.stdout.split())
    assert "model qwen2-5-0-5b revision 1 did not pass" in said
    assert "is ready and did not answer 3 requests for one token" in said
    assert ours(acme) == {}
