# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""By which priority classes the GPUs of each product are counted: a quota tells pods apart by nothing else.

The first product of the contract has the classes without a product in their names, as where it is the only one: a
second product then changes nothing about the pods that run. See docs/decisions/0029-gpus-counted-by-product.md.
"""

from __future__ import annotations

from .capacity import approved
from .contract.typed import Contract
from .names import PRIORITIES, priority_class, product_class

SINCE = 2
"""The version of the prerequisites that made these classes."""
CANARY_PRIORITY = "batch"
"""The priority of a canary where it has one: it waits for free GPUs, and pushes nobody aside."""
PLAIN = tuple(map(priority_class, PRIORITIES))
"""The classes without a product in their names."""


def own_classes(contract: Contract) -> dict[str, str]:
    """The classes with a product in their names, each with its product.

    Of the only or the first product too: its pods keep them when a product before it goes.
    """
    return {product_class(word, product): product for product in approved(contract) for word in PRIORITIES}


def counted_classes(contract: Contract) -> dict[str, list[str]]:
    """By product, the classes of the pods that count against it."""
    first = next(iter(approved(contract)), "")
    return {
        product: [*(PLAIN if product == first else ()), *(product_class(word, product) for word in PRIORITIES)]
        for product in approved(contract)
    }


def is_counted_by_product(contract: Contract) -> bool:
    """Whether there is more to count than the sum."""
    return len(approved(contract)) > 1


def class_for(contract: Contract, product: str, priority: str, version: int | None = None) -> str:
    """The class of a pod with GPUs of this product.

    :param version: of the prerequisites in the cluster; without one, of those that are still to come: the newest.
    """
    first = next(iter(approved(contract)), "")
    has_its_own = product in approved(contract) and product != first and (version is None or version >= SINCE)
    return product_class(priority, product) if has_its_own else priority_class(priority)
