# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Models that cannot be served: a whole onboarding of each, one clear message, no traceback, nothing written.

The messages land in build/misfits.md.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from demo.contracts import H100, Contract, write_fleet
from tests.integration.ansible_runs import ROOT, run_playbook
from tests.integration.journey import NO_REQUESTS, agreed, ours

TABLE = ROOT / "build" / "misfits.md"
CONTRACT, PREFLIGHT = "the contract", "preflight"
LLAMA_70B = {"uri": "hf://meta-llama/Llama-3.1-70B-Instruct", "revision": "1605565b47bb9346c5515c34102e054115b4f98b"}


@pytest.fixture(scope="module", autouse=True)
def table() -> Iterator[list[tuple[str, str, str]]]:
    """Collects each case, who refused it, and the message, and writes them as one table."""
    rows: list[tuple[str, str, str]] = []
    yield rows
    TABLE.parent.mkdir(exist_ok=True)
    lines = [f"| {case} | {by} | {message} |" for case, by, message in rows]
    TABLE.write_text("\n".join(["| misfit | refused by | message |", "|---|---|---|", *lines, ""]), encoding="utf-8")


def of_the_model(**changes: Any) -> Callable[[Contract], None]:
    """Change keys of the contract's only model."""

    def change(contract: Contract) -> None:
        for key, value in changes.items():
            served = contract["models"][0]
            served[key] = {**served[key], **value} if isinstance(value, dict) and key in served else value

    return change


def gpus(count: int, **more: Any) -> Callable[[Contract], None]:
    """One replica, with so many GPUs."""

    def change(contract: Contract) -> None:
        contract["scaling"] = {"max_replicas_per_model": 1, "max_gpus_per_model": 16}
        of_the_model(gpu={"per_replica": count}, replicas={"min": 1, "max": 1}, **more)(contract)

    return change


def no_way_out(contract: Contract) -> None:
    """Our pods reach nothing but the customer's own network."""
    contract["compliance"]["egress"] = ["10.0.0.0/8"]


def spread_over(nodes: int, **more: Any) -> Callable[[Contract], None]:
    """One replica of 16 GPUs on so many nodes."""

    def change(contract: Contract) -> None:
        gpus(16, **more)(contract)
        of_the_model(gpu={"nodes": nodes})(contract)

    return change


def over_capacity(contract: Contract) -> None:
    contract["scaling"] = {"max_replicas_per_model": 4, "max_gpus_per_model": 16}
    of_the_model(gpu={"per_replica": 8}, replicas={"min": 1, "max": 4})(contract)


def floors_over_capacity(contract: Contract) -> None:
    contract["scaling"] = {"max_replicas_per_model": 3, "max_gpus_per_model": 12}
    of_the_model(gpu={"per_replica": 4}, replicas={"min": 3, "max": 3})(contract)
    second = copy.deepcopy(contract["models"][0])
    contract["models"].append({**second, "name": "second", "served_name": "second", "replicas": {"min": 2, "max": 2}})


def gpus_that_are_not_there(contract: Contract) -> None:
    contract["capacity"]["gpus"].append({"product": "NVIDIA-L40S", "count": 8})
    of_the_model(gpu={"product": "NVIDIA-L40S"})(contract)


def training_job(contract: Contract) -> None:
    contract["training_jobs"] = [{"name": "nightly", "base": "llama-3-1-8b"}]


