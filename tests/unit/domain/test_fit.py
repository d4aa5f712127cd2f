# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a model fits its GPUs: the verdicts, the arithmetic, and what is proposed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract import load_contract, parse_contract
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.architecture import KNOWN, Architecture
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.fit import FITS, MISFIT, UNPROVEN, fit
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.fit_shape import indivisible
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.gpus import GPU_MEMORY_MIB
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.rules import MODEL_RULES
from demo.contracts import H100, LLAMA, QWEN
from demo.contracts import contract as demo_contract
from tests.unit.domain.agreed import model
from tests.unit.domain.contract.contracts import EXAMPLES

PAGE = Path(__file__).parents[3] / "docs" / "models.md"
LLAMA_70B = {"uri": "hf://meta-llama/Llama-3.1-70B-Instruct"}
LLAMA_405B = {"uri": "hf://meta-llama/Llama-3.1-405B-Instruct"}
QWEN_7B = {"uri": "hf://Qwen/Qwen2.5-7B-Instruct"}
UNKNOWN = {"uri": "s3://bucket/model"}
TOLD = {
    "parameters": 8_030_261_248,
    "layers": 32,
    "attention_heads": 32,
    "kv_heads": 8,
    "head_dim": 128,
    "dtype": "bfloat16",
}


def h100s(count: int) -> dict[str, Any]:
    return {"product": H100, "per_replica": count}


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_every_model_of_the_example_contracts_is_proved_to_fit(file: Path) -> None:
    contract = parse_contract(file.read_bytes(), path=str(file), rules=MODEL_RULES)
    assert {served["name"]: fit(served).verdict for served in contract["models"]} == {
        served["name"]: FITS for served in contract["models"]
    }


@pytest.mark.parametrize(("served", "gpus"), [(LLAMA, 1), (LLAMA, 4), (QWEN, 1)])
def test_the_models_of_the_demo_are_proved_to_fit(served: dict[str, Any], gpus: int) -> None:
    agreed = demo_contract(
        "acme-eu-1",
        uid="0f5c1f0e-6c5b-4a7e-9a3b-0d3f6f0a9b11",
        kubeconfig=Path("k"),
        provider="aws",
        region="eu-1",
        gpus={H100: 16},
        model=served,
        model_gpus=gpus,
    )
    [found] = load_contract(agreed, path="x", rules=MODEL_RULES)["models"]
    assert fit(found).verdict == FITS


def test_the_arithmetic_is_told_line_by_line() -> None:
    assert fit(model()).lines == (
        "weights 8.03e9 parameters x 2 bytes = 15.0 GiB",
        "KV cache of one request 2 x 32 layers x 8 KV heads x 128 x 2 bytes x 32768 tokens = 4.0 GiB",
        "activations and CUDA 3.5 GiB",
        "together 22.5 GiB on each GPU, and NVIDIA-H100-80GB-HBM3 has 0.9 x 79.6 GiB = 71.7 GiB for it",
    )


