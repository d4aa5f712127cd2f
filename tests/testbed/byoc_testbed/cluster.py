# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One running cluster, and what a test may do with it."""

from __future__ import annotations

import re
import secrets
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from . import breakage, components, customs
from .api import Api
from .errors import ApiError, TestbedError
from .files import write_private
from .kubeconfig import write_kubeconfig
from .kubectl import find_kubectl
from .namespaces import remove_namespaces
from .nodes import is_ready, nodes_of, now, size_of
from .objects import DEVICE_PLUGIN, GPU_NAMESPACE, device_plugin
from .pki import Authority, signing_key
from .ports import HeldPort
from .process import Lifeline, Process
from .real.nodes import RealNodes
from .real.places import HUB
from .spec import ClusterSpec
from .stages import stages

_START_SECONDS = 60.0
_SYSTEM = {
    "controllers": "system:kube-controller-manager",
    "scheduler": "system:kube-scheduler",
    "kubelets": "testbed:kubelets",
}


class Cluster:
    """A Kubernetes cluster: its own API server and authority, and nodes that kwok plays."""

    def __init__(self, spec: ClusterSpec, folder: Path, binary: Path, etcd_endpoint: str, lifeline: Lifeline) -> None:
        folder.mkdir(mode=0o700)
        self.spec = spec
        self.name = spec.name
        self.uid = ""
        self.token = secrets.token_urlsafe(24)
        self.port = HeldPort()
        self.server = f"https://127.0.0.1:{self.port.number}"
        self._binary = binary
        self._endpoint = etcd_endpoint
        self._lifeline = lifeline
        self._folder = components.Folder(folder)
        self._processes: dict[str, Process] = {}
        self._real: RealNodes | None = None
        self._lock = threading.Lock()
        self._authority = Authority(folder, spec.name)
        self.ca_file = self._authority.certificate_file
        self.audit_log = self._folder.audit_log
        self._write_credentials()
        self.kubeconfig = self.kubeconfig_with(folder / f"{spec.name}.kubeconfig", user="admin", token=self.token)
        self.api = Api(self.server, self.ca_file, self.token)

    # -- start and stop ---------------------------------------------------------------------------

    def start(self) -> None:
        """Start everything and wait until the nodes are there and the device plugin runs."""
        if self.spec.real_nodes:
            self._real = RealNodes(
                self._folder.path, [each["metadata"]["name"] for each in self._nodes()], self._lifeline
            )
            self._real.let_in(self.port.number)
            proxy = self._kubeconfig_in_hub("system:kube-proxy")
            self._real.begin(self.ca_file, proxy, self.spec.images, dns=self.spec.dns)
        self.start_apiserver()
        self.uid = self._until(self._kube_system_uid, "the namespace kube-system is not there")
        if self.spec.controllers:
            self._run(components.controller_manager(self._binary, self._folder, self.spec.node_lease_seconds))
        if self.spec.scheduler:
            self._run(components.scheduler(self._binary, self._folder))
        customs.install(self.api, self._binary.parent, self.spec)
        self._create_nodes()
        if self._real:
            if self.spec.dns:
                self._real.start_dns(self._kubeconfig_in_hub("testbed:dns", ["system:masters"]))
            self._start_real_nodes(self._real)
        elif self.spec.kubelets:
            self._start_kwok()
        if self.spec.device_plugin:
            self.api.create_many(device_plugin(), threads=1)
            if self.spec.controllers and self.spec.scheduler and self.spec.kubelets:
                self._until(self._device_plugin_runs, "the device plugin does not run")

    def stop(self) -> None:
        """End every process of the cluster."""
        if self._real:
            self._real.stop()
        for process in self._processes.values():
            process.kill()
        self._processes.clear()
        self.api.close()
        self.port.close()

    def start_apiserver(self) -> None:
        """Start the API server and wait until it is ready. Harmless when it runs."""
        if "kube-apiserver" in self._processes:
            return
        arguments = components.apiserver(
            self._binary,
            self._folder,
            self.name,
            self._endpoint,
            self.port.number,
            self.spec.audit,
            real_nodes=self.spec.real_nodes,
        )
        # Its start is mostly garbage: collecting it a quarter as often saves a fifth of the time.
        self._run(arguments, {"GOGC": "400"})
        self._until(self.api.is_ready, "the API server is not ready")

    def stop_apiserver(self) -> None:
        """Make the cluster unreachable: connections are refused. Everything else goes on."""
        server = self._processes.pop("kube-apiserver", None)
        if server:
            server.kill()

    # -- credentials ------------------------------------------------------------------------------

    def kubeconfig_for(self, user: str, groups: Sequence[str] = ()) -> Path:
        """A kubeconfig with a client certificate of any user in any groups."""
        path = self._folder.path / f"{_file_name(user, *groups)}.kubeconfig"
        return write_kubeconfig(
            path, self.name, self.server, self.ca_file, user, pair=self._authority.client(user, groups)
        )

    def kubeconfig_for_service_account(self, namespace: str, name: str, seconds: int = 3600) -> Path:
        """A kubeconfig with a token of a service account (the server grants at least 600 seconds)."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        asked = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": seconds},
        }
        token = self.request("POST", path, asked)["status"]["token"]
        user = f"system:serviceaccount:{namespace}:{name}"
        return self.kubeconfig_with(self._folder.path / f"{_file_name(user)}.kubeconfig", user=user, token=token)

    def kubeconfig_with(
        self, path: Path, *, user: str = "someone", token: str = "", server: str = "", ca_file: Path | None = None
    ) -> Path:
        """A kubeconfig at a path of your own, with a server, token or authority that may be wrong."""
        return write_kubeconfig(
            path, self.name, server or self.server, ca_file or self.ca_file, user, token=token or self.token
        )

    # -- requests ---------------------------------------------------------------------------------

    def request(self, method: str, path: str, body: Any = None, content_type: str = "") -> Any:
        """One request as the administrator; ``ApiError`` (with ``.status``) if it is refused."""
        return self.api.request(method, path, body, content_type)

    def remove_namespaces(self, *names: str) -> None:
        """Remove namespaces at once, with all that is in them."""
        remove_namespaces(self.api, *names)

    def create_many(self, objects: Iterable[Mapping[str, Any]], threads: int = 16) -> list[Any]:
        """Create many objects at once."""
        return self.api.create_many(objects, threads)

    def kubectl(self, *arguments: str) -> str:
        """What kubectl answers, as the administrator."""
        kubectl = find_kubectl()
        if not kubectl:
            raise TestbedError("kubectl is neither beside this Python nor on PATH; make setup brings it")
        command = [kubectl, f"--kubeconfig={self.kubeconfig}", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        if done.returncode:
            raise TestbedError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    @property
    def real(self) -> RealNodes:
        """The real nodes, for what runs inside of them."""
        if self._real is None:
            raise TestbedError(f"cluster {self.name} has no real nodes")
        return self._real

    # -- behaviour --------------------------------------------------------------------------------

    @property
    def nodes(self) -> list[str]:
        """The names of the nodes."""
        items = self.request("GET", "/api/v1/nodes?resourceVersion=0")["items"]
        return sorted(item["metadata"]["name"] for item in items)

    def set_load_seconds(self, seconds: float) -> None:
        """How long pods take from start to Ready; for those that are on the way it begins anew."""
        write_private(self._folder.stages, stages(seconds))
        self._processes.pop("kwok").kill()
        self._start_kwok()

    def break_node(self, name: str, kind: str, **how: Any) -> None:
        """Break a node until ``repair_node``.

        ``not-ready``    heartbeats stop, and the node is Unknown once its lease has run out; its pods are left as
                         they are. With ``status="False"`` the kubelet itself says so, at once.
        ``condition``    post a condition: ``type``, ``status`` ("True"), ``reason``, ``message``.
        ``allocatable``  offer only so many GPUs: ``gpus``.
        """
        breakage.break_node(self.api, name, kind, **how)

    def repair_node(self, name: str) -> None:
        """Undo every breakage of a node."""
        breakage.repair_node(self.api, name)

    def memory_mib(self) -> dict[str, int]:
        """Resident memory of each process."""
        return {name: process.rss_mib() for name, process in self._processes.items()}

    def processor_seconds(self) -> dict[str, float]:
        """Processor time that each process has used so far."""
        return {name: process.processor_seconds() for name, process in self._processes.items()}

    def describe(self) -> dict[str, str]:
        """The cluster in words for another process."""
        return {
            "name": self.name,
            "uid": self.uid,
            "server": self.server,
            "kubeconfig": str(self.kubeconfig),
            "ca_file": str(self.ca_file),
        }

    # -- inside -----------------------------------------------------------------------------------

    def _write_credentials(self) -> None:
        folder = self._folder
        serving = self._authority.server()
        folder.serving_certificate.write_bytes(serving.certificate)
        write_private(folder.serving_key, serving.key)
        folder.egress.write_text(components.no_egress(folder))
        kubelet_client = self._authority.client("kube-apiserver-kubelet-client", ["system:masters"])
        folder.kubelet_client.write_bytes(kubelet_client.certificate)
        write_private(folder.kubelet_client_key, kubelet_client.key)
        front_proxy = self._authority.client(components.FRONT_PROXY)
        folder.front_proxy.write_bytes(front_proxy.certificate)
        write_private(folder.front_proxy_key, front_proxy.key)
        write_private(folder.service_account_key, signing_key())
        tokens = {who: secrets.token_urlsafe(24) for who in _SYSTEM}
        lines = [f'{self.token},admin,admin,"system:masters"']
        for who, user in _SYSTEM.items():
            groups = ',"system:masters"' if who == "kubelets" else ""
            lines.append(f"{tokens[who]},{user},{user}{groups}")
            self.kubeconfig_with(folder.kubeconfig(who), user=user, token=tokens[who])
        write_private(folder.tokens, "\n".join(lines) + "\n")
        write_private(folder.scheduler, components.scheduler_configuration(folder, self.spec.scheduler_extender))
        write_private(folder.audit_policy, components.audit_policy())
        write_private(folder.stages, stages(self.spec.load_seconds))

    def _create_nodes(self) -> None:
        made = self._nodes()
        if self._real:  # a real node says itself what it is
            made = [{**each, "status": {}} for each in made]
        self.api.create_many(made)

    def _nodes(self) -> list[dict[str, Any]]:
        made: list[dict[str, Any]] = []
        for pool in self.spec.pools:
            made += nodes_of(pool, len(made), now())
        return made

    def _start_real_nodes(self, real: RealNodes) -> None:
        kubelets = {name: self._kubeconfig_in_hub(f"system:node:{name}", ["system:nodes"]) for name in real.names}
        real.start(self._binary, kubelets)
        for made in self._nodes():
            path = f"/api/v1/nodes/{made['metadata']['name']}"
            self._until(partial(self._is_ready, path), f"{path} is not Ready")
            self.request("PATCH", f"{path}/status", {"status": size_of(made)})

    def _is_ready(self, node: str) -> bool:
        return is_ready(self.request("GET", node))

    def _kubeconfig_in_hub(self, user: str, groups: Sequence[str] = ()) -> Path:
        server = f"https://{HUB}:{self.port.number}"
        path = self._folder.path / f"{_file_name(user, *groups)}.kubeconfig"
        return write_kubeconfig(path, self.name, server, self.ca_file, user, pair=self._authority.client(user, groups))

    def _run(self, arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        name = arguments[1]
        with self._lock:
            self._processes[name] = Process(
                self._real.in_hub(arguments) if self._real else arguments,
                name=name,
                log=self._folder.path / f"{name}.log",
                lifeline=self._lifeline,
                folder=self._folder.path,
                environment=environment,
            )

    def _start_kwok(self) -> None:
        self._run(components.kwok(self._binary, self._folder, self.spec.node_lease_seconds))

    def _kube_system_uid(self) -> str:
        try:
            return str(self.request("GET", "/api/v1/namespaces/kube-system")["metadata"]["uid"])
        except ApiError as error:
            if error.status != 404:
                raise
            return ""

    def _device_plugin_runs(self) -> bool:
        path = f"/apis/apps/v1/namespaces/{GPU_NAMESPACE}/daemonsets/{DEVICE_PLUGIN}"
        status = self.request("GET", path)["status"]
        wanted = sum(pool.count for pool in self.spec.pools if pool.gpus_per_node)
        return bool(status.get("numberReady", 0) >= wanted)

    def _until(self, check: Callable[[], Any], otherwise: str) -> Any:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            answer = check()
            if answer:
                return answer
            for process in list(self._processes.values()):
                process.check()
            if self._real:
                self._real.check()
            if time.monotonic() > deadline:
                tails = "\n".join(f"{name}: {each.tail(3)}" for name, each in self._processes.items())
                raise TestbedError(f"cluster {self.name}: after {_START_SECONDS:g} s {otherwise}\n{tails}")
            time.sleep(0.05)


def _file_name(*words: str) -> str:
    return re.sub(r"[^A-Za-z0-9.-]+", "-", "-".join(("user", *words)))
