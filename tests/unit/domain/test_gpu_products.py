# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes without GPU feature discovery are understood by their cloud's labels, and told; no model gets their GPUs."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.gpu_products import (
    UNKNOWN,
    product_of,
    says_that_it_has_gpus,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.pods import DEVICE_PLUGIN, pod_record
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.inventory import gpu_inventory, node_view
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.room import room_of
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.nvidia_parts import is_device_plugin
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.preflight import preflight
from tests.unit.domain.agreed import RELEASE, contract, facts, model
from tests.unit.domain.raw import H100, node

GKE, TYPE = "cloud.google.com/gke-accelerator", "node.kubernetes.io/instance-type"
KARPENTER, AUTO = "karpenter.k8s.aws/instance-gpu-name", "eks.amazonaws.com/instance-gpu-name"
EIGHT = {"nvidia.com/gpu": "8"}


@pytest.mark.parametrize(
    ("labels", "product"),
    [
        ({GKE: "nvidia-h100-80gb"}, H100),
        ({GKE: "nvidia-h100-mega-80gb", f"{GKE}-count": "8"}, H100),
        ({GKE: "nvidia-tesla-a100"}, "NVIDIA-A100-SXM4-40GB"),
        ({GKE: "nvidia-l4", "cloud.google.com/gke-gpu-sharing-strategy": "time-sharing"}, "NVIDIA-L4-SHARED"),
        ({GKE: "nvidia-tesla-a100", "cloud.google.com/gke-gpu-partition-size": "1g.5gb"},
         "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb"),
        ({GKE: "nvidia-tesla-v100"}, "Tesla-V100-SXM2-16GB"),
        ({GKE: "nvidia-gb200"}, "NVIDIA-GB200"),
        ({"doks.digitalocean.com/gpu-brand": "nvidia", "doks.digitalocean.com/gpu-model": "h100"}, H100),
        ({"doks.digitalocean.com/gpu-model": "l40s"}, "NVIDIA-L40S"),
        ({TYPE: "p3.8xlarge"}, "Tesla-V100-SXM2-16GB"),
        ({TYPE: "p3dn.24xlarge"}, "Tesla-V100-SXM2-32GB"),
        ({TYPE: "p6e-gb200.36xlarge"}, "NVIDIA-GB200"),
        ({TYPE: "Standard_NC24rs_v3"}, "Tesla-V100-PCIE-16GB"),
        ({TYPE: "VM.GPU3.2"}, "Tesla-V100-SXM2-16GB"),
        ({TYPE: "BM.GPU.GB200.4"}, "NVIDIA-GB200"),
        ({TYPE: "BM.GPU.L40S-NC.4"}, "NVIDIA-L40S"),
        ({TYPE: "p5.48xlarge", KARPENTER: "h100"}, H100),
        ({TYPE: "p4d.24xlarge", KARPENTER: "a100"}, "NVIDIA-A100-SXM4-40GB"),
        ({TYPE: "p4de.24xlarge", AUTO: "a100"}, "NVIDIA-A100-SXM4-80GB"),
        ({TYPE: "g6e.12xlarge", "k8s.amazonaws.com/accelerator": "nvidia-tesla-t4"}, "NVIDIA-L40S"),
        ({TYPE: "g5.48xlarge"}, "NVIDIA-A10G"),
        ({TYPE: "Standard_ND96isr_H100_v5", "kubernetes.azure.com/accelerator": "nvidia"}, H100),
        ({TYPE: "Standard_NC24ads_A100_v4"}, "NVIDIA-A100-80GB-PCIe"),
        ({TYPE: "BM.GPU.H100.8"}, H100),
        ({TYPE: "BM.GPU4.8"}, "NVIDIA-A100-SXM4-40GB"),
        ({TYPE: "gd-8xh200ib-i128", "gpu.nvidia.com/model": "H200"}, "NVIDIA-H200"),
        ({"gpu.nvidia.com/class": "H100_NVLINK_80GB"}, H100),
        ({TYPE: "gpu-b200-sxm"}, "NVIDIA-B200"),
        ({TYPE: "h100-80gb-sxm-ib.8x"}, H100),
        # The hardware itself, as GPU feature discovery read it, has the last word.
        ({"nvidia.com/gpu.product": "NVIDIA-H200", TYPE: "p5.48xlarge"}, "NVIDIA-H200"),
    ],
)  # fmt: skip
def test_a_product_is_told_by_the_labels_of_the_cloud(labels: dict[str, str], product: str) -> None:
    assert product_of(labels, EIGHT) == product
    assert says_that_it_has_gpus(labels)


