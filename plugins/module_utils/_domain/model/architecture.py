# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a model is built like, as far as its memory depends on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..contract.typed import Model

DTYPE_BYTES = {"float8": 1, "float16": 2, "bfloat16": 2, "float32": 2}
"""Bytes of one value as it is served. Engines serve float32 in 16 bits: docs.vllm.ai, "Engine Arguments", --dtype."""

EIGHT_BITS, FOUR_BITS = 1.0, 0.72
"""Bytes of one parameter of weights that are quantized so, all in all. 4 bits are more than half a byte: they have
scales, and embeddings stay as they are. The figure is of Llama 3.1 8B in AWQ, 5.73 GB for 8.03e9 parameters
(hugging-quants/Meta-Llama-3.1-8B-Instruct-AWQ-INT4); embeddings are a smaller part of larger models, so it is on the
safe side."""


@dataclass(frozen=True)
class Architecture:
    """parameters: all of them. context: the longest sequence it was made for, in tokens; None where nobody said."""

    parameters: int
    layers: int
    attention_heads: int
    kv_heads: int
    head_dim: int
    dtype: str = "bfloat16"
    context: int | None = None


def architecture_of(model: Model) -> Architecture | None:
    """The architecture that the contract tells, else the one that is known by the model's source, else None."""
    source = str(model["source"]["uri"]).rstrip("/")
    told = model.get("architecture")
    if told:
        known = KNOWN.get(source)
        return Architecture(
            parameters=told["parameters"],
            layers=told["layers"],
            attention_heads=told["attention_heads"],
            kv_heads=told["kv_heads"],
            head_dim=told["head_dim"],
            dtype=told["dtype"],
            context=known.context if known else None,
        )
    return KNOWN.get(source)


# From the config.json of each repository; the parameters are the sum over the tensors that it describes, and what the
# repository's safetensors index says. By these figures only: parameters, layers, heads, KV heads, head size.
KNOWN: Mapping[str, Architecture] = {
    f"hf://{name}": architecture
    for names, architecture in (
        (
            ("meta-llama/Llama-3.1-8B", "meta-llama/Llama-3.1-8B-Instruct", "meta-llama/Meta-Llama-3.1-8B-Instruct"),
            Architecture(8_030_261_248, 32, 32, 8, 128, context=131_072),
        ),
        (
            ("meta-llama/Llama-3.1-70B", "meta-llama/Llama-3.1-70B-Instruct", "meta-llama/Llama-3.3-70B-Instruct"),
            Architecture(70_553_706_496, 80, 64, 8, 128, context=131_072),
        ),
        (
            ("meta-llama/Llama-3.1-405B", "meta-llama/Llama-3.1-405B-Instruct"),
            Architecture(405_853_388_800, 126, 128, 8, 128, context=131_072),
        ),
        (("Qwen/Qwen2.5-0.5B-Instruct",), Architecture(494_032_768, 24, 14, 2, 64, context=32_768)),
        (("Qwen/Qwen2.5-7B-Instruct",), Architecture(7_615_616_512, 28, 28, 4, 128, context=32_768)),
        (("Qwen/Qwen2.5-32B-Instruct",), Architecture(32_763_876_352, 64, 40, 8, 128, context=32_768)),
        (("Qwen/Qwen2.5-72B-Instruct",), Architecture(72_706_203_648, 80, 64, 8, 128, context=32_768)),
        (("Qwen/Qwen3-8B",), Architecture(8_190_735_360, 36, 32, 8, 128, context=40_960)),
        (("Qwen/Qwen3-32B",), Architecture(32_762_123_264, 64, 64, 8, 128, context=40_960)),
        (("mistralai/Mistral-7B-Instruct-v0.3",), Architecture(7_248_023_552, 32, 32, 8, 128, context=32_768)),
        (("mistralai/Mistral-Large-Instruct-2407",), Architecture(122_610_069_504, 88, 96, 8, 128, context=131_072)),
        (("intfloat/e5-mistral-7b-instruct",), Architecture(7_110_660_096, 32, 32, 8, 128, "float16", context=32_768)),
        # Its 32 decoder layers keep two caches each: of the answer, and of what they hear.
        (("openai/whisper-large-v3",), Architecture(1_543_490_560, 64, 20, 20, 64, "float16", context=448)),
    )
    for name in names
}
