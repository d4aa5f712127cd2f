# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which machines have a fabric manager of their own, by what feature discovery calls their GPUs."""

from __future__ import annotations

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.fabric import bad_states, has_fabric_manager

WEEKS = 20 * 86400.0


@pytest.mark.parametrize(
    "product",
    [
        "NVIDIA-A100-SXM4-40GB",
        "NVIDIA-A100-SXM4-80GB",
        "NVIDIA-A800-SXM4-80GB",
        "NVIDIA-H100-80GB-HBM3",
        "NVIDIA-H100-80GB-HBM3-SHARED",
        "NVIDIA-H100-80GB-HBM3-MIG-1g.10gb",
        "NVIDIA-H200",
        "NVIDIA-H800",
        "NVIDIA-H20",
        "NVIDIA-H20-3e",
        "NVIDIA-B200",
        "NVIDIA-B300-SXM6-AC",
        "Tesla-V100-SXM3-32GB",
    ],
)
def test_an_hgx_board_has_a_fabric_manager(product: str) -> None:
    assert has_fabric_manager(product, 8)
    assert bad_states(product, 8, WEEKS) == {1: "not started", 2: "still in progress", 4: "failed"}
    assert bad_states(product, 8, 300.0) == {1: "not started", 4: "failed"}
    assert not has_fabric_manager(product, 4), "four GPUs of a board, or a board of four, have no NVSwitch of their own"


@pytest.mark.parametrize(
    "product",
    [
        "NVIDIA-GB200",
        "NVIDIA-GB300",
        "NVIDIA-GH200-480GB",
        "NVIDIA-H100-PCIe",
        "NVIDIA-H100-NVL",
        "NVIDIA-H200-NVL",
        "NVIDIA-H800-PCIe",
        "NVIDIA-A100-PCIE-40GB",
        "NVIDIA-A100-80GB-PCIe",
        "NVIDIA-L40S",
        "NVIDIA-L4",
        "NVIDIA-A10G",
        "NVIDIA-RTX-PRO-6000-Blackwell-Server-Edition",
        "Tesla-T4",
        "Tesla-V100-SXM2-16GB",
        "",
    ],
)
def test_other_hardware_has_none_and_its_state_says_nothing_until_it_failed(product: str) -> None:
    assert not has_fabric_manager(product, 8)
    assert bad_states(product, 8, WEEKS) == {4: "failed"}
