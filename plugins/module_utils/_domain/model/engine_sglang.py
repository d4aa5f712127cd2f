# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SGLang. Its flags: docs.sglang.io, "Server Arguments"; its metrics: "Production Metrics".

A model can name it; it is served once a stack release has an image of it.
"""

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

_SCHEMES = ("hf", "pvc")

_RESERVED = {
    "model-path": "change source.uri",
    "model": "change source.uri",
    "revision": "change source.revision",
    "download-dir": "change weights_cache",
    "served-model-name": "change served_name",
    "host": "the router and the probes rely on it",
    "port": "the router and the probes rely on it",
    "tensor-parallel-size": "change parallelism.tensor",
    "tp-size": "change parallelism.tensor",
    "pipeline-parallel-size": "change parallelism.pipeline",
    "pp-size": "change parallelism.pipeline",
    "data-parallel-size": "change replicas, which are counted against the approved GPUs",
    "dp-size": "change replicas, which are counted against the approved GPUs",
    "context-length": "change context_length",
    "quantization": "change quantization",
    "kv-cache-dtype": "change kv_cache_dtype",
    "enable-lora": "change adapters",
    "lora-paths": "change adapters",
    "enable-metrics": "scaling and the health gate rely on it",
    "api-key": "a secret has no place on a command line",
}


_QUANTIZATIONS = {
    "fp8": Quantization(EIGHT_BITS, loads_unquantized=True),
    "awq": Quantization(FOUR_BITS),
    "awq_marlin": Quantization(FOUR_BITS),
    "gptq": Quantization(FOUR_BITS),
    "gptq_marlin": Quantization(FOUR_BITS),
    "compressed-tensors": Quantization(None),
    "modelopt": Quantization(None),
    "mxfp4": Quantization(None),
}


def _flag(name: str, value: Any) -> list[str]:
    if isinstance(value, bool):
        # Its switches are off unless they are named.
        return [f"--{name}"] if value else []
    return [f"--{name}={literal(value)}"]


def _start(model: Model) -> Launch:
    source, revision = str(model["source"]["uri"]), str(model["source"].get("revision", ""))
    tensor, pipeline = tensor_and_pipeline(model)
    weights = placed(model, source, "/weights", ("source", "uri"), _SCHEMES, "sglang")
    flags = [
        f"--model-path={weights}",
        f"--served-model-name={served_name(model)}",
        "--host=0.0.0.0",
        f"--port={SERVING_PORT}",
        f"--tensor-parallel-size={tensor}",
        f"--pipeline-parallel-size={pipeline}",
        f"--download-dir={CACHE}/weights",
        "--enable-metrics",
    ]
    if model.get("context_length"):
        flags.append(f"--context-length={model['context_length']}")
    if model.get("quantization", "none") != "none":
        flags.append(f"--quantization={model['quantization']}")
    if model.get("kv_cache_dtype", "auto") != "auto":
        flags.append(f"--kv-cache-dtype={model['kv_cache_dtype']}")
    if source.startswith("hf://") and revision:
        flags.append(f"--revision={revision}")
    if adapters := adapter_paths(model, _SCHEMES, "sglang"):
        flags += ["--enable-lora", "--lora-paths", *adapters]
    command = ["python3", "-m", "sglang.launch_server", *flags, *more_flags(model, _flag)]
    return Launch(command, common_environment(model), volumes=claims(sources(model)))


SGLANG = Engine(
    name="sglang",
    metrics=Metrics(
        path="/metrics",
        running="sglang:num_running_reqs",
        waiting="sglang:num_queue_reqs",
        kv_cache_usage="sglang:token_usage",
        heartbeat="sglang:generation_tokens_total",
    ),
    reserved=_RESERVED,
    quantizations=_QUANTIZATIONS,
    memory_flag="mem-fraction-static",
    memory_share=0.9,
    flag=_flag,
    start=_start,
)
