# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NVIDIA's device plugin, known among those of others by what it is called."""

from __future__ import annotations

# github.com/NVIDIA/k8s-device-plugin: its image also runs feature discovery and the control daemon of MPS. The others
# are NVIDIA's too, and give GPUs to virtual machines, or give network cards.
_SOMETHING_ELSE = ("feature-discovery", "mps-control", "sandbox", "kubevirt", "sriov", "rdma", "mellanox")


def is_device_plugin(*texts: str) -> bool:
    """Whether names, labels, images or commands are those of what offers NVIDIA's GPUs to containers.

    The plugins of AMD and Intel are called alike ("amdgpu-device-plugin", "rocm/k8s-device-plugin"), so NVIDIA's name
    has to be there. One that is called otherwise is not found, and no harm done: offered GPUs are proof enough of it.
    """
    said = [text.lower() for text in texts]
    named = any("nvidia" in text and "device-plugin" in text for text in said)
    return named and not any(word in text for text in said for word in _SOMETHING_ELSE)
