# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs on one node: its files and command lines. Pure: names and addresses in, texts out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from .dns import DOMAIN
from .places import CNI_PLUGINS, HUB, inside, node_address, pod_range

PAUSE = "testbed.local/pause:1"
SOCKET = "/run/containerd/containerd.sock"

# What a kubelet sets for its machine, which here is not its own.
_TUNED = ("vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops", "kernel/keys/root_maxkeys",
          "kernel/keys/root_maxbytes")  # fmt: skip
_PRIVATE = ("/run", "/var/lib/containerd", "/var/lib/kubelet", "/var/lib/cni", "/var/log")


class NodeFolder:
    """Where one node's files lie."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.containerd = path / "containerd.toml"
        self.cni = path / "cni"
        self.kubelet = path / "kubelet.json"
        self.proxy = path / "kube-proxy.json"


def setup_script() -> str:
    """For a shell inside the node: folders that only this node has, in memory, gone with it."""
    lines = ["set -e", *(f"mkdir -p {place}; mount -t tmpfs -o mode=755 node {place}" for place in _PRIVATE)]
    lines += ["mount -t proc proc /proc", "mkdir -p /run/sysctl /run/netns", "echo 1 > /proc/sys/net/ipv4/ip_forward"]
    for name in _TUNED:
        own = "/run/sysctl/" + name.replace("/", ".")
        lines.append(f"cat /proc/sys/{name} > {own}; mount --bind {own} /proc/sys/{name}")
    return "\n".join(lines) + "\n"


def containerd_configuration(folder: NodeFolder) -> str:
    """containerd, as Debian's 1.6 and 1.7 read it."""
    return f"""version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs", "io.containerd.internal.v1.tracing"]
[grpc]
  address = "{SOCKET}"
[plugins."io.containerd.internal.v1.opt"]
  path = "/run/containerd/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE}"
  restrict_oom_score_adj = true
  disable_apparmor = true
  tolerate_missing_hugetlb_controller = true
  disable_hugetlb_controller = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{CNI_PLUGINS}"
    conf_dir = "{folder.cni}"
"""


def cni_configuration(index: int) -> str:
    """A bridge of the node's own for its pods. Nothing is masqueraded: every node has a route to every pod."""
    bridge = {
        "type": "bridge",
        "bridge": "pods",
        "isGateway": True,
        "hairpinMode": True,
        "ipam": {
            "type": "host-local",
            "ranges": [[{"subnet": pod_range(index)}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    return json.dumps({"cniVersion": "0.4.0", "name": "pods", "plugins": [bridge]})


def kubelet_configuration(ca_file: Path, cgroup: str, *, dns: bool) -> str:
    """A kubelet on a machine that it shares."""
    names = {"clusterDNS": [HUB], "clusterDomain": DOMAIN} if dns else {}
    return json.dumps(
        {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "containerRuntimeEndpoint": f"unix://{SOCKET}",
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": str(ca_file)},
            },
            "authorization": {"mode": "Webhook"},
            "registerNode": False,
            "failCgroupV1": False,
            "failSwapOn": False,
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": cgroup,
            "enforceNodeAllocatable": [],
            "oomScoreAdj": 0,
            "resolvConf": "",
            **names,
            # A ConfigMap that changed is in its pods after a minute or so; here within seconds.
            "syncFrequency": "2s",
            "podLogsDir": "/var/log/pods",
            "volumePluginDir": "/var/lib/kubelet/volume-plugins",
            "imageGCHighThresholdPercent": 100,
            "evictionHard": {"memory.available": "0%", "nodefs.available": "0%", "imagefs.available": "0%"},
            # The status is posted once: afterwards the node's size and its GPUs are what the pool says.
            "nodeStatusUpdateFrequency": "24h",
            "nodeStatusReportFrequency": "24h",
            "nodeLeaseDurationSeconds": 8,
            "maxPods": 110,
            "registryPullQPS": 0,
            "shutdownGracePeriod": "0s",
        }
    )


def proxy_configuration(node: str, kubeconfig: Path) -> str:
    """kube-proxy with nftables, which need no module of the kernel that a container host may lack."""
    return json.dumps(
        {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "mode": "nftables",
            "clientConnection": {"kubeconfig": str(kubeconfig)},
            "hostnameOverride": node,
            "clusterCIDR": inside(),
            "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
            "metricsBindAddress": "127.0.0.1:10249",
            "healthzBindAddress": "127.0.0.1:10256",
        }
    )


def containerd(folder: NodeFolder) -> list[str]:
    """The command line of containerd."""
    return ["containerd", "--config", str(folder.containerd)]


def image_import(archive: Path) -> list[str]:
    """The command line that gives the node its images."""
    return ["ctr", "--address", SOCKET, "--namespace", "k8s.io", "images", "import", str(archive)]


def kubelet(binary: Path, folder: NodeFolder, node: str, index: int, kubeconfig: Path) -> Sequence[str]:
    """The command line of the kubelet."""
    return [
        str(binary),
        "kubelet",
        f"--config={folder.kubelet}",
        f"--kubeconfig={kubeconfig}",
        f"--hostname-override={node}",
        f"--node-ip={node_address(index)}",
        "--root-dir=/var/lib/kubelet",
        "--cert-dir=/var/lib/kubelet/pki",
    ]


def kube_proxy(binary: Path, folder: NodeFolder) -> Sequence[str]:
    """The command line of kube-proxy."""
    return [str(binary), "kube-proxy", f"--config={folder.proxy}"]