@pytest.mark.parametrize(
    ("more", "lines"),
    [
        (
            {"gpu": h100s(4)},
            ("x 2 bytes / 4 = 3.7 GiB", "x 2 KV heads x 128 x 2 bytes x 32768 tokens = 1.0 GiB", "5.3"),
        ),
        # More GPUs than KV heads: each keeps a whole one.
        ({"gpu": h100s(16)}, ("/ 16 = 0.9 GiB", "x 1 KV heads", "5.3 GiB")),
        (
            {"gpu": h100s(4), "parallelism": {"tensor": 2, "pipeline": 2}},
            ("x 16 of 32 layers / 2 = 3.7 GiB", "2 x 16 layers x 4 KV heads", "5.3 GiB"),
        ),
        ({"gpu": h100s(3), "parallelism": {"pipeline": 3}}, ("x 11 of 32 layers = 5.1 GiB", "2 x 11 layers", "5.3")),
        ({"kv_cache_dtype": "fp8_e4m3"}, ("15.0 GiB", "x 128 x 1 bytes x 32768 tokens = 2.0 GiB", "3.5 GiB")),
        ({"quantization": "awq"}, ("x 0.72 bytes = 5.4 GiB", "4.0 GiB", "3.5 GiB")),
        ({"context_length": 1}, ("15.0 GiB", "x 1 tokens = 0.0 GiB", "3.5 GiB")),
        # What is served as it is made takes what the model was made for.
        ({"context_length": None}, ("15.0 GiB", "x 131072 tokens = 16.0 GiB", "3.5 GiB")),
        ({"architecture": {**TOLD, "dtype": "float8"}}, ("x 1 bytes = 7.5 GiB", "4.0 GiB", "3.5 GiB")),
        ({"architecture": {**TOLD, "dtype": "float32"}}, ("x 2 bytes = 15.0 GiB", "4.0 GiB", "3.5 GiB")),
    ],
)
def test_what_the_contract_says_is_in_the_arithmetic(more: dict[str, Any], lines: tuple[str, ...]) -> None:
    found = fit(model(**more))
    assert found.verdict == FITS
    assert all(part in line for part, line in zip(lines, found.lines, strict=False)), found.lines


@pytest.mark.parametrize(
    ("more", "reason", "nearest"),
    [
        (
            {"source": LLAMA_70B},
            "it is too large for 1 GPU",
            ("gpu.per_replica: 4", "a checkpoint quantized to 4 bits (AWQ, GPTQ)"),
        ),
        ({"source": LLAMA_405B, "gpu": h100s(8)}, "too large for 8 GPUs", ("a checkpoint quantized to 8 bits (FP8)",)),
        (
            {"gpu": {"product": "NVIDIA-L4", "per_replica": 1}, "context_length": 131072},
            "it is too large for 1 GPU",
            ("gpu.per_replica: 4", "context_length: 14336"),
        ),
        (
            {"gpu": {"product": "NVIDIA-L40S", "per_replica": 1}, "context_length": 131072, "source": QWEN_7B},
            "context_length 131072 is more than the 32768 tokens that the model was made for",
            ("context_length: 32768",),
        ),
        (
            {"source": {"uri": "hf://Qwen/Qwen3-32B"}, "context_length": 131072, "gpu": h100s(1)},
            "context_length 131072 is more than the 40960 tokens",
            (
                "context_length: 40960 and gpu.per_replica: 2",
                "context_length: 28672",
                "context_length: 40960 and a checkpoint quantized to 8 bits (FP8)",
                "context_length: 40960 and kv_cache_dtype: fp8_e4m3",
            ),
        ),
        (
            {"gpu": h100s(3)},
            "tensor parallelism 3 does not divide the model's 32 attention heads",
            ("gpu.per_replica: 2", "gpu.per_replica: 4"),
        ),
        (
            {"gpu": h100s(7), "source": QWEN_7B, "context_length": 8192},
            "tensor parallelism 7 neither divides the model's 4 KV heads nor is a multiple of them",
            ("gpu.per_replica: 4",),
        ),
        (
            {"gpu": h100s(6), "parallelism": {"tensor": 3, "pipeline": 2}},
            "tensor parallelism 3 does not divide",
            (
                "gpu.per_replica: 4 (parallelism.tensor: 2, parallelism.pipeline: 2)",
                "gpu.per_replica: 8 (parallelism.tensor: 4, parallelism.pipeline: 2)",
            ),
        ),
        # What can be cut so and would still be too large is not proposed.
        ({"source": LLAMA_70B, "gpu": h100s(3)}, "tensor parallelism 3 does not", ("gpu.per_replica: 4",)),
        (
            {"gpu": h100s(33), "parallelism": {"tensor": 1, "pipeline": 33}},
            "pipeline parallelism 33 is more than the model's 32 layers",
            ("gpu.per_replica: 32 (parallelism.tensor: 1, parallelism.pipeline: 32)",),
        ),
        (
            {"source": LLAMA_70B, "quantization": "fp8", "context_length": 8192},
            "it is too large for 1 GPU",
            ("gpu.per_replica: 2", "a checkpoint quantized to 4 bits (AWQ, GPTQ)"),
        ),
    ],
)
def test_what_does_not_fit_says_why_and_what_would(more: dict[str, Any], reason: str, nearest: tuple[str, ...]) -> None:
    found = fit(model(**more))
    assert found.verdict == MISFIT
    assert reason in found.reason
    assert found.nearest == nearest
    assert found.told().startswith(found.reason)
    assert "It would fit with " + nearest[0] in found.told()


