# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One way to put a model on its GPUs, and the memory that it takes on each of them."""

from __future__ import annotations

from dataclasses import dataclass

from .architecture import Architecture

MIB, GIB = 2**20, 2**30

_OVERHEAD_ALONE, _OVERHEAD_TOGETHER = 3.5 * GIB, 5.3 * GIB
"""Activations, CUDA's own, NCCL's and the driver's, of one GPU by itself and of one among several.

Measured by vLLM's own profiler for Llama 3 8B on an H100 (github.com/vllm-project/vllm/pull/10511): 1.26 GiB peak
activations, and 1.79 GiB outside PyTorch, 3.58 GiB with two GPUs; of the 79.65 GiB that nvidia-smi shows it saw 79.22.
CUDA graphs come out of the part of the memory that the engine leaves alone."""

_BLOCK = 16
"""vLLM gives out KV cache in blocks of so many tokens."""


@dataclass(frozen=True)
class Shape:
    """A model, cut and stored in one way.

    tensor, pipeline: over how many GPUs each layer is split, and into how many stages the layers are cut.
    tokens: of the longest request. weight_bytes: of one parameter when it serves; load_bytes: while it loads.
    cache_bytes: of one value in the KV cache. memory: bytes of one GPU; share: the part that the engine may use.
    """

    architecture: Architecture
    tensor: int
    pipeline: int
    tokens: int
    weight_bytes: float
    load_bytes: float
    cache_bytes: int
    memory: float
    share: float

    @property
    def stage_layers(self) -> int:
        """The layers of the fullest stage."""
        return -(-self.architecture.layers // self.pipeline)

    @property
    def cache_heads(self) -> int:
        """The KV heads on each GPU; with more GPUs than heads they are repeated."""
        return max(1, self.architecture.kv_heads // self.tensor)

    @property
    def weights(self) -> float:
        """Bytes of weights on the fullest GPU."""
        return self._of_weights(self.weight_bytes)

    @property
    def weights_while_loading(self) -> float:
        """Bytes of weights on the fullest GPU before they are quantized."""
        return self._of_weights(self.load_bytes)

    @property
    def token(self) -> int:
        """Bytes of KV cache that one token takes on each GPU: a key and a value for each layer and head."""
        return 2 * self.stage_layers * self.cache_heads * self.architecture.head_dim * self.cache_bytes

    @property
    def cache(self) -> int:
        """Bytes of KV cache of one request of full length."""
        return self.token * -(-self.tokens // _BLOCK) * _BLOCK

    @property
    def overhead(self) -> float:
        """Bytes that the engine needs besides weights and cache."""
        return _OVERHEAD_ALONE if self.tensor * self.pipeline == 1 else _OVERHEAD_TOGETHER

    @property
    def budget(self) -> float:
        """Bytes of one GPU that the engine may use."""
        return self.memory * self.share

    @property
    def needed(self) -> float:
        """Bytes that are needed at the fullest moment."""
        return max(self.weights + self.cache, self.weights_while_loading) + self.overhead

    def fits(self) -> bool:
        """Whether it can be cut so and is not too large."""
        return not indivisible(self.architecture, self.tensor, self.pipeline) and self.needed <= self.budget

    def _of_weights(self, each: float) -> float:
        part = self.stage_layers / self.architecture.layers
        return self.architecture.parameters * each * part / self.tensor


def indivisible(architecture: Architecture, tensor: int, pipeline: int) -> str:
    """Why a model cannot be cut so; empty when it can."""
    heads, kv_heads = architecture.attention_heads, architecture.kv_heads
    if heads % tensor:
        return f"tensor parallelism {tensor} does not divide the model's {heads} attention heads"
    if kv_heads % tensor and tensor % kv_heads:
        return f"tensor parallelism {tensor} neither divides the model's {kv_heads} KV heads nor is a multiple of them"
    if pipeline > architecture.layers:
        return f"pipeline parallelism {pipeline} is more than the model's {architecture.layers} layers"
    return ""
