# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the product does not do, however a contract asks for it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .errors import shown
from .views import entries, mapping

_TRAINING = re.compile(
    r"^((supervised|reinforcement|continued|lora|full)_?)?(fine_?tun(e|ed|es|ing)|(pre_?)?train(ing|er)?|sft|rft|dpo)"
    r"(_?(jobs?|runs?|models?))?$"
)
_KINDS = ("kind", "task", "type", "job")
_REASON = (
    "fine-tuning and training jobs are not supported in customers' clusters, only inference. "
    "The contract's owner removes it; Fireworks' own platform offers fine-tuning, and its result can be served here"
)


def training(data: Mapping[Any, Any]) -> Iterator[tuple[tuple[Any, ...], str]]:
    """Every place where ``data`` asks for training or fine-tuning, with the product's reason for refusing it."""
    yield from _in_mapping((), data)
    models = data.get("models")
    for index, model in enumerate(models if isinstance(models, list) else []):
        if isinstance(model, Mapping):
            yield from _in_mapping(("models", index), model)


def chosen_images(data: Mapping[Any, Any]) -> Iterator[tuple[tuple[Any, ...], str]]:
    """Every place where a model names an image of its own, with where images come from."""
    allowed = mapping(data, "compliance").get("registries")
    registries = [one for one in allowed if isinstance(one, str)] if isinstance(allowed, list) else []
    known = f"compliance.registries ({', '.join(registries)})" if registries else "Fireworks' own registry"
    for index, model in entries(data, "models"):
        for place, parent in (((), model), (("engine",), mapping(model, "engine"))):
            if "image" in parent:
                reason = f"a model names no image. It comes by digest with engine.version, out of {known}"
                advice = "the API server refuses any other. The contract's owner removes this one"
                yield ("models", index, *place, "image"), f"{shown(parent['image'])}: {reason}, and {advice}"


def _in_mapping(place: tuple[Any, ...], mapping: Mapping[Any, Any]) -> Iterator[tuple[tuple[Any, ...], str]]:
    for key, value in mapping.items():
        if _is_training(key):
            yield (*place, key), _REASON
        elif key in _KINDS and _is_training(value):
            yield (*place, key), f"'{value}': {_REASON}"


def _is_training(word: Any) -> bool:
    return isinstance(word, str) and bool(_TRAINING.match(word.strip().lower().replace("-", "_").replace(" ", "_")))
