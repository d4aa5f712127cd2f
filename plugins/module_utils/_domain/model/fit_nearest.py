# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What could be changed so that a model fits: one thing at a time, the nearest first, each as a key of the contract."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from .architecture import EIGHT_BITS, FOUR_BITS, Architecture
from .fit_shape import Shape, indivisible

_STEP = 1024
"""A shorter context is proposed in steps of so many tokens."""


@dataclass(frozen=True)
class Most:
    """The GPUs that may be proposed for a replica.

    gpus: on as many nodes as it has now, which nodes says. agreed: on any number of nodes; 0 where no more may be.
    """

    gpus: int
    nodes: int = 1
    agreed: int = 0


def smaller(shape: Shape, most: Most) -> Iterator[str]:
    """Of a model that is too large: more GPUs, more nodes, a shorter context, smaller weights, a smaller cache."""
    more = (tensor for tensor in range(shape.tensor + 1, most.gpus // shape.pipeline + 1))
    tensor = next((tensor for tensor in more if replace(shape, tensor=tensor).fits()), 0)
    yield from [_gpus(tensor, shape.pipeline)] if tensor else _on_more_nodes(shape, most)
    longest = int((shape.budget - shape.weights - shape.overhead) // shape.token) // _STEP * _STEP
    if longest > 0 and replace(shape, tokens=longest).fits():
        yield f"context_length: {longest}"
    for each, what in ((EIGHT_BITS, "8 bits (FP8)"), (FOUR_BITS, "4 bits (AWQ, GPTQ)")):
        if each < shape.load_bytes and replace(shape, weight_bytes=each, load_bytes=each).fits():
            yield f"a checkpoint quantized to {what}"
            break
    if shape.cache_bytes > 1 and replace(shape, cache_bytes=1).fits():
        yield "kv_cache_dtype: fp8_e4m3"


def divisible(
    architecture: Architecture, tensor: int, pipeline: int, most_gpus: int, shape: Shape | None
) -> Iterator[str]:
    """Of a model that cannot be cut so: the nearest ways to cut it, with fewer GPUs and with more.

    ``shape`` is of the model, where its size is known: what is too large is left out.
    """
    stages = min(pipeline, architecture.layers)
    possible = [
        n
        for n in range(1, max(most_gpus // stages, tensor) + 1)
        if not indivisible(architecture, n, stages)
        and (shape is None or replace(shape, tensor=n, pipeline=stages).fits())
    ]
    fewer = [n for n in possible if n <= tensor][-1:]
    more = [n for n in possible if n > tensor][:1]
    yield from (_gpus(n, stages) for n in fewer + more)


def _on_more_nodes(shape: Shape, most: Most) -> Iterator[str]:
    """The fewest whole nodes that are enough: each layer split inside a node, the layers cut among them."""
    each = most.gpus // most.nodes
    for nodes in range(most.nodes + 1, most.agreed // each + 1):
        if replace(shape, tensor=each, pipeline=nodes).fits():
            yield f"gpu.per_replica: {each * nodes} and gpu.nodes: {nodes} (a LeaderWorkerSet)"
            return


def shorter(shape: Shape, context: int, most: Most) -> Iterator[str]:
    """Of a model that is asked for longer texts than it was made for: its own length, if that fits."""
    own = replace(shape, tokens=context)
    if own.fits():
        yield f"context_length: {context}"
        return
    for change in smaller(own, most):
        yield change if change.startswith("context_length") else f"context_length: {context} and {change}"


def _gpus(tensor: int, pipeline: int) -> str:
    if pipeline == 1:
        return f"gpu.per_replica: {tensor}"
    return f"gpu.per_replica: {tensor * pipeline} (parallelism.tensor: {tensor}, parallelism.pipeline: {pipeline})"
