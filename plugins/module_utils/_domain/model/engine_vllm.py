# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vLLM. Its flags: docs.vllm.ai, "Engine Arguments"; its metrics: "Production Metrics"."""

from __future__ import annotations

from typing import Any

from .architecture import FOUR_BITS
from .engine_adapter import (
    CACHE,
    QUANTIZATIONS,
    RESERVED,
    Engine,
    Launch,
    Metrics,
    Model,
    Quantization,
    adapter_paths,
    claims,
    common_environment,
    common_flags,
    literal,
    more_flags,
    placed,
    sources,
)

_SCHEMES = ("hf", "s3", "gs", "pvc")
_ADAPTER_SCHEMES = ("hf", "pvc")

_RESERVED = {
    **RESERVED,
    "model": "change source.uri",
    "load-format": "it follows from source.uri",
    "max-model-len": "change context_length",
    "lora-modules": "change adapters",
    "hf-token": "a secret has no place on a command line",
}

_QUANTIZATIONS = {**QUANTIZATIONS, "bitsandbytes": Quantization(FOUR_BITS)}


def _flag(name: str, value: Any) -> list[str]:
    if isinstance(value, bool):
        return [f"--{name}" if value else f"--no-{name}"]
    return [f"--{name}={literal(value)}"]


def _start(model: Model) -> Launch:
    source, flags = str(model["source"]["uri"]), common_flags(model)
    if model.get("context_length"):
        flags.append(f"--max-model-len={model['context_length']}")
    if source.startswith(("s3://", "gs://")):
        flags.append("--load-format=runai_streamer")
    if adapters := adapter_paths(model, _ADAPTER_SCHEMES, "vllm"):
        # One flag with all of them: vLLM forgets the earlier ones when it is given again.
        flags += ["--enable-lora", "--lora-modules", *adapters]
    weights = placed(model, source, "/weights", ("source", "uri"), _SCHEMES, "vllm")
    environment = {
        **common_environment(model),
        "VLLM_CACHE_ROOT": f"{CACHE}/vllm",
        "VLLM_NO_USAGE_STATS": "1",
    }
    command = ["vllm", "serve", weights, *flags, *more_flags(model, _flag)]
    return Launch(command, environment, volumes=claims(sources(model)))


VLLM = Engine(
    name="vllm",
    metrics=Metrics(
        running="vllm:num_requests_running",
        waiting="vllm:num_requests_waiting",
        kv_cache_usage="vllm:kv_cache_usage_perc",
        heartbeat="vllm:iteration_tokens_total_count",
    ),
    reserved=_RESERVED,
    quantizations=_QUANTIZATIONS,
    memory_flag="gpu-memory-utilization",
    memory_share=0.90,
    flag=_flag,
    start=_start,
)
