# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold inside a contract's ``health``. Each rule tolerates data that other checks refuse."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .capacity_rules import approved_gpus
from .errors import shown
from .names import did_you_mean
from .views import entries, mapping

Data = Mapping[Any, Any]
Found = Iterator[tuple[tuple[Any, ...], str]]


def said_once(data: Data) -> Found:
    """A product, a code and a class are each spoken of once."""
    for section, key in (("expect", "product"), ("xids", "code"), ("faults", "class")):
        first: dict[Any, int] = {}
        for index, entry in entries(mapping(data, "health"), section):
            value = entry.get(key)
            if isinstance(value, (str, int)) and value in first:
                message = f"{shown(value)} is in {section}[{first[value]}] already: keep one of them"
                yield ("health", section, index, key), message
            elif isinstance(value, (str, int)):
                first[value] = index


def expected_is_approved(data: Data) -> Found:
    """Nodes are described of products that are approved."""
    approved = approved_gpus(data)
    for index, entry in entries(mapping(data, "health"), "expect"):
        product = entry.get("product")
        if approved and isinstance(product, str) and product not in approved:
            message = f"{shown(product)} is not approved in capacity.gpus: {did_you_mean(product, list(approved))}"
            yield ("health", "expect", index, "product"), message


HEALTH_RULES: tuple[Callable[[Data], Found], ...] = (said_once, expected_is_approved)
