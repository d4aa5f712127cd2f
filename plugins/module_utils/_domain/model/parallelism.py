# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How one replica is spread over its GPUs."""

from __future__ import annotations

from ..capacity import gpus_per_replica, nodes_per_replica
from ..contract.typed import Model


def tensor_and_pipeline(model: Model) -> tuple[int, int]:
    """Over how many GPUs each layer is split, and into how many stages the layers are cut.

    Their product is the GPUs of a replica. What the contract does not say: one stage on each node, and all GPUs of it.
    """
    spread = model.get("parallelism") or {}
    pipeline = int(spread.get("pipeline") or nodes_per_replica(model))
    return int(spread.get("tensor") or gpus_per_replica(model) // pipeline), pipeline
