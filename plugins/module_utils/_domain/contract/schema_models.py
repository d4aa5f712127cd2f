# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract's ``models`` section: the desired state of each served model."""

from __future__ import annotations

from .fields import choice, duration, label, listing, section, text, whole

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
        "source": section(
            "Source",
            "Where the weights come from.",
            {
                "uri": text(
                    "URI",
                    "Their place.",
                    format="byoc-source",
                    maxLength=1000,
                    examples=["hf://meta-llama/Llama-3.1-8B-Instruct"],
                ),
                "revision": text(
                    "Revision",
                    "Exactly which weights: a commit, a version or a digest; never a moving name.",
                    pattern=_NO_SPACE,
                    meant="write a commit, a version or a digest",
                    examples=["0e9e39f249a16976918f6564b8830bc894c89659"],
                ),
            },
            required=["uri", "revision"],
            examples=[
                {"uri": "hf://meta-llama/Llama-3.1-8B-Instruct", "revision": "0e9e39f249a16976918f6564b8830bc894c89659"}
            ],
        ),
        "engine": section(
            "Engine",
            "What serves it.",
            {
                "name": label("Name", "The inference engine.", examples=["vllm"]),
                "version": text(
                    "Version",
                    "The engine's version.",
                    pattern=r"^[0-9]+(\.[0-9]+)+([-+.]?[A-Za-z0-9.]+)?$",
                    meant="write the whole version, like 0.11.0",
                    examples=["0.11.0"],
                ),
            },
            required=["name", "version"],
            examples=[{"name": "vllm", "version": "0.11.0"}],
        ),
        "gpu": section(
            "GPU",
            "The GPUs of one replica.",
            {
                "product": text("Product", "One of the approved GPU products.", examples=["NVIDIA-H100-80GB-HBM3"]),
                "per_replica": whole(
                    "GPUs for each replica", "How many GPUs one replica takes.", maximum=1024, examples=[1]
                ),
            },
            required=["product", "per_replica"],
            examples=[{"product": "NVIDIA-H100-80GB-HBM3", "per_replica": 1}],
        ),
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
            "Who keeps GPUs when they are short: critical before standard before batch.",
            ["critical", "standard", "batch"],
            default="standard",
            examples=["standard"],
        ),
        "load_timeout": duration(
            "Load timeout", "How long a replica may take to load.", default="20m", examples=["20m"]
        ),
    },
    required=["name", "source", "engine", "gpu", "replicas"],
    examples=[{"name": "llama-3-1-8b"}],
)

MODELS = listing("Models", "The models served here; there may be none yet.", MODEL, default=[], examples=[[]])
