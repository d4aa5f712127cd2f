# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a contract says of one model's engine: which one, how it spreads and stores the model, what it adds to it."""

from __future__ import annotations

from .fields import choice, field, flag, label, listing, section, text, whole

# Without spaces; '=' and ',' part an adapter's name from its place on an engine's command line.
_ADAPTER_NAME = r"^[^\s=,]+$"

ENGINE = section(
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
        "arguments": field(
            "object",
            "Arguments",
            "More engine flags, without leading dashes; none that follow from other keys of this file.",
            default={},
            examples=[{"max-num-seqs": 128, "enable-prefix-caching": True}],
            maxProperties=50,
            propertyNames={
                "type": "string",
                "pattern": r"^[a-z0-9]+(-[a-z0-9]+)*(\.[A-Za-z0-9_]+)*$",
                "patternErrorMessage": "write the flag in lower-case letters, digits and dashes, like max-num-seqs, "
                "without the dashes before it",
            },
            additionalProperties={
                "type": ["string", "number", "boolean"],
                "pattern": "^[^\u0000-\u001f\u007f]*$",
                "patternErrorMessage": "write it on one line",
                "maxLength": 2000,
            },
        ),
    },
    required=["name", "version"],
    examples=[{"name": "vllm", "version": "0.11.0"}],
)

PARALLELISM = section(
    "Parallelism",
    "How one replica is spread over its GPUs; tensor times pipeline is gpu.per_replica.",
    {
        "tensor": whole(
            "Tensor parallelism",
            "Over how many GPUs each layer is split. None: the replica's GPUs, divided by pipeline.",
            maximum=1024,
            examples=[8],
        ),
        "pipeline": whole(
            "Pipeline parallelism",
            "Into how many stages the layers are cut. None: one for each of gpu.nodes.",
            maximum=1024,
            examples=[1],
        ),
    },
    default={},
    examples=[{"tensor": 8, "pipeline": 1}],
)

QUANTIZATION = text(
    "Quantization",
    "How the weights are quantized, in the engine's term; none.",
    pattern="^[a-z0-9]+([-_][a-z0-9]+)*$",
    meant="write the engine's word, like fp8 or awq, or none",
    maxLength=63,
    default="none",
    examples=["fp8"],
)

ARCHITECTURE = section(
    "Architecture",
    "The figures that decide whether the model fits its GPUs, from its config.json. None: those we know by source.uri.",
    {
        "parameters": whole("Parameters", "All of its parameters.", maximum=10**14, examples=[8030261248]),
        "layers": whole("Layers", "num_hidden_layers.", maximum=10_000, examples=[32]),
        "kv_heads": whole("KV heads", "num_key_value_heads.", maximum=10_000, examples=[8]),
        "head_dim": whole(
            "Head size", "head_dim, else hidden_size / num_attention_heads.", maximum=10_000, examples=[128]
        ),
        "attention_heads": whole("Attention heads", "num_attention_heads.", maximum=10_000, examples=[32]),
        "dtype": choice(
            "Data type",
            "How the weights are stored: torch_dtype; float8 where they were quantized to 8 bits already.",
            ["bfloat16", "float16", "float32", "float8"],
        ),
    },
    required=["parameters", "layers", "kv_heads", "head_dim", "attention_heads", "dtype"],
    examples=[
        {
            "parameters": 8030261248,
            "layers": 32,
            "kv_heads": 8,
            "head_dim": 128,
            "attention_heads": 32,
            "dtype": "bfloat16",
        }
    ],
)

KV_CACHE_DTYPE = choice(
    "KV cache data type",
    "How keys and values are stored. auto: as the model computes.",
    ["auto", "fp8_e4m3", "fp8_e5m2"],
    default="auto",
)

ADAPTERS = listing(
    "Adapters",
    "LoRA adapters served on the model, each under a name of its own.",
    section(
        "Adapter",
        "One LoRA adapter.",
        {
            "name": text(
                "Name",
                "The name that clients ask for.",
                pattern=_ADAPTER_NAME,
                meant="write it without spaces, commas and equals signs",
                examples=["support-tone"],
            ),
            "source": text(
                "Source",
                "Where its weights come from.",
                format="byoc-source",
                maxLength=1000,
                examples=["hf://acme/llama-support-tone", "pvc://adapters/support-tone"],
            ),
        },
        required=["name", "source"],
        examples=[{"name": "support-tone", "source": "hf://acme/llama-support-tone"}],
    ),
    default=[],
    maxItems=100,
    examples=[[{"name": "support-tone", "source": "hf://acme/llama-support-tone"}]],
)


WEIGHTS_CACHE = section(
    "Weights cache",
    "A volume that keeps what was downloaded. None: each pod downloads for itself.",
    {
        "claim": label(
            "Claim",
            "A PersistentVolumeClaim in fireworks-models; with several replicas, one that many nodes may write to.",
            examples=["weights"],
        ),
        "stage": flag(
            "Stage",
            "One Job fetches the weights into the claim, and replicas only read them there and connect to nowhere. For "
            "hf:// only, and the claim is no other model's.",
            default=False,
            examples=[True],
        ),
    },
    required=["claim"],
    examples=[{"claim": "weights"}],
)
