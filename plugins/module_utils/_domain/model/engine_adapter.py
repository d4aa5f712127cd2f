# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every inference engine is to the rest of this collection. An engine is one small file that fills this in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..contract.defaults import said
from ..contract.schema_models import MODEL
from ..contract.typed import Model
from ..names import SERVING_PORT
from .architecture import EIGHT_BITS, FOUR_BITS
from .credential import credential_environment
from .parallelism import tensor_and_pipeline
from .staged import WEIGHTS, is_staged, staged_claim, staged_folder

CACHE = "/cache"
"""Where weights and compiled kernels go. It and the two below are volumes; nothing else can be written to."""
SCRATCH = "/tmp"  # noqa: S108  (a volume of the pod's own)
SHARED_MEMORY = "/dev/shm"  # noqa: S108


class UnsupportedSourceError(ValueError):
    """An engine cannot serve a model as the contract describes it.

    ``place`` is the key inside the model that says so, ``reason`` what is wrong with it.
    """

    def __init__(self, model: Model, place: tuple[Any, ...], reason: str) -> None:
        self.place = place
        self.reason = reason
        super().__init__(f"model {model['name']}: {reason}")


@dataclass(frozen=True)
class Volume:
    """A claim of the customer's that holds weights; it is only read."""

    name: str
    claim: str
    path: str


@dataclass(frozen=True)
class Launch:
    """How to start an engine for one model."""

    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    health_path: str = "/health"
    volumes: tuple[Volume, ...] = ()


@dataclass(frozen=True)
class Spread:
    """How to start an engine for one model on several nodes.

    leader: the command of the pod that takes the requests. worker: that of each other pod.
    """

    leader: list[str]
    worker: list[str]
    environment: dict[str, str]


@dataclass(frozen=True)
class Metrics:
    """Names of the Prometheus metrics that a model is scaled on and judged by.

    ``kv_cache_usage`` is a part of 1. ``heartbeat`` is a counter that stands still only while no token is produced.
    ``latencies`` are histograms by objective of the contract, which count at the bounds that it may name.
    """

    running: str
    waiting: str
    kv_cache_usage: str
    heartbeat: str
    latencies: Mapping[str, str] = field(default_factory=dict)

    @property
    def pulse(self) -> dict[str, str]:
        """What tells an engine that hangs: what it has to do, and whether it gets on with it."""
        return {"running": self.running, "waiting": self.waiting, "heartbeat": self.heartbeat}


@dataclass(frozen=True)
class Quantization:
    """What a way to quantize means for memory.

    bytes_per_parameter: of the weights once they are loaded, all in all; None where only the checkpoint knows.
    loads_unquantized: whether a checkpoint that is not quantized yet is first loaded as it is, and then quantized.
    """

    bytes_per_parameter: float | None
    loads_unquantized: bool = False


@dataclass(frozen=True)
class Engine:
    """One inference engine.

    reserved: the flags that are set from the contract, or must not be set, each with what to do instead.
    quiet: flags by which an engine logs no requests, which may be set, and not unset.
    memory_flag, memory_share: the flag for the part of a GPU's memory that it uses, and that flag's default.
    flag: how one more flag is said on its command line; empty where it has no word for it.
    start: how to start it. Raises UnsupportedSourceError.
    spread: how to start it on several nodes: from how it is started on one, the nodes, and the seconds that the pods
    may wait for each other. None where it is not known here.
    """

    name: str
    metrics: Metrics
    reserved: Mapping[str, str]
    quantizations: Mapping[str, Quantization]
    memory_flag: str
    memory_share: float
    flag: Callable[[str, Any], list[str]]
    start: Callable[[Model], Launch]
    spread: Callable[[Launch, int, int], Spread] | None = None
    quiet: frozenset[str] = frozenset()


TELLS = "what users ask and are answered is in no log and no file: leave it out"
"""Of a flag by which an engine, or what it loads, would write down requests."""

RESERVED = {
    "revision": "change source.revision",
    "download-dir": "change weights_cache",
    "served-model-name": "change served_name",
    "host": "the router and the probes rely on it",
    "port": "the router and the probes rely on it",
    "tensor-parallel-size": "change parallelism.tensor",
    "pipeline-parallel-size": "change parallelism.pipeline",
    "data-parallel-size": "change replicas, which are counted against the approved GPUs",
    "quantization": "change quantization",
    "kv-cache-dtype": "change kv_cache_dtype",
    "enable-lora": "change adapters",
    "api-key": "a secret has no place on a command line",
    "config": "a file of flags is read by nobody here: set them as arguments",
}
"""The flags that engines share and that are not the contract's to set, each with what to do instead."""

QUANTIZATIONS = {
    # "we load the model at original precision before quantizing down to 8-bits, so you need enough memory to load the
    # whole model": docs.vllm.ai, "FP8 W8A8".
    "fp8": Quantization(EIGHT_BITS, loads_unquantized=True),
    "awq": Quantization(FOUR_BITS),
    "awq_marlin": Quantization(FOUR_BITS),
    "gptq": Quantization(FOUR_BITS),
    "gptq_marlin": Quantization(FOUR_BITS),
    "compressed-tensors": Quantization(None),
    "modelopt": Quantization(None),
    "mxfp4": Quantization(None),
}
"""The ways to quantize that engines share, by the words that they share too."""


