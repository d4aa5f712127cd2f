# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a customer's GPU cluster already runs before we come."""

from __future__ import annotations

from typing import Any

GPU_NAMESPACE = "gpu-operator"
DEVICE_PLUGIN = "nvidia-device-plugin-daemonset"


def device_plugin() -> list[dict[str, Any]]:
    """The standard NVIDIA device plugin on every GPU node."""
    labels = {"app": DEVICE_PLUGIN}
    pod = {
        "metadata": {"labels": labels, "annotations": {"testbed/load-seconds": "0"}},
        "spec": {
            "nodeSelector": {"nvidia.com/gpu.present": "true"},
            "priorityClassName": "system-node-critical",
            "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
            "containers": [{"name": "nvidia-device-plugin", "image": "nvidia/k8s-device-plugin:v0.18.0"}],
        },
    }
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": GPU_NAMESPACE}},
        {
            "apiVersion": "apps/v1",
            "kind": "DaemonSet",
            "metadata": {"name": DEVICE_PLUGIN, "namespace": GPU_NAMESPACE, "labels": labels},
            "spec": {"selector": {"matchLabels": labels}, "template": pod},
        },
    ]