def test_a_checkpoint_that_the_engine_quantizes_itself_must_fit_as_it_is() -> None:
    found = fit(model(source=LLAMA_70B, quantization="fp8", context_length=8192))
    assert "the weights before they are quantized 131.4 GiB" in found.lines
    made = {**TOLD, "parameters": 70_553_706_496, "layers": 80, "attention_heads": 64, "dtype": "float8"}
    quantized = fit(model(source=LLAMA_70B, quantization="fp8", context_length=1024, architecture=made))
    assert quantized.lines[0].endswith("x 1 bytes = 65.7 GiB")
    assert not any("before" in line for line in quantized.lines)


def test_where_no_single_change_helps_that_is_said() -> None:
    small = model(source=LLAMA_405B, gpu={"product": "NVIDIA-L4", "per_replica": 1})
    found = fit(small)
    assert (found.verdict, found.nearest) == (MISFIT, ())
    assert found.told().endswith("No single change makes it fit this product")


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"source": UNKNOWN}, "the architecture of s3://bucket/model is not known here: say it in architecture"),
        ({"gpu": {"product": "NVIDIA-X1", "per_replica": 1}}, "the memory of NVIDIA-X1 is not known here"),
        ({"quantization": "compressed-tensors"}, "how much quantization compressed-tensors saves depends on the"),
        ({"quantization": "magic"}, "how much quantization magic saves depends"),
        (
            {"source": UNKNOWN, "architecture": TOLD, "context_length": None},
            "own context is not known here: say context",
        ),
    ],
)
def test_what_nobody_can_tell_is_unproven_and_never_fits(more: dict[str, Any], reason: str) -> None:
    found = fit(model(**more))
    assert (found.verdict, found.nearest) == (UNPROVEN, ())
    assert reason in found.told()


def test_the_architecture_that_the_contract_tells_is_believed() -> None:
    assert fit(model(source=UNKNOWN, architecture=TOLD)).lines == fit(model()).lines
    assert fit(model(architecture={**TOLD, "parameters": 16_060_522_496})).lines[0].endswith("= 29.9 GiB")


def test_the_memory_that_a_cluster_tells_is_believed_before_the_table() -> None:
    assert fit(model(), memory_mib=20_000).verdict == MISFIT
    assert fit(model(gpu={"product": "NVIDIA-X1", "per_replica": 1}), memory_mib=81559).verdict == FITS


@pytest.mark.parametrize(
    ("arguments", "verdict"),
    [
        ({"gpu-memory-utilization": "0.25"}, MISFIT),
        ({"gpu-memory-utilization": "0.30"}, FITS),
        ({"gpu-memory-utilization": 0.25}, MISFIT),
        ({"gpu-memory-utilization": "much"}, FITS),
    ],
)
def test_the_part_of_the_memory_is_as_the_arguments_say(arguments: dict[str, Any], verdict: str) -> None:
    engine = {"name": "vllm", "version": "0.11.0", "arguments": arguments}
    assert fit(model(engine=engine)).verdict == verdict


