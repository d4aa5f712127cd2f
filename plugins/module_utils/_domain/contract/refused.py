# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the product does not do, however a contract asks for it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_TRAINING = re.compile(
    r"^(supervised_|reinforcement_)?(fine_?tun(e|ed|es|ing)|train(ing|er)?|sft|rft|dpo)(_?(jobs?|runs?|models?))?$"
)
_KINDS = ("kind", "task", "type", "job")
_REASON = (
    "fine-tuning and training jobs are not supported in customers' clusters, only inference. "
    "Remove it; Fireworks' own platform offers fine-tuning, and its result can be served here"
)


def training(data: Mapping[Any, Any]) -> Iterator[tuple[tuple[Any, ...], str]]:
    """Every place where ``data`` asks for training or fine-tuning, with the product's reason for refusing it."""
    yield from _in_mapping((), data)
    models = data.get("models")
    for index, model in enumerate(models if isinstance(models, list) else []):
        if isinstance(model, Mapping):
            yield from _in_mapping(("models", index), model)


def _in_mapping(place: tuple[Any, ...], mapping: Mapping[Any, Any]) -> Iterator[tuple[tuple[Any, ...], str]]:
    for key, value in mapping.items():
        if _is_training(key):
            yield (*place, key), _REASON
        elif key in _KINDS and _is_training(value):
            yield (*place, key), f"'{value}': {_REASON}"


def _is_training(word: Any) -> bool:
    return isinstance(word, str) and bool(_TRAINING.match(word.strip().lower().replace("-", "_").replace(" ", "_")))
