# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which GPUs a node has: by GPU feature discovery's label, else by the labels of the cloud that made the node.

Names are those of ``nvidia.com/gpu.product``, as contracts use them. Pods of ours select their nodes by that label
alone, and guardrails hold them to it, so a product that only a cloud's label tells is known and not usable: see
docs/decisions/0030-products-without-feature-discovery.md. What is not in the tables, or is told differently by two
labels, is unknown: it is never mistaken for something alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .gpu_units import in_parts
from .names import GPU_PRODUCT_LABEL

Labels = Mapping[str, Any]

UNKNOWN = "GPUs of an unknown product"

_A10, _A10G, _L4, _L40, _L40S, _T4 = "NVIDIA-A10", "NVIDIA-A10G", "NVIDIA-L4", "NVIDIA-L40", "NVIDIA-L40S", "Tesla-T4"
_A100_40, _A100_80 = "NVIDIA-A100-SXM4-40GB", "NVIDIA-A100-SXM4-80GB"
_A100_PCIE, _H100_NVL = "NVIDIA-A100-80GB-PCIe", "NVIDIA-H100-NVL"
_H100, _H200, _B200, _GB200 = "NVIDIA-H100-80GB-HBM3", "NVIDIA-H200", "NVIDIA-B200", "NVIDIA-GB200"
_V100_16, _V100_32, _V100_PCIE = "Tesla-V100-SXM2-16GB", "Tesla-V100-SXM2-32GB", "Tesla-V100-PCIE-16GB"

# cloud.google.com, "Run GPUs in GKE Standard node pools" and "GPU platforms": the accelerator's type is the value.
_GKE = {
    "nvidia-tesla-t4": _T4,
    "nvidia-tesla-v100": _V100_16,
    "nvidia-l4": _L4,
    "nvidia-tesla-a100": _A100_40,
    "nvidia-a100-80gb": _A100_80,
    "nvidia-h100-80gb": _H100,
    "nvidia-h100-mega-80gb": _H100,
    "nvidia-h200-141gb": _H200,
    "nvidia-b200": _B200,
    "nvidia-gb200": _GB200,
}
# docs.digitalocean.com/products/kubernetes, "Use GPU Worker Nodes"; its H100 and H200 are those of HGX boards.
_DOKS = {"h100": _H100, "h200": _H200, "l40s": _L40S}
# karpenter.sh, "Scheduling", and docs.aws.amazon.com/eks, "Create a Node Pool for EKS Auto Mode". An "a100" has 40 or
# 80 GB: the instance type, which such nodes have too, says which.
_EC2_GPU = {"t4": _T4, "l4": _L4, "a10g": _A10G, "l40s": _L40S, "h100": _H100, "h200": _H200, "b200": _B200}
# docs.coreweave.com, "Advanced Label Selectors". A plain "H100" may be several products.
_COREWEAVE = {"A100_NVLINK_80GB": _A100_80, "A100_PCIE_80GB": _A100_PCIE, "H100_NVLINK_80GB": _H100, "H200": _H200}
_INSTANCES = {
    # docs.aws.amazon.com/ec2, "Amazon EC2 accelerated computing instance specifications".
    "p4d.24xlarge": _A100_40,
    "p4de.24xlarge": _A100_80,
    "p5.4xlarge": _H100,
    "p5.48xlarge": _H100,
    "p5e.48xlarge": _H200,
    "p5en.48xlarge": _H200,
    "p6-b200.48xlarge": _B200,
    "p6e-gb200.36xlarge": _GB200,
    "p3dn.24xlarge": _V100_32,
    # learn.microsoft.com/azure/virtual-machines/sizes, "GPU accelerated".
    "Standard_NC4as_T4_v3": _T4,
    "Standard_NC8as_T4_v3": _T4,
    "Standard_NC16as_T4_v3": _T4,
    "Standard_NC64as_T4_v3": _T4,
    "Standard_NC6s_v3": _V100_PCIE,
    "Standard_NC12s_v3": _V100_PCIE,
    "Standard_NC24s_v3": _V100_PCIE,
    "Standard_NC24rs_v3": _V100_PCIE,
    "Standard_NC24ads_A100_v4": _A100_PCIE,
    "Standard_NC48ads_A100_v4": _A100_PCIE,
    "Standard_NC96ads_A100_v4": _A100_PCIE,
    "Standard_NC40ads_H100_v5": _H100_NVL,
    "Standard_NC80adis_H100_v5": _H100_NVL,
    "Standard_ND96asr_v4": _A100_40,
    "Standard_ND96amsr_A100_v4": _A100_80,
    "Standard_ND96isr_H100_v5": _H100,
    "Standard_ND96isr_H200_v5": _H200,
    # docs.oracle.com/iaas, "Compute Shapes".
    "VM.GPU3.1": _V100_16,
    "VM.GPU3.2": _V100_16,
    "VM.GPU3.4": _V100_16,
    "BM.GPU3.8": _V100_16,
    "VM.GPU.A10.1": _A10,
    "VM.GPU.A10.2": _A10,
    "BM.GPU.A10.4": _A10,
    "BM.GPU4.8": _A100_40,
    "BM.GPU.B4.8": _A100_40,
    "BM.GPU.A100-v2.8": _A100_80,
    "BM.GPU.L40S.4": _L40S,
    "BM.GPU.L40S-NC.4": _L40S,
    "BM.GPU.H100.8": _H100,
    "BM.GPU.H200.8": _H200,
    "BM.GPU.B200.8": _B200,
    "BM.GPU.GB200.4": _GB200,
    # docs.coreweave.com, "GPU instances".
    "gd-8xl40-i128": _L40,
    "gd-8xh100ib-i128": _H100,
    "gd-8xh200ib-i128": _H200,
    # docs.nebius.com/compute, "Types of virtual machines and GPUs": the label has the platform.
    "gpu-h100-sxm": _H100,
    "gpu-h200-sxm": _H200,
    "gpu-b200-sxm": _B200,
}
# Whole families, with every size. docs.aws.amazon.com/ec2, as above; docs.crusoecloud.com, "Instance types", which its
# cloud-controller-manager puts into the label.
_FAMILIES = {
    "p3.": _V100_16,
    "g4dn.": _T4,
    "g5.": _A10G,
    "g6.": _L4,
    "g6e.": _L40S,
    "gr6.": _L4,
    "l40s-48gb.": _L40S,
    "a100-80gb.": _A100_PCIE,
    "a100-80gb-sxm-ib.": _A100_80,
    "h100-80gb-sxm-ib.": _H100,
}