def common_flags(model: Model) -> list[str]:
    """The flags that engines share, as the contract has them."""
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
    if (quantization := said(model, MODEL, "quantization")) != "none":
        flags.append(f"--quantization={quantization}")
    if (cache := said(model, MODEL, "kv_cache_dtype")) != "auto":
        flags.append(f"--kv-cache-dtype={cache}")
    source = model["source"]
    if str(source["uri"]).startswith("hf://") and source.get("revision") and not is_staged(model):
        flags.append(f"--revision={source['revision']}")
    return flags


def served_name(model: Model) -> str:
    """The name that clients ask for."""
    return str(model.get("served_name") or model["name"])


def names_of(model: Model) -> list[str]:
    """All names that clients ask for: the model's own, and those of the adapters that are served on it."""
    return [served_name(model), *(str(adapter["name"]) for adapter in model.get("adapters") or ())]


def placed(model: Model, source: str, mount: str, key: tuple[Any, ...], schemes: tuple[str, ...], engine: str) -> str:
    """Where the engine finds what is at ``source``: a name on the Hub, a path below ``mount``, or the URI itself."""
    scheme, _sep, place = source.partition("://")
    if scheme not in schemes:
        known = ", ".join(f"{one}://" for one in schemes[:-1]) + f" and {schemes[-1]}://"
        raise UnsupportedSourceError(model, key, f"{engine} cannot load weights from {source!r}; it can from {known}")
    if scheme == "hf":
        return place
    if scheme == "pvc":
        _claim, _slash, folder = place.partition("/")
        return f"{mount}/{folder}" if folder else mount
    return source


def weights(model: Model, schemes: tuple[str, ...], engine: str) -> str:
    """Where the engine finds the model's own weights."""
    found = placed(model, str(model["source"]["uri"]), WEIGHTS, ("source", "uri"), schemes, engine)
    return f"{WEIGHTS}/{staged_folder(model)}" if is_staged(model) else found


def volumes(model: Model) -> tuple[Volume, ...]:
    """The claims that a replica reads."""
    own = (Volume(name="weights", claim=staged_claim(model), path=WEIGHTS),) if is_staged(model) else ()
    return (*own, *claims(sources(model)))


def claims(sources: Mapping[str, str]) -> tuple[Volume, ...]:
    """The volumes that some sources, by the path where each is mounted, need."""
    return tuple(
        Volume(
            name=mount.strip("/").replace("/", "-"), claim=source.removeprefix("pvc://").partition("/")[0], path=mount
        )
        for mount, source in sources.items()
        if source.startswith("pvc://")
    )


def sources(model: Model) -> dict[str, str]:
    """Where the weights of a model and of its adapters come from, by where a claim of them is mounted."""
    found = {WEIGHTS: str(model["source"]["uri"])}
    for index, adapter in enumerate(model.get("adapters") or ()):
        found[f"/adapters/{index}"] = str(adapter["source"])
    return found


def adapter_paths(model: Model, schemes: tuple[str, ...], engine: str) -> list[str]:
    """Each adapter as ``name=path``, which is how engines take them."""
    return [
        f"{adapter['name']}="
        + placed(model, str(adapter["source"]), f"/adapters/{index}", ("adapters", index, "source"), schemes, engine)
        for index, adapter in enumerate(model.get("adapters") or ())
    ]


def more_flags(model: Model, flag: Callable[[str, Any], list[str]]) -> list[str]:
    """The contract's own flags, in a stable order."""
    return [word for name, value in sorted(arguments(model).items()) for word in flag(name, value)]


def arguments(model: Model) -> Mapping[str, Any]:
    """The contract's own flags for the engine."""
    found: Mapping[str, Any] = model["engine"].get("arguments") or {}
    return found


def literal(value: Any) -> str:
    """A value on a command line that Kubernetes expands: ``$(NAME)`` would become a variable's content."""
    return str(value).replace("$(", "$$(")


def common_environment(model: Model) -> dict[str, str]:
    """What every engine's process is given."""
    source = model["source"]
    weights = filter(None, (source.get("revision"), source.get("digest")))
    return {
        "HF_HOME": f"{CACHE}/huggingface",
        "TRITON_CACHE_DIR": f"{CACHE}/triton",
        "TORCHINDUCTOR_CACHE_DIR": f"{CACHE}/inductor",
        # No usage reports leave the customer's cluster.
        "DO_NOT_TRACK": "1",
        # Other weights are another pod, even where the engine has no flag to name them by.
        "BYOC_WEIGHTS": " ".join(weights),
        # What a Job has fetched is all there is.
        **({"HF_HUB_OFFLINE": "1"} if is_staged(model) else credential_environment(model)),
    }
