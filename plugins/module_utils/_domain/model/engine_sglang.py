# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SGLang. Its flags: docs.sglang.io, "Server Arguments"; its metrics: "Production Metrics".

A model can name it; it is served once a stack release has an image of it.
"""

from __future__ import annotations

from typing import Any

from ..contract.typed import Model
from .engine_adapter import (
    QUANTIZATIONS,
    RESERVED,
    TELLS,
    Engine,
    Launch,
    Metrics,
    adapter_paths,
    common_environment,
    common_flags,
    literal,
    more_flags,
    volumes,
    weights,
)

_SCHEMES = ("hf", "pvc")

_RESERVED = {
    **RESERVED,
    "model-path": "change source.uri",
    "model": "change source.uri",
    "tp-size": "change parallelism.tensor",
    "pp-size": "change parallelism.pipeline",
    "dp-size": "change replicas, which are counted against the approved GPUs",
    "context-length": "change context_length",
    "lora-paths": "change adapters",
    "enable-metrics": "scaling relies on it",
    **dict.fromkeys(("log-requests", "log-requests-level", "log-requests-format", "log-requests-target"), TELLS),
    **dict.fromkeys(("crash-dump-folder", "export-metrics-to-file", "export-metrics-to-file-dir"), TELLS),
}


def _flag(name: str, value: Any) -> list[str]:
    if isinstance(value, bool):
        # Its switches are off unless they are named.
        return [f"--{name}"] if value else []
    return [f"--{name}={literal(value)}"]


def _start(model: Model) -> Launch:
    flags = [f"--model-path={weights(model, _SCHEMES, 'sglang')}", *common_flags(model), "--enable-metrics"]
    if model.get("context_length"):
        flags.append(f"--context-length={model['context_length']}")
    if adapters := adapter_paths(model, _SCHEMES, "sglang"):
        flags += ["--enable-lora", "--lora-paths", *adapters]
    command = ["python3", "-m", "sglang.launch_server", *flags, *more_flags(model, _flag)]
    return Launch(command, common_environment(model), volumes=volumes(model))


SGLANG = Engine(
    name="sglang",
    metrics=Metrics(
        running="sglang:num_running_reqs",
        waiting="sglang:num_queue_reqs",
        kv_cache_usage="sglang:token_usage",
        heartbeat="sglang:generation_tokens_total",
    ),
    reserved=_RESERVED,
    quantizations=QUANTIZATIONS,
    memory_flag="mem-fraction-static",
    memory_share=0.9,
    flag=_flag,
    start=_start,
)