CASES: list[tuple[str, str, Callable[[Contract], None], str]] = [
    ("too large", CONTRACT, gpus(1, source=LLAMA_70B), "It would fit with gpu.per_replica: 4"),
    (
        "wrong GPU: not approved",
        CONTRACT,
        of_the_model(gpu={"product": "NVIDIA-H100-PCIe"}),
        f"'NVIDIA-H100-PCIe' is not approved in capacity.gpus: did you mean '{H100}'?",
    ),
    (
        "wrong GPU: approved, and not there",
        PREFLIGHT,
        gpus_that_are_not_there,
        f"the cluster has 0 free of 0 (but {H100})",
    ),
    ("indivisible parallelism", CONTRACT, gpus(3), "does not divide the model's 32 attention heads"),
    (
        "parallelism that is not the GPUs",
        CONTRACT,
        gpus(4, parallelism={"tensor": 4, "pipeline": 2}),
        "tensor 4 x pipeline 2 = 8, but gpu.per_replica is 4",
    ),
    ("over capacity", CONTRACT, over_capacity, "4 x 8 = 32 GPUs is more than scaling.max_gpus_per_model, 16"),
    (
        "floors of all models over capacity",
        CONTRACT,
        floors_over_capacity,
        "need 3 x 4 (llama-3-1-8b) + 2 x 4 (second) = 20 GPUs",
    ),
    ("context longer than the model's own", CONTRACT, of_the_model(context_length=262144), "context_length: 131072"),
    (
        "context too long for the GPU",
        CONTRACT,
        of_the_model(
            source={"uri": "hf://Qwen/Qwen3-32B", "revision": "9216db5781bf21249d130ec9da846c4624c16137"},
            context_length=40960,
        ),
        "context_length: 28672",
    ),
    ("more GPUs than a node has", PREFLIGHT, gpus(16), "the largest node with NVIDIA-H100-80GB-HBM3 has 8"),
    (
        "several nodes, and nothing that runs replicas on them",
        PREFLIGHT,
        spread_over(2),
        "needs 16 GPUs on 2 nodes, and the largest node with NVIDIA-H100-80GB-HBM3 has 8. That takes a LeaderWorkerSet",
    ),
    ("GPUs that cannot be divided among nodes", CONTRACT, spread_over(3), "divided evenly among 3 nodes"),
    (
        "layers split over nodes",
        CONTRACT,
        spread_over(2, parallelism={"tensor": 16, "pipeline": 1}),
        "tensor parallelism stays inside a node: have tensor: 8, pipeline: 2",
    ),
    (
        "several nodes, and an engine that is not started on them",
        CONTRACT,
        spread_over(2, engine={"name": "sglang", "version": "0.5.3"}),
        "sglang is not started on several nodes here, vllm is",
    ),
    (
        "image outside the registries",
        CONTRACT,
        of_the_model(engine={"image": "docker.io/vllm/vllm-openai:latest"}),
        "a model names no image",
    ),
    ("engine unknown", CONTRACT, of_the_model(engine={"name": "triton"}), "there is no engine 'triton'"),
    (
        "engine without an image in the release",
        PREFLIGHT,
        of_the_model(engine={"name": "sglang", "version": "0.5.3"}),
        "engine sglang 0.5.3 is not part of stack release 2026.11.0",
    ),
    (
        "a flag of ours overridden",
        CONTRACT,
        of_the_model(engine={"arguments": {"tensor-parallel-size": 8}}),
        "--tensor-parallel-size is not set here: change parallelism.tensor",
    ),
    ("quantization unknown", CONTRACT, of_the_model(quantization="int3"), "vllm has no quantization 'int3'"),
    ("overflow that was not elected", CONTRACT, of_the_model(overflow=True), "compliance.overflow is false"),
    (
        "weights where no egress leads",
        PREFLIGHT,
        no_way_out,
        "may open connections to 10.0.0.0/8 (compliance.egress), and hf://",
    ),
    (
        "a credential that the weights' place does not take",
        CONTRACT,
        of_the_model(
            source={"credential": {"workload_identity": {"aws_role": "arn:aws:iam::123456789012:role/weights"}}}
        ),
        "hf:// does not take it: name a secret with a token",
    ),
    ("fine-tuning job", CONTRACT, of_the_model(task="fine-tuning"), "fine-tuning and training jobs are not supported"),
    ("training job", CONTRACT, training_job, "fine-tuning and training jobs are not supported"),
]


@pytest.mark.soak(sample=6)
@pytest.mark.parametrize(("case", "by", "spoil", "message"), CASES, ids=[case[0] for case in CASES])
def test_a_misfit_is_refused_before_anything_is_written(
    bed: Any,
    tmp_path: Path,
    table: list[tuple[str, str, str]],
    case: str,
    by: str,
    spoil: Callable[[Contract], None],
    message: str,
) -> None:
    cluster = bed["acme"]
    contract = agreed(cluster)
    spoil(contract)
    inventory = write_fleet(tmp_path, [contract])
    done = run_playbook("fireworks.byoc.onboard", "-i", str(inventory), "-e", "clusters=byoc", *NO_REQUESTS)
    assert done.returncode != 0, done.stdout
    assert "Traceback" not in done.stdout, done.stdout
    said = told_by_the_contract(done.stdout) if by == CONTRACT else told_by_preflight(done.stdout, message)
    assert message in said, done.stdout
    table.append((case, by, said.replace("|", "\\|")))
    assert ours(cluster) == {}


def told_by_the_contract(output: str) -> str:
    """The problem of the file, without its path, on one line."""
    text = " ".join(output.split("PLAY [")[0].split())
    found = text.partition(": 1 problem. ")[2].partition(" [")[0]
    assert found.startswith("The contract's owner corrects this file; nothing is done on its cluster until then. - ")
    return found


def told_by_preflight(output: str, message: str) -> str:
    """The line of the refusal that says it, with who has to act."""
    assert "is not ready to be onboarded; nothing was changed." in output
    return next(
        " ".join(line.split()) for line in output.splitlines() if message in line and "Action required by:" in line
    )
