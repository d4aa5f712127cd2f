# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fabric manager, which trains the NVSwitches inside a machine: where there is one, and which states are bad there.

DCGM reports a state of it on other hardware too: PCIe cards have no NVSwitch, boards of four GPUs are wired directly, a
virtual machine with a few of a board's GPUs has its host's, and GB200 has the rack's.
"""

from __future__ import annotations

import re

_SETTLED = 900.0
"""Seconds: a machine that has just started is still training."""
_FAILED = {4: "failed"}
_NOT_TRAINED = {1: "not started"}
_STUCK = {2: "still in progress"}
# By the label nvidia.com/gpu.product, where nothing of PCIe or NVL follows: HGX boards of Ampere, Hopper and Blackwell,
# DGX-2. MIG and sharing add to a name, and change nothing of the machine.
_ON_HGX = re.compile(
    r"(?:NVIDIA-|Tesla-)?"
    r"(?:V100-SXM3|A[18]00-SXM4?|H(?:100|200|800|20)|B[123]00)(?:-\d+GB|-HBM\w+|-SXM\d*|-3e|-AC)*"
    r"(?:-SHARED|-MIG-\S+)?",
    re.IGNORECASE,
)
_SMALL_BOARD = 4


def has_fabric_manager(product: str, gpus: int) -> bool:
    """Whether a machine with so many whole GPUs of a product is known to run a fabric manager of its own."""
    return gpus > _SMALL_BOARD and bool(_ON_HGX.fullmatch(product))


def bad_states(product: str, gpus: int, up_for: float) -> dict[int, str]:
    """What is wrong, by the states of ``DCGM_FI_DEV_FABRIC_MANAGER_STATUS`` that are bad on this machine.

    A failure is one everywhere. up_for: how long the machine has been up, in seconds.
    """
    if not has_fabric_manager(product, gpus):
        return _FAILED
    return _FAILED | _NOT_TRAINED | (_STUCK if up_for > _SETTLED else {})