@pytest.mark.parametrize("flag", ["hf-overrides", "rope-scaling", "hf-overrides.rope_scaling.factor"])
def test_a_model_may_be_stretched_on_purpose(flag: str) -> None:
    engine = {"name": "vllm", "version": "0.11.0", "arguments": {flag: "{}"}}
    assert fit(model(source=QWEN_7B, context_length=131072, engine=engine)).verdict == FITS


def test_proposals_take_no_more_gpus_than_there_may_be() -> None:
    assert "gpu.per_replica: 4" not in fit(model(source=LLAMA_70B), most_gpus=3).nearest


@pytest.mark.parametrize("name", KNOWN)
def test_every_known_architecture_is_whole(name: str) -> None:
    known = KNOWN[name]
    assert known.context and known.parameters > known.layers * known.attention_heads * known.head_dim**2
    assert not indivisible(known, 1, 1)


# vocabulary, hidden size, intermediate size, and what is special: tied embeddings, biases, norms of queries and keys.
CONFIGS: dict[str, tuple[int, int, int, str]] = {
    "meta-llama/Llama-3.1-8B-Instruct": (128256, 4096, 14336, ""),
    "meta-llama/Llama-3.1-70B-Instruct": (128256, 8192, 28672, ""),
    "meta-llama/Llama-3.1-405B-Instruct": (128256, 16384, 53248, ""),
    "Qwen/Qwen2.5-0.5B-Instruct": (151936, 896, 4864, "tied biases"),
    "Qwen/Qwen2.5-7B-Instruct": (152064, 3584, 18944, "biases"),
    "Qwen/Qwen2.5-32B-Instruct": (152064, 5120, 27648, "biases"),
    "Qwen/Qwen2.5-72B-Instruct": (152064, 8192, 29568, "biases"),
    "Qwen/Qwen3-8B": (151936, 4096, 12288, "norms"),
    "Qwen/Qwen3-32B": (151936, 5120, 25600, "norms"),
    "mistralai/Mistral-7B-Instruct-v0.3": (32768, 4096, 14336, ""),
    "mistralai/Mistral-Large-Instruct-2407": (32768, 12288, 28672, ""),
    "intfloat/e5-mistral-7b-instruct": (32000, 4096, 14336, "tied"),
}


def counted(known: Architecture, vocabulary: int, hidden: int, intermediate: int, special: str) -> int:
    """The parameters of a decoder, tensor by tensor."""
    queries, keys = known.attention_heads * known.head_dim, known.kv_heads * known.head_dim
    layer = 2 * hidden * queries + 2 * hidden * keys + 3 * hidden * intermediate + 2 * hidden
    layer += queries + 2 * keys if "biases" in special else 0
    layer += 2 * known.head_dim if "norms" in special else 0
    return vocabulary * hidden * (1 if "tied" in special else 2) + known.layers * layer + hidden


@pytest.mark.parametrize("name", CONFIGS)
def test_the_parameters_of_a_known_model_are_the_sum_of_its_tensors(name: str) -> None:
    known = KNOWN[f"hf://{name}"]
    assert known.parameters == counted(known, *CONFIGS[name])


def test_the_memory_of_a_gpu_is_less_than_its_name_promises() -> None:
    for product, memory in GPU_MEMORY_MIB.items():
        promised = next((int(part[:-2]) for part in product.split("-") if part.endswith("GB")), 192)
        assert 20_000 < memory <= promised * 1024, product


def test_the_page_lists_the_models_and_gpus_that_are_known() -> None:
    told = PAGE.read_text(encoding="utf-8").partition("**Models that are known**")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\S+)` \| (.+) \|$", told, re.MULTILINE)
    assert {f"hf://{whose}/{name}" for whose, names in rows for name in re.findall("`([^`]+)`", names)} == set(KNOWN)
    gpus = dict(re.findall(r"`(\S+)` \(([0-9.]+) GiB\)", told))
    assert gpus == {product: f"{memory / 1024:.1f}" for product, memory in GPU_MEMORY_MIB.items()}
