# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract's ``models`` section: the desired state of each served model."""

from __future__ import annotations

from .fields import choice, duration, flag, label, listing, section, text, whole
from .schema_model_engine import (
    ADAPTERS,
    ARCHITECTURE,
    ENGINE,
    KV_CACHE_DTYPE,
    PARALLELISM,
    QUANTIZATION,
    WEIGHTS_CACHE,
)
from .schema_model_life import HEALTH_GATE, ROLLOUT, SCALING
from .schema_model_objectives import OBJECTIVES
from .schema_model_source import SOURCE

_NO_SPACE = r"^\S+$"

MODEL = section(
    "Model",
    "The desired state of one served model.",
    {
        "name": label("Name", "The model's name in the cluster.", examples=["llama-3-1-8b"]),
        "served_name": text(
            "Served name",
            "The name clients ask for. None: the model's name.",
            pattern=_NO_SPACE,
            meant="write it without spaces",
            examples=["meta-llama/Llama-3.1-8B-Instruct"],
        ),
        "task": choice("Task", "Its purpose. Training and fine-tuning are not supported.", ["serve"], default="serve"),
        "source": SOURCE,
        "engine": ENGINE,
        "gpu": section(
            "GPU",
            "The GPUs of one replica.",
            {
                "product": text("Product", "One of the approved GPU products.", examples=["NVIDIA-H100-80GB-HBM3"]),
                "per_replica": whole(
                    "GPUs for each replica",
                    "How many GPUs one replica takes, over all its nodes.",
                    maximum=1024,
                    examples=[1],
                ),
                "nodes": whole(
                    "Nodes for each replica",
                    "Over how many nodes one replica is spread, evenly. Several need LeaderWorkerSet in the cluster.",
                    maximum=64,
                    default=1,
                    examples=[1],
                ),
            },
            required=["product", "per_replica"],
            examples=[{"product": "NVIDIA-H100-80GB-HBM3", "per_replica": 1}],
        ),
        "parallelism": PARALLELISM,
        "quantization": QUANTIZATION,
        "kv_cache_dtype": KV_CACHE_DTYPE,
        "architecture": ARCHITECTURE,
        "adapters": ADAPTERS,
        "context_length": whole(
            "Context length",
            "The longest prompt and answer together, in tokens. None: the model's own.",
            maximum=100_000_000,
            examples=[32768],
        ),
        "replicas": section(
            "Replicas",
            "Between how many replicas it scales.",
            {
                "min": whole(
                    "Fewest", "0 only where scaling.scale_to_zero is true.", minimum=0, maximum=10_000, examples=[2]
                ),
                "max": whole("Most", "At most scaling.max_replicas_per_model.", maximum=10_000, examples=[4]),
            },
            required=["min", "max"],
            examples=[{"min": 2, "max": 4}],
        ),
        "priority": choice(
            "Priority",
            "Which models keep GPUs when they are short: critical before standard before batch. And which nodes their"
            " replicas prefer: those of critical ones are apart in zones and hosts, of standard ones in hosts.",
            ["critical", "standard", "batch"],
            default="standard",
            examples=["standard"],
        ),
        "traffic_class": choice(
            "Traffic class",
            "interactive: users wait for each answer, so it scales early. batch: they do not.",
            ["interactive", "batch"],
            default="interactive",
        ),
        "load_timeout": duration(
            "Load timeout", "How long a replica may take to load.", default="20m", examples=["20m"]
        ),
        "scaling": SCALING,
        "rollout": ROLLOUT,
        "health_gate": HEALTH_GATE,
        "objectives": OBJECTIVES,
        "weights_cache": WEIGHTS_CACHE,
        "overflow": flag(
            "Overflow",
            "Whether it may overflow onto Fireworks' capacity. Needs compliance.overflow: true.",
            default=False,
            examples=[False],
        ),
    },
    required=["name", "source", "engine", "gpu", "replicas"],
    examples=[{"name": "llama-3-1-8b"}],
)

MODELS = listing("Models", "The models served here; there may be none yet.", MODEL, default=[], examples=[[]])
