# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one GPU on offer is: a whole one, or a part of one (a MIG slice, a time slice or MPS share, a vGPU).

A device plugin offers units, and calls them all ``nvidia.com/gpu``; the DCGM exporter, GPU feature discovery and the
contract count whole GPUs. Two of these numbers say something together only where both are known to be of one unit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .names import GPU, GPU_COUNT_LABEL, GPU_PRODUCT_LABEL
from .quantity import count

_REPLICAS_LABEL = "nvidia.com/gpu.replicas"
# MIG strategy "mixed", time slicing with renamed resources, and the vGPUs of KubeVirt's device plugin.
_PART_RESOURCES = ("nvidia.com/mig-", GPU + ".", "nvidia.com/GRID_", "nvidia.com/NVIDIA_")
_MIG_PRODUCT = "-MIG-"
_PART_PRODUCT = re.compile(rf"{_MIG_PRODUCT}|-SHARED$|-\d+[ABCQ]$")
"""As GPU feature discovery ends a product's name: MIG strategy "single", sharing, and the profile of a vGPU."""
# What these labels say where GPUs are whole. The strategy label is no sign: it is set where no GPU is in MIG mode too.
_WHOLE_WHERE = {
    "nvidia.com/gpu.sharing-strategy": ("", "none"),
    "nvidia.com/mig.config": ("", "all-disabled"),
    "nvidia.com/vgpu.present": ("", "false"),
    "cloud.google.com/gke-gpu-partition-size": ("",),
    "cloud.google.com/gke-gpu-sharing-strategy": ("",),
    "cloud.google.com/gke-max-shared-clients-per-gpu": ("", "1"),
}
# Of whole GPUs, in any machine that serves models.
_MOST_IN_A_MACHINE = 16

Labels = Mapping[str, Any]
Resources = Mapping[str, Any]


def offered(resources: Resources) -> int:
    """How many units a node offers, out of its ``capacity`` or ``allocatable``, whatever their resources are called."""
    return sum(count(value) for name, value in resources.items() if name == GPU or name.startswith(_PART_RESOURCES))


def in_parts(labels: Labels, capacity: Resources) -> bool:
    """Whether the node itself says that it offers parts of GPUs."""
    return (
        count(labels.get(_REPLICAS_LABEL, 1)) > 1
        or bool(_PART_PRODUCT.search(str(labels.get(GPU_PRODUCT_LABEL, ""))))
        or any(str(labels.get(label, "")) not in whole for label, whole in _WHOLE_WHERE.items())
        or any(name.startswith(_PART_RESOURCES) and count(value) for name, value in capacity.items())
    )


def whole_by_labels(labels: Labels, capacity: Resources) -> int:
    """How many whole GPUs the node's labels say that it has; 0 where they do not say it.

    In MIG mode the label counts slices. Where GPUs are shared it counts GPUs, if all that is offered agrees with it.
    """
    counted, replicas = count(labels.get(GPU_COUNT_LABEL, 0)), count(labels.get(_REPLICAS_LABEL, 1))
    if not in_parts(labels, capacity):
        return counted if counted <= _MOST_IN_A_MACHINE else 0
    sliced = _MIG_PRODUCT in str(labels.get(GPU_PRODUCT_LABEL, "")) or replicas < 2
    return 0 if sliced or counted * replicas != offered(capacity) else counted


def known_whole(units: int, *, parts: bool, labelled: int, seen: int, agreed: int) -> bool:
    """Whether each unit on offer is known to be a whole GPU: one that is shared would be offered twice at least.

    parts: what ``in_parts`` says. labelled, seen, agreed: whole GPUs by the node's labels, by its exporter and by the
    contract; 0 where nobody says. The contract may be meant in units, so that it comes last.
    """
    return not parts and units < 2 * (labelled or seen or agreed)


def surely_shared(units: int, seen: int) -> bool:
    """Whether so many units cannot be whole GPUs, and are the same number of each GPU that the exporter sees."""
    return bool(seen) and units > _MOST_IN_A_MACHINE and units % seen == 0
