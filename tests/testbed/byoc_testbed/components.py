# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Command lines of the control plane. Pure: files and numbers in, arguments out."""

from __future__ import annotations

import json
from pathlib import Path

from .real.places import HUB

SERVICE_RANGE = "198.18.128.0/20"
# A busy machine may be late with heartbeats; a node is not lost for that.
_PATIENCE_SECONDS = 4
FRONT_PROXY = "front-proxy-client"
"""The identity by which an API server passes on what others answer, such as an adapter of metrics."""

# Controllers that a cluster of nodes which do not exist has no use for.
_NOT_NEEDED = (
    "persistentvolume-attach-detach-controller",
    "persistentvolume-expander-controller",
    "bootstrap-signer-controller",
    "token-cleaner-controller",
    "node-route-controller",
    "cloud-node-lifecycle-controller",
    "service-lb-controller",
    "node-ipam-controller",
    "storage-version-migrator-controller",
)


class Folder:
    """Where one cluster's files lie."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.serving_certificate = path / "apiserver.crt"
        self.serving_key = path / "apiserver.key"
        self.service_account_key = path / "service-account.key"
        self.tokens = path / "tokens.csv"
        self.audit_policy = path / "audit-policy.json"
        self.audit_log = path / "audit.log"
        self.egress = path / "egress.json"
        self.kubelet_client = path / "kubelet-client.crt"
        self.kubelet_client_key = path / "kubelet-client.key"
        self.front_proxy = path / "front-proxy.crt"
        self.front_proxy_key = path / "front-proxy.key"
        self.scheduler = path / "scheduler.json"
        self.stages = path / "stages.yaml"
        self.ca = path / "ca.crt"
        self.ca_key = path / "ca.key"

    def kubeconfig(self, who: str) -> Path:
        """The kubeconfig of a part of the control plane."""
        return self.path / f"{who}.kubeconfig"


def etcd(binary: Path, folder: Path) -> list[str]:
    """One etcd for every cluster, on a socket that only this user can reach."""
    return [
        str(binary),
        "etcd",
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-url={etcd_endpoint(folder)}",
        f"--listen-peer-url=unix://{folder}/peer.sock",
    ]


def etcd_endpoint(folder: Path) -> str:
    """Where etcd listens."""
    return f"unix://{folder}/etcd.sock"


def apiserver(
    binary: Path, folder: Folder, name: str, endpoint: str, port: int, audit: bool, *, real_nodes: bool = False
) -> list[str]:
    """The API server of one cluster."""
    arguments = [
        str(binary),
        "kube-apiserver",
        f"--etcd-servers={endpoint}",
        f"--etcd-prefix=/{name}",
        f"--secure-port={port}",
        "--permit-port-sharing=true",
        f"--tls-cert-file={folder.serving_certificate}",
        f"--tls-private-key-file={folder.serving_key}",
        f"--client-ca-file={folder.ca}",
        f"--token-auth-file={folder.tokens}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-signing-key-file={folder.service_account_key}",
        f"--service-account-key-file={folder.service_account_key}",
        f"--service-cluster-ip-range={SERVICE_RANGE}",
        "--profiling=false",
        "--max-requests-inflight=2000",
        "--max-mutating-requests-inflight=1000",
    ]
    arguments += _sealed_in(folder) if real_nodes else _alone(folder)
    if audit:
        arguments += [
            f"--audit-policy-file={folder.audit_policy}",
            f"--audit-log-path={folder.audit_log}",
            "--audit-log-mode=blocking",
        ]
    return arguments


def _alone(folder: Folder) -> list[str]:
    """An API server that only this machine reaches, and that reaches nobody."""
    return [
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        "--endpoint-reconciler-type=none",
        # Nodes are created Ready; this plugin would taint them until a controller looks.
        "--disable-admission-plugins=TaintNodesByCondition",
        f"--egress-selector-config-file={folder.egress}",
    ]


def _sealed_in(folder: Folder) -> list[str]:
    """An API server in the hub of real nodes, which it reaches with their pods and Services, and they it."""
    return [
        "--bind-address=0.0.0.0",
        f"--advertise-address={HUB}",
        f"--kubelet-client-certificate={folder.kubelet_client}",
        f"--kubelet-client-key={folder.kubelet_client_key}",
        "--kubelet-preferred-address-types=InternalIP",
        # No kube-proxy is in the hub, so what aggregated APIs are asked goes straight to their pods.
        "--enable-aggregator-routing=true",
        f"--proxy-client-cert-file={folder.front_proxy}",
        f"--proxy-client-key-file={folder.front_proxy_key}",
        f"--requestheader-client-ca-file={folder.ca}",
        f"--requestheader-allowed-names={FRONT_PROXY}",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
    ]


def no_egress(folder: Folder) -> str:
    """Requests to pods and services go to a socket that nobody listens on: there is no data plane, and what its
    addresses would lead to is not ours to send anything to."""
    transport = {"uds": {"udsName": str(folder.path / "no-data-plane.sock")}}
    selection = {"name": "cluster", "connection": {"proxyProtocol": "HTTPConnect", "transport": transport}}
    return json.dumps(
        {
            "apiVersion": "apiserver.k8s.io/v1beta1",
            "kind": "EgressSelectorConfiguration",
            "egressSelections": [selection],
        }
    )


def controller_manager(binary: Path, folder: Folder, lease_seconds: int) -> list[str]:
    """The controllers of one cluster. A node is lost a little after its lease has run out."""
    return [
        str(binary),
        "kube-controller-manager",
        f"--kubeconfig={folder.kubeconfig('controllers')}",
        "--secure-port=0",
        "--leader-elect=false",
        "--use-service-account-credentials=true",
        f"--service-account-private-key-file={folder.service_account_key}",
        f"--root-ca-file={folder.ca}",
        f"--cluster-signing-cert-file={folder.ca}",
        f"--cluster-signing-key-file={folder.ca_key}",
        "--kube-api-qps=500",
        "--kube-api-burst=1000",
        f"--node-monitor-grace-period={lease_seconds + _PATIENCE_SECONDS}s",
        "--node-monitor-period=1s",
        # A third of what it is elsewhere: what a metric says is seen sooner.
        "--horizontal-pod-autoscaler-sync-period=5s",
        "--profiling=false",
        "--controllers=*," + ",".join(f"-{name}" for name in _NOT_NEEDED),
    ]


def scheduler(binary: Path, folder: Folder) -> list[str]:
    """The scheduler of one cluster."""
    return [str(binary), "kube-scheduler", f"--config={folder.scheduler}", "--secure-port=0"]


def scheduler_configuration(folder: Folder, extender: str = "") -> str:
    """A scheduler that is not held back by its own client and tries again soon."""
    asked = {"urlPrefix": extender, "filterVerb": "filter", "nodeCacheCapable": True, "httpTimeout": "10s"}
    return json.dumps(
        {
            "apiVersion": "kubescheduler.config.k8s.io/v1",
            "kind": "KubeSchedulerConfiguration",
            "leaderElection": {"leaderElect": False},
            "enableProfiling": False,
            "podMaxBackoffSeconds": 2,
            "extenders": [asked] if extender else [],
            "clientConnection": {"kubeconfig": str(folder.kubeconfig("scheduler")), "qps": 1000, "burst": 2000},
        }
    )


def kwok(binary: Path, folder: Folder, lease_seconds: int) -> list[str]:
    """What plays the kubelets of one cluster."""
    return [
        str(binary),
        "kwok",
        f"--kubeconfig={folder.kubeconfig('kubelets')}",
        f"--stages={folder.stages}",
        f"--lease-seconds={lease_seconds}",
    ]


def audit_policy() -> str:
    """Who did what to which object, and no contents (they may be secret)."""
    return json.dumps(
        {
            "apiVersion": "audit.k8s.io/v1",
            "kind": "Policy",
            "omitStages": ["RequestReceived"],
            "rules": [{"level": "Metadata"}],
        }
    )
