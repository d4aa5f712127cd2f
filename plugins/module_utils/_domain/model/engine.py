# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inference engines there are, each one file beside this one.

Everything else of a model (GPUs, probes, security, spreading) is the same for all.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..contract.typed import Model
from .engine_adapter import (
    CACHE,
    SCRATCH,
    SHARED_MEMORY,
    Engine,
    Launch,
    Metrics,
    Quantization,
    Spread,
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
    "Spread",
    "UnsupportedSourceError",
    "Volume",
    "engine_of",
    "launch",
    "memory_share",
    "spread",
]

ENGINES: Mapping[str, Engine] = {engine.name: engine for engine in (VLLM, SGLANG)}


def engine_of(model: Model) -> Engine:
    """The engine that a model names. Raises UnsupportedSourceError."""
    name = str(model["engine"]["name"])
    if name not in ENGINES:
        raise UnsupportedSourceError(
            model, ("engine", "name"), f"there is no engine {name!r}; there is {', '.join(ENGINES)}"
        )
    return ENGINES[name]


def launch(model: Model) -> Launch:
    """How to start the engine that a model names. Raises UnsupportedSourceError."""
    return engine_of(model).start(model)


def spread(model: Model, nodes: int, seconds: int) -> Spread:
    """How to start the engine that a model names on several nodes, whose pods wait so long for each other.

    Raises UnsupportedSourceError.
    """
    engine = engine_of(model)
    if engine.spread is None:
        able = ", ".join(one.name for one in ENGINES.values() if one.spread)
        reason = (
            f"{engine.name} is not started on several nodes here, {able} is: have gpu.nodes: 1, or engine.name: {able}"
        )
        raise UnsupportedSourceError(model, ("gpu", "nodes"), reason)
    return engine.spread(engine.start(model), nodes, seconds)


def memory_share(model: Model) -> float:
    """The part of each GPU's memory that the engine may use: as the contract's arguments say, else the default."""
    engine = engine_of(model)
    try:
        return float(arguments(model).get(engine.memory_flag, engine.memory_share))
    except ValueError:
        # The engine itself will say what is wrong with it.
        return engine.memory_share
