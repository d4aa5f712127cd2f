# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inference engines there are, each one file beside this one.

Everything else of a model (GPUs, probes, security, spreading) is the same for all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .engine_adapter import (
    CACHE,
    SCRATCH,
    SHARED_MEMORY,
    Engine,
    Launch,
    Metrics,
    Quantization,
    UnsupportedSourceError,
    Volume,
    arguments,
)
from .engine_sglang import SGLANG
from .engine_vllm import VLLM

__all__ = [
    "CACHE",
    "ENGINES",
    "SCRATCH",
    "SHARED_MEMORY",
    "Engine",
    "Launch",
    "Metrics",
    "Quantization",
    "UnsupportedSourceError",
    "Volume",
    "engine_of",
    "launch",
    "memory_share",
]

ENGINES: Mapping[str, Engine] = {engine.name: engine for engine in (VLLM, SGLANG)}


def engine_of(model: Mapping[str, Any]) -> Engine:
    """The engine that a model names. Raises UnsupportedSourceError."""
    name = str(model["engine"]["name"])
    if name not in ENGINES:
        raise UnsupportedSourceError(
            model, ("engine", "name"), f"there is no engine {name!r}; there is {', '.join(ENGINES)}"
        )
    return ENGINES[name]


def launch(model: Mapping[str, Any]) -> Launch:
    """How to start the engine that a model names. Raises UnsupportedSourceError."""
    return engine_of(model).start(model)


def memory_share(model: Mapping[str, Any]) -> float:
    """The part of each GPU's memory that the engine may use: as the contract's arguments say, else the default."""
    engine = engine_of(model)
    try:
        return float(arguments(model).get(engine.memory_flag, engine.memory_share))
    except ValueError:
        # The engine itself will say what is wrong with it.
        return engine.memory_share
