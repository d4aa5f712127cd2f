# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vLLM. Its flags: docs.vllm.ai, "Engine Arguments"; its metrics: "Production Metrics".

On several nodes: docs.vllm.ai, "LWS" and "Multi-Node-Serving". The pods of a replica form a Ray cluster by the script
that comes with vLLM's image for this; the leader then serves as on one node.
"""

from __future__ import annotations

from typing import Any

from ..contract.schema_model_objectives import INTER_TOKEN_LATENCY, TIME_TO_FIRST_TOKEN
from ..contract.typed import Model
from .architecture import FOUR_BITS
from .engine_adapter import (
    CACHE,
    QUANTIZATIONS,
    RESERVED,
    TELLS,
    Engine,
    Launch,
    Metrics,
    Quantization,
    Spread,
    adapter_paths,
    common_environment,
    common_flags,
    literal,
    more_flags,
    volumes,
    weights,
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
    "distributed-executor-backend": "it follows from gpu.nodes",
    "nnodes": "change gpu.nodes",
    **dict.fromkeys(("enable-log-requests", "enable-log-outputs", "enable-log-deltas"), TELLS),
    # Loggers and programs of one's own see each request.
    **dict.fromkeys(("log-config-file", "middleware"), TELLS),
}

_RAY_SCRIPT = "/vllm-workspace/examples/online_serving/multi-node-serving.sh"
_RAY_PORT = 6379

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
    environment = {
        **common_environment(model),
        "VLLM_CACHE_ROOT": f"{CACHE}/vllm",
        "VLLM_NO_USAGE_STATS": "1",
    }
    command = ["vllm", "serve", weights(model, _SCHEMES, "vllm"), *flags, *more_flags(model, _flag)]
    return Launch(command, environment, volumes=volumes(model))


def _spread(start: Launch, nodes: int, seconds: int) -> Spread:
    patience = f"--ray_init_timeout={seconds}"
    # The shell becomes the server once the others have joined, so that it is the server that is told to end.
    join = f'bash "$0" leader --ray_port={_RAY_PORT} --ray_cluster_size={nodes} {patience} && exec "$@"'
    serve = [*start.command, "--distributed-executor-backend=ray"]
    # LeaderWorkerSet tells each pod where its leader is; Kubernetes puts it in.
    leader_is = "--ray_address=$(LWS_LEADER_ADDRESS)"
    return Spread(
        leader=["bash", "-c", join, _RAY_SCRIPT, *serve],
        worker=["bash", _RAY_SCRIPT, "worker", leader_is, f"--ray_port={_RAY_PORT}", patience],
        # No usage reports leave the customer's cluster, Ray's neither.
        environment={**start.environment, "RAY_USAGE_STATS_ENABLED": "0"},
    )


VLLM = Engine(
    name="vllm",
    metrics=Metrics(
        running="vllm:num_requests_running",
        waiting="vllm:num_requests_waiting",
        kv_cache_usage="vllm:kv_cache_usage_perc",
        heartbeat="vllm:iteration_tokens_total_count",
        latencies={
            TIME_TO_FIRST_TOKEN: "vllm:time_to_first_token_seconds",
            INTER_TOKEN_LATENCY: "vllm:inter_token_latency_seconds",
        },
    ),
    reserved=_RESERVED,
    quantizations=_QUANTIZATIONS,
    memory_flag="gpu-memory-utilization",
    memory_share=0.90,
    flag=_flag,
    start=_start,
    spread=_spread,
    quiet=frozenset({"disable-log-requests"}),
)
