# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The memory of GPUs, by the node label ``nvidia.com/gpu.product``.

In MiB, as nvidia-smi shows it with ECC on, which is what GPU feature discovery puts into ``nvidia.com/gpu.memory``
(github.com/NVIDIA/k8s-device-plugin, docs/gpu-feature-discovery). A cluster that carries that label is believed before
this table. Datasheets count in powers of ten and before ECC, so their 80 GB are less here.
"""

from __future__ import annotations

GPU_MEMORY_MIB = {
    "NVIDIA-A10": 23028,
    "NVIDIA-A10G": 23028,
    "NVIDIA-A40": 46068,
    "NVIDIA-A100-SXM4-40GB": 40960,
    "NVIDIA-A100-PCIE-40GB": 40960,
    "NVIDIA-A100-SXM4-80GB": 81920,
    "NVIDIA-A100-80GB-PCIe": 81920,
    "NVIDIA-L4": 23034,
    "NVIDIA-L40S": 46068,
    "NVIDIA-H100-PCIe": 81559,
    "NVIDIA-H100-80GB-HBM3": 81559,
    "NVIDIA-H100-NVL": 95830,
    "NVIDIA-H200": 143771,
    "NVIDIA-B200": 183359,
}
