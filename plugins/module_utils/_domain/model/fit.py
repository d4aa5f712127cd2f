# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does a model fit its GPUs? The verdict, the arithmetic, and what is near by that would fit.

On each GPU: its part of the weights, the KV cache of one request of full length, and what the engine needs besides,
against the part of the memory that the engine may use. More requests at a time need more cache, so this is the least.
LoRA adapters are not counted: how large they are, only they know.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..._vocabulary.listing import amount
from ..capacity import nodes_per_replica
from ..contract.defaults import said
from ..contract.schema_models import MODEL
from ..contract.typed import Model
from ..names import GPU_MEMORY_LABEL
from .architecture import DTYPE_BYTES, Architecture, architecture_of
from .engine import engine_of, memory_share
from .fit_nearest import Most, divisible, shorter, smaller
from .fit_shape import GIB, MIB, Shape, indivisible
from .gpus import GPU_MEMORY_MIB
from .parallelism import tensor_and_pipeline

FITS, MISFIT, UNPROVEN = "fits", "does not fit", "unproven"

# Flags by which engines read longer texts than a model was made for.
_STRETCHING = ("hf-overrides", "rope-scaling", "json-model-override-args")


@dataclass(frozen=True)
class Fit:
    """Whether a model fits.

    verdict: FITS, MISFIT or UNPROVEN. reason: why it does not, or why nobody can tell. lines: the arithmetic, each a
    line. nearest: what could be changed so that it fits, the nearest first.
    """

    verdict: str
    reason: str = ""
    lines: tuple[str, ...] = ()
    nearest: tuple[str, ...] = ()

    def told(self) -> str:
        """All of it, one sentence after the other."""
        parts = [self.reason, "; ".join(self.lines)]
        if self.verdict == MISFIT:
            shapes = ", or ".join(self.nearest)
            parts.append(f"It would fit with {shapes}" if shapes else "No single change makes it fit this product")
        return ". ".join(part for part in parts if part)


def fit(model: Model, *, memory_mib: int = 0, most_gpus: int = 8, agreed: int = 0) -> Fit:
    """Whether one replica fits the GPUs that it names.

    memory_mib: of one GPU, as the cluster's nodes are labelled; 0: by the table. most_gpus: how many may be proposed
    on as many nodes as it spans now; agreed: on more of them, 0 where more nodes are not to be proposed.
    Raises UnsupportedSourceError where there is no such engine.
    """
    architecture = architecture_of(model)
    most = Most(most_gpus, nodes_per_replica(model), agreed if engine_of(model).spread else 0)
    if architecture is None:
        source = model["source"]["uri"]
        return Fit(UNPROVEN, f"the architecture of {source} is not known here: say it in architecture")
    found = _shape(model, architecture, memory_mib)
    shape = found if isinstance(found, Shape) else None
    tensor, pipeline = tensor_and_pipeline(model)
    if broken := indivisible(architecture, tensor, pipeline):
        return Fit(MISFIT, broken, nearest=tuple(divisible(architecture, tensor, pipeline, most_gpus, shape)))
    if not isinstance(found, Shape):
        return Fit(UNPROVEN, found)
    lines = tuple(_lines(found, str(model["gpu"]["product"])))
    own = architecture.context
    if own and found.tokens > own and not _stretched(model):
        reason = f"context_length {found.tokens} is more than the {own} tokens that the model was made for"
        return Fit(MISFIT, reason, lines, tuple(shorter(found, own, most)))
    if found.fits():
        return Fit(FITS, lines=lines)
    gpus = amount(tensor * pipeline, "GPU")
    return Fit(MISFIT, f"it is too large for {gpus}", lines, tuple(smaller(found, most)))


def _shape(model: Model, architecture: Architecture, memory_mib: int) -> Shape | str:
    """The shape of a model, or why it is not known."""
    product, word = str(model["gpu"]["product"]), str(said(model, MODEL, "quantization"))
    memory = memory_mib or GPU_MEMORY_MIB.get(product, 0)
    if not memory:
        return f"the memory of {product} is not known here: a cluster tells it by the node label {GPU_MEMORY_LABEL}"
    tokens = int(model.get("context_length") or architecture.context or 0)
    if not tokens:
        return "the model's own context is not known here: say context_length"
    served = stored = float(DTYPE_BYTES[architecture.dtype])
    if word != "none":
        way = engine_of(model).quantizations.get(word)
        if way is None or way.bytes_per_parameter is None:
            return f"how much quantization {word} saves depends on the checkpoint"
        served = way.bytes_per_parameter
        stored = stored if way.loads_unquantized else served
    tensor, pipeline = tensor_and_pipeline(model)
    cache_bytes = 2 if said(model, MODEL, "kv_cache_dtype") == "auto" else 1
    return Shape(architecture, tensor, pipeline, tokens, served, stored, cache_bytes, memory * MIB, memory_share(model))


def _stretched(model: Model) -> bool:
    """Whether the engine is told to read longer texts than the model was made for."""
    return any(str(flag).partition(".")[0] in _STRETCHING for flag in model["engine"].get("arguments") or ())


def _lines(shape: Shape, product: str) -> Iterator[str]:
    architecture = shape.architecture
    cut = "" if shape.pipeline == 1 else f" x {shape.stage_layers} of {architecture.layers} layers"
    split = "" if shape.tensor == 1 else f" / {shape.tensor}"
    parameters = f"{architecture.parameters / 1e9:.2f}e9 parameters"
    yield f"weights {parameters} x {shape.weight_bytes:g} bytes{cut}{split} = {_gib(shape.weights)}"
    each = f"2 x {shape.stage_layers} layers x {shape.cache_heads} KV heads x {architecture.head_dim}"
    yield (f"KV cache of one request {each} x {shape.cache_bytes} bytes x {shape.tokens} tokens = {_gib(shape.cache)}")
    yield f"activations and CUDA {_gib(shape.overhead)}"
    if shape.weights_while_loading > shape.weights + shape.cache:
        yield f"the weights before they are quantized {_gib(shape.weights_while_loading)}"
    allowed = f"{shape.share:g} x {_gib(shape.memory)} = {_gib(shape.budget)}"
    yield f"together {_gib(shape.needed)} on each GPU, and {product} has {allowed} for it"


def _gib(size: float) -> str:
    return f"{size / GIB:.1f} GiB"
