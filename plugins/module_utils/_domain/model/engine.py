# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an inference engine needs to serve a model: its command line, its environment, the paths it answers on.

An engine is one adapter here; everything else of a model (GPUs, probes, security, spreading) is the same for all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..capacity import gpus_per_replica
from ..names import SERVING_PORT

CACHE = "/cache"
"""Where weights and compiled kernels go. It and the two below are volumes; nothing else can be written to."""
SCRATCH = "/tmp"  # noqa: S108  (a volume of the pod's own)
SHARED_MEMORY = "/dev/shm"  # noqa: S108


class UnsupportedSourceError(ValueError):
    """The engine cannot read weights from there, or there is no such engine."""


@dataclass(frozen=True)
class Volume:
    """A claim of the customer's that holds weights."""

    claim: str
    path: str


@dataclass(frozen=True)
class Launch:
    """How to start an engine for one model."""

    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    health_path: str = "/health"
    models_path: str = "/v1/models"
    weights: Volume | None = None


def launch(model: Mapping[str, Any]) -> Launch:
    """How to start the engine that a model names."""
    name = str(model["engine"]["name"])
    if name not in _ENGINES:
        raise UnsupportedSourceError(
            f"model {model['name']}: there is no engine {name!r}; there is {', '.join(_ENGINES)}"
        )
    return _ENGINES[name](model)


def _vllm(model: Mapping[str, Any]) -> Launch:
    source, revision = str(model["source"]["uri"]), str(model["source"].get("revision", ""))
    scheme, _sep, place = source.partition("://")
    gpus = gpus_per_replica(model)
    flags = [
        f"--served-model-name={model.get('served_name') or model['name']}",
        "--host=0.0.0.0",
        f"--port={SERVING_PORT}",
        f"--tensor-parallel-size={gpus}",
        f"--download-dir={CACHE}/weights",
    ]
    if model.get("context_length"):
        flags.append(f"--max-model-len={model['context_length']}")
    environment = {
        "HF_HOME": f"{CACHE}/huggingface",
        "VLLM_CACHE_ROOT": f"{CACHE}/vllm",
        "TRITON_CACHE_DIR": f"{CACHE}/triton",
        "TORCHINDUCTOR_CACHE_DIR": f"{CACHE}/inductor",
        # No usage reports leave the customer's cluster.
        "VLLM_NO_USAGE_STATS": "1",
        "DO_NOT_TRACK": "1",
    }
    weights = None
    if scheme == "hf":
        weights_path = place
        if revision:
            flags.append(f"--revision={revision}")
    elif scheme in ("s3", "gs"):
        weights_path = source
        flags.append("--load-format=runai_streamer")
    elif scheme == "pvc":
        claim, _slash, folder = place.partition("/")
        weights_path = "/weights/" + folder if folder else "/weights"
        weights = Volume(claim=claim, path="/weights")
    else:
        raise UnsupportedSourceError(
            f"model {model['name']}: vllm cannot load weights from {source!r}; it can from hf://, s3://, gs:// and pvc://"
        )
    return Launch(["vllm", "serve", weights_path, *flags], environment, weights=weights)


_ENGINES: dict[str, Callable[[Mapping[str, Any]], Launch]] = {"vllm": _vllm}