@pytest.mark.parametrize(
    ("labels", "has_gpus"),
    [
        ({GKE: "nvidia-h400"}, True),
        ({GKE: "nvidia-l4", TYPE: "p5.48xlarge"}, True),
        ({KARPENTER: "a100"}, False),
        ({TYPE: "Standard_ND96isr_H900_v9", "kubernetes.azure.com/accelerator": "nvidia"}, True),
        ({"k8s.amazonaws.com/accelerator": "nvidia-tesla-v100"}, True),
        ({"gpu.nvidia.com/model": "H100"}, False),
        ({TYPE: "Standard_NV36ads_A10_v5"}, False),
        ({"doks.digitalocean.com/gpu-brand": "nvidia", "doks.digitalocean.com/gpu-model": "rtx9000"}, True),
        ({"doks.digitalocean.com/gpu-brand": "amd", "doks.digitalocean.com/gpu-model": "mi300x"}, False),
        ({TYPE: "g5g.xlarge"}, False),
        ({TYPE: "m7i.large"}, False),
        ({"amd.com/gpu.product-name": "MI300X", TYPE: "BM.GPU.MI300X.8"}, False),
        ({"cloud.google.com/gke-tpu-accelerator": "tpu-v5-lite-podslice"}, False),
        ({}, False),
    ],
)
def test_what_no_table_tells_is_unknown_and_never_another_product(labels: dict[str, str], has_gpus: bool) -> None:
    assert product_of(labels, EIGHT) == ""
    assert says_that_it_has_gpus(labels) is has_gpus
    found = gpu_inventory([node_view(node("n1", product="", labels=labels))], [])
    assert list(found["products"]) == [UNKNOWN]
    assert found["total"]["free"] == 0


def without_discovery(name: str, labels: dict[str, str]) -> dict[str, Any]:
    return node_view(node(name, product="", labels=labels))


def test_gpus_that_models_cannot_select_are_counted_and_are_not_free() -> None:
    nodes = [without_discovery("n1", {GKE: "nvidia-h100-80gb"}), node_view(node("n2"))]
    found = gpu_inventory(nodes, [])["products"][H100]
    assert (found["nodes"], found["allocatable"], found["free"]) == (2, 16, 8)
    assert found["closed"] == [{"why": "no label nvidia.com/gpu.product", "gpus": 8}]
    assert room_of("m", H100, nodes, [], []).free == {"n2": 8}


def test_preflight_says_what_a_node_has_and_which_label_is_missing() -> None:
    raw = [node("n1", product="", labels={GKE: "nvidia-h100-80gb"}), node("n2", product="", labels={TYPE: "metal.8"})]
    items = {item["check"]: item for item in preflight(facts(nodes=raw), contract(models=[model()]), RELEASE)}
    labels, free = items["GPU labels"], items[f"free {H100}"]
    assert labels["message"] == (
        f"n2: {UNKNOWN}; n1: {H100} by {GKE}=nvidia-h100-80gb. Models select their nodes by the label "
        "nvidia.com/gpu.product, which is missing there, so they get none of these GPUs. Install NVIDIA's GPU feature "
        "discovery, which sets it."
    )
    assert (labels["blocking"], labels["owner"], labels["found"]) == (
        False, "customer", "2 of 2 GPU nodes without nvidia.com/gpu.product")  # fmt: skip
    assert free["blocking"]
    assert free["message"].endswith(" Models cannot use 8 (no label nvidia.com/gpu.product).")


@pytest.mark.parametrize(
    ("texts", "nvidias"),
    [
        (("nvidia-device-plugin-daemonset", "x"), True),
        (("nvdp-nvidia-device-plugin", "mirror.example/k8s-device-plugin:v0.17"), True),
        (("plugin", "nvcr.io/nvidia/k8s-device-plugin:v0.17.1"), True),
        (("nvidia-gpu-device-plugin-large-cos", "gke.gcr.io/nvidia-gpu-device-plugin@sha256:0"), True),
        (("amdgpu-device-plugin-daemonset", "rocm/k8s-device-plugin"), False),
        (("intel-gpu-plugin", "intel/intel-gpu-device-plugin:0.30"), False),
        (("gpushare-device-plugin-ds", "registry.example/k8s-gpushare-plugin"), False),
        (("kube-sriov-device-plugin", "ghcr.io/k8snetworkplumbingwg/sriov-network-device-plugin"), False),
        (("rdma-shared-dp-ds", "nvcr.io/nvidia/cloud-native/k8s-rdma-shared-dev-plugin"), False),
        (("gpu-feature-discovery", "nvcr.io/nvidia/k8s-device-plugin:v0.17.1"), False),
        (("gfd", "nvcr.io/nvidia/k8s-device-plugin:v0.17.1", "['gpu-feature-discovery']"), False),
        (("nvdp-nvidia-device-plugin-mps-control-daemon", "nvcr.io/nvidia/k8s-device-plugin:v0.17.1"), False),
        (("nvidia-sandbox-device-plugin-daemonset", "nvcr.io/nvidia/kubevirt-gpu-device-plugin"), False),
    ],
)
def test_only_nvidias_device_plugin_is_nvidias(texts: tuple[str, ...], nvidias: bool) -> None:
    assert is_device_plugin(*texts) is nvidias
    pod = {"metadata": {"name": "p-x7k2f", "labels": {"app": texts[0]}}, "spec": {"nodeName": "n1"}}
    if "device-plugin" in texts[0]:
        assert ((pod_record(pod) or {}).get("part") == DEVICE_PLUGIN) is nvidias
