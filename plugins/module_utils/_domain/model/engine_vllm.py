# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vLLM. Its flags: docs.vllm.ai, "Engine Arguments"; its metrics: "Production Metrics"."""

from __future__ import annotations

from typing import Any

from ..names import SERVING_PORT
from .architecture import EIGHT_BITS, FOUR_BITS
from .engine_adapter import (
    CACHE,
    Engine,
    Launch,
    Metrics,
    Model,
    Quantization,
    adapter_paths,
    claims,
    common_environment,
    literal,
    more_flags,
    placed,
    served_name,
    sources,
)
from .parallelism import tensor_and_pipeline

_SCHEMES = ("hf", "s3", "gs", "pvc")
_ADAPTER_SCHEMES = ("hf", "pvc")

_RESERVED = {
    "model": "change source.uri",
    "revision": "change source.revision",
    "load-format": "it follows from source.uri",
    "download-dir": "change weights_cache",
    "served-model-name": "change served_name",
    "host": "the router and the probes rely on it",
    "port": "the router and the probes rely on it",
    "tensor-parallel-size": "change parallelism.tensor",
    "pipeline-parallel-size": "change parallelism.pipeline",
    "data-parallel-size": "change replicas, which are counted against the approved GPUs",
    "max-model-len": "change context_length",
    "quantization": "change quantization",
    "kv-cache-dtype": "change kv_cache_dtype",
    "enable-lora": "change adapters",
    "lora-modules": "change adapters",
    "api-key": "a secret has no place on a command line",
    "hf-token": "a secret has no place on a command line",
}

_QUANTIZATIONS = {
    # "we load the model at original precision before quantizing down to 8-bits, so you need enough memory to load the
    # whole model": docs.vllm.ai, "FP8 W8A8".
    "fp8": Quantization(EIGHT_BITS, loads_unquantized=True),
    "awq": Quantization(FOUR_BITS),
    "awq_marlin": Quantization(FOUR_BITS),
    "gptq": Quantization(FOUR_BITS),
    "gptq_marlin": Quantization(FOUR_BITS),
    "bitsandbytes": Quantization(FOUR_BITS),
    "compressed-tensors": Quantization(None),
    "modelopt": Quantization(None),
    "mxfp4": Quantization(None),
}


def _flag(name: str, value: Any) -> list[str]:
    if isinstance(value, bool):
        return [f"--{name}" if value else f"--no-{name}"]
    return [f"--{name}={literal(value)}"]


def _start(model: Model) -> Launch:
    source, revision = str(model["source"]["uri"]), str(model["source"].get("revision", ""))
    tensor, pipeline = tensor_and_pipeline(model)
    flags = [
        f"--served-model-name={served_name(model)}",
        "--host=0.0.0.0",
        f"--port={SERVING_PORT}",
        f"--tensor-parallel-size={tensor}",
        f"--download-dir={CACHE}/weights",
    ]
    if pipeline > 1:
        flags.append(f"--pipeline-parallel-size={pipeline}")
    if model.get("context_length"):
        flags.append(f"--max-model-len={model['context_length']}")
    if model.get("quantization", "none") != "none":
        flags.append(f"--quantization={model['quantization']}")
    if model.get("kv_cache_dtype", "auto") != "auto":
        flags.append(f"--kv-cache-dtype={model['kv_cache_dtype']}")
    if source.startswith("hf://") and revision:
        flags.append(f"--revision={revision}")
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
        path="/metrics",
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
