# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pod that tries a repaired node, and what is read out of it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.remediation.canary import (
    COMMAND,
    canary_name,
    canary_pod,
    gives_whole_gpus,
    image_on,
    verdict,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.remediation.serving import gpus_held
from tests.unit.domain.agreed import contract
from tests.unit.domain.raw import H100, L40S


def serving(product: str, image: str, **labels: str) -> dict[str, Any]:
    spec = {
        "nodeSelector": {"nvidia.com/gpu.product": product},
        "nodeName": "gpu-1",
        "containers": [{"image": image, "resources": {"limits": {"nvidia.com/gpu": "2"}}}],
    }
    return {"metadata": {"name": "p", "namespace": "n", "labels": labels}, "spec": spec}


def ended(**terminated: Any) -> dict[str, Any]:
    return {"containerStatuses": [{"state": {"terminated": terminated}}]}


def test_the_pod_is_for_one_node_whatever_keeps_others_away_and_gets_no_requests() -> None:
    pod = canary_pod(contract(), "gpu-1", H100, 8, "registry/engine@sha256:1", COMMAND, 600, whole=True)
    spec = pod["spec"]
    [term] = spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert term["matchFields"][0]["values"] == ["gpu-1"]
    assert {one["key"] for one in spec["tolerations"]} == {
        "nvidia.com/gpu", "byoc.fireworks.ai/quarantined", "node.kubernetes.io/unschedulable"}  # fmt: skip
    assert spec["containers"][0]["resources"]["limits"] == {"nvidia.com/gpu": "8"}
    assert spec["containers"][0]["env"] == [{"name": "EXPECTED_GPUS", "value": "8"}]
    assert (spec["activeDeadlineSeconds"], spec["restartPolicy"]) == (600, "Never")
    assert "byoc.fireworks.ai/model" not in pod["metadata"]["labels"]
    assert pod["metadata"]["name"] == canary_name("gpu-1") != canary_name("gpu-2")


@pytest.mark.parametrize(
    ("labels", "gpus", "expect", "whole"),
    [
        ({"nvidia.com/gpu.count": "8"}, 8, [], True),
        ({}, 8, [{"product": H100, "gpus": 8}], True),
        ({}, 8, [{"product": L40S, "gpus": 8}], False),
        ({}, 8, [], False),
        ({}, 32, [{"product": H100, "gpus": 8}], False),
        ({"nvidia.com/gpu.count": "8", "nvidia.com/gpu.replicas": "4"}, 32, [], False),
        ({"nvidia.com/gpu.count": "56", "nvidia.com/gpu.product": f"{H100}-MIG-1g.10gb"}, 56, [], False),
    ],
)
def test_it_checks_how_many_there_are_only_where_they_are_whole_gpus(
    labels: dict[str, str], gpus: int, expect: list[dict[str, Any]], whole: bool
) -> None:
    sick = {
        "metadata": {"labels": {"nvidia.com/gpu.product": H100, **labels}},
        "status": {"capacity": {"nvidia.com/gpu": str(gpus)}},
    }
    assert gives_whole_gpus(contract(health={"expect": expect}), sick) == whole
    pod = canary_pod(contract(), "gpu-1", H100, gpus, "registry/engine@sha256:1", COMMAND, 600, whole=whole)
    assert pod["spec"]["containers"][0]["env"] == [{"name": "EXPECTED_GPUS", "value": str(gpus) if whole else ""}]


@pytest.mark.parametrize(
    ("expected", "found", "passes"), [("8", 8, True), ("8", 7, False), ("", 8, True), ("", 1, True), ("", 0, False)]
)
def test_the_command_ends_well_where_nothing_is_missing(
    tmp_path: Path, expected: str, found: int, passes: bool
) -> None:
    smi = tmp_path / "nvidia-smi"
    smi.write_text(f'#!/bin/sh\n[ "$1" = --list-gpus ] || exit 0\nseq {found}\n')
    smi.chmod(0o755)
    settings = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "EXPECTED_GPUS": expected}
    done = subprocess.run(COMMAND, env=settings, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode == 0) == passes, done
    assert done.stdout == f"nvidia-smi finds {found} of {expected or 'the'} GPUs\n"


def test_it_runs_what_a_model_runs_on_the_same_gpus_and_takes_what_these_leave() -> None:
    model = {"byoc.fireworks.ai/model": "llama"}
    pods = [serving(H100, "none"), serving(L40S, "small", **model), serving(H100, "large", **model)]
    assert image_on(H100, pods) == "large"
    assert image_on("B200", pods) == ""
    assert gpus_held("gpu-1", pods) == 6
    assert gpus_held("gpu-2", pods) == 0


@pytest.mark.parametrize(
    ("status", "said", "why"),
    [
        ({"phase": "Succeeded"}, "passed", "it ended well"),
        (
            {
                "phase": "Failed",
                "reason": "DeadlineExceeded",
                "message": "Pod was active longer",
                **ended(exitCode=137),
            },
            "failed",
            "Pod was active longer",
        ),
        ({"phase": "Failed", **ended(exitCode=3)}, "failed", "exit code 3"),
        (
            {"phase": "Failed", **ended(exitCode=1, message="| N/A |\nnvidia-smi finds 7 of 8 GPUs\n")},
            "failed",
            "exit code 1: nvidia-smi finds 7 of 8 GPUs",
        ),
        ({"phase": "Failed", **ended(reason="StartError", exitCode=128, message="no sh")}, "failed", "code 128: no sh"),
        ({"phase": "Failed", "reason": "UnexpectedAdmissionError"}, "failed", "UnexpectedAdmissionError"),
        (
            {"phase": "Failed", "reason": "DeadlineExceeded", **ended(reason="ContainerStatusUnknown", exitCode=137)},
            "untried",
            "never began: DeadlineExceeded",
        ),
        (
            {"phase": "Failed", "message": "too long", "containerStatuses": [{"state": {"waiting": {}}}]},
            "untried",
            "never began: too long",
        ),
        ({"phase": "Failed"}, "untried", "the node does not say why"),
        ({"phase": "Running"}, "", "it is Running"),
        ({}, "", "it is Pending"),
        (
            {"containerStatuses": [{"state": {"waiting": {"reason": "ErrImagePull", "message": "no"}}}]},
            "",
            "ErrImagePull: no",
        ),
        ({"conditions": [{"type": "PodScheduled", "status": "False", "message": "0/3 nodes"}]}, "", "0/3 nodes"),
    ],
)
def test_what_a_canary_says(status: dict[str, Any], said: str, why: str) -> None:
    found, words = verdict({"status": status})
    assert found == said
    assert why in words