_BY_VALUE: dict[str, Mapping[str, str]] = {
    "cloud.google.com/gke-accelerator": _GKE,
    "karpenter.k8s.aws/instance-gpu-name": _EC2_GPU,
    "eks.amazonaws.com/instance-gpu-name": _EC2_GPU,
    "doks.digitalocean.com/gpu-model": _DOKS,
    "gpu.nvidia.com/model": _COREWEAVE,
    "gpu.nvidia.com/class": _COREWEAVE,
}
_INSTANCE_TYPE = "node.kubernetes.io/instance-type"
# They say that there are GPUs of NVIDIA's, and no more. The first: learn.microsoft.com/azure/aks, "Use labels". The
# second is the cluster autoscaler's for AWS, where people write what they like ("A10" for an A10G). The third is DOKS'.
_ONLY_THAT_THERE_ARE = (
    "kubernetes.azure.com/accelerator",
    "k8s.amazonaws.com/accelerator",
    "doks.digitalocean.com/gpu-brand",
)
_NVIDIA = "nvidia"

LABELS = (*_BY_VALUE, _INSTANCE_TYPE, *_ONLY_THAT_THERE_ARE, "cloud.google.com/gke-")
"""What of a node's labels has to be kept for this, by how it begins."""


def is_labelled(labels: Labels) -> bool:
    """Whether pods of ours can select the node."""
    return bool(labels.get(GPU_PRODUCT_LABEL))


def says_that_it_has_gpus(labels: Labels) -> bool:
    """Whether any label says that the node has, or should have, GPUs of NVIDIA's."""
    vendors = (str(labels.get(key, "")) for key in ("cloud.google.com/gke-accelerator", *_ONLY_THAT_THERE_ARE))
    return is_labelled(labels) or bool(told_by(labels)) or any(one.startswith(_NVIDIA) for one in vendors)


def told_by(labels: Labels) -> dict[str, str]:
    """Which products the labels of clouds tell, each by its label as kubectl shows it."""
    found = {}
    for key, table in _BY_VALUE.items():
        if product := table.get(str(labels.get(key, ""))):
            found[f"{key}={labels[key]}"] = product
    if product := _of_instance(str(labels.get(_INSTANCE_TYPE, ""))):
        found[f"{_INSTANCE_TYPE}={labels[_INSTANCE_TYPE]}"] = product
    return found


def product_of(labels: Labels, capacity: Mapping[str, Any]) -> str:
    """The product of a node's GPUs; empty where nothing tells it, or labels contradict each other.

    Parts of GPUs are called as GPU feature discovery would call them, so that nobody takes them for whole ones.
    """
    if is_labelled(labels):
        return str(labels[GPU_PRODUCT_LABEL])
    products = set(told_by(labels).values())
    if len(products) != 1:
        return ""
    [product] = products
    size = labels.get("cloud.google.com/gke-gpu-partition-size")
    parts = f"-MIG-{size}" if size else "-SHARED"
    return product + parts if in_parts(labels, capacity) else product


def _of_instance(kind: str) -> str:
    families = (product for family, product in _FAMILIES.items() if kind.startswith(family))
    return _INSTANCES.get(kind) or next(families, "")
