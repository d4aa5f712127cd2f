# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real nodes of one cluster: starting them, entering them, ending them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from ..build import SOURCES
from ..errors import TestbedError
from ..process import OWNER, Lifeline, Process, wait_for_file
from . import cgroups, node, places
from .dns import ClusterDns
from .images import Image, write_archive
from .keeper import HUB
from .missing import real_nodes_missing
from .programs import STANDIN, ensure_program

_SECONDS = 60.0
_AT_ONCE = 2
"""Images that are written, or that a node takes, at a time."""


class RealNodes:
    """A sealed network with a hub, where the control plane is, and nodes around it."""

    def __init__(self, folder: Path, names: Sequence[str], lifeline: Lifeline) -> None:
        if reason := real_nodes_missing():
            raise TestbedError(reason)
        for keeper in cgroups.leftovers():
            cgroups.remove(keeper)
        self.names = list(names)
        self._folder = folder
        self._lifeline = lifeline
        self._processes: list[Process] = []
        self._dns: ClusterDns | None = None
        self._begun: list[Future[node.NodeFolder]] = []
        self._standin = ensure_program(STANDIN)
        answer = folder / "holders.json"
        self._keeper = self._python("keeper", str(self._standin), str(answer), *names)
        wait_for_file(answer, self._keeper, seconds=_SECONDS)
        made = json.loads(answer.read_text(encoding="utf-8"))
        self._holders: dict[str, int] = made["holders"]
        self._cgroups: dict[str, str] = made["cgroups"]
        self._link()

    def in_hub(self, command: Sequence[str]) -> list[str]:
        """A command line that runs in the hub's network, beside the control plane."""
        return ["nsenter", f"--net=/proc/{self._holders[HUB]}/ns/net", "--", *command]

    def in_network_of(self, name: str, command: Sequence[str]) -> list[str]:
        """A command line that runs in a node's network: its Services are reached through that node's kube-proxy."""
        return ["nsenter", f"--net={self.network_of(name)}", "--", *command]

    def network_of(self, name: str) -> Path:
        """The file of a node's network, which a process can enter."""
        return Path(f"/proc/{self._holders[name]}/ns/net")

    def in_node(self, name: str, command: Sequence[str]) -> list[str]:
        """A command line that runs on a node, and sees no other processes, mounts or networks than that node's."""
        return ["nsenter", f"--target={self._holders[name]}", "--mount", "--uts", "--net", "--pid", "--", *command]

    def let_in(self, port: int) -> None:
        """Let this machine's loopback reach a port of the hub."""
        self._python("relay", str(self._holders[HUB]), str(port))

    def start_dns(self, kubeconfig: Path) -> None:
        """Start the cluster's DNS."""
        self._dns = ClusterDns(self.in_hub, self._folder, kubeconfig, self._lifeline)
        self._dns.start()

    @property
    def dns(self) -> ClusterDns:
        """The cluster's DNS, to stop it or to let it answer in another way."""
        if self._dns is None:
            raise TestbedError("these nodes have no DNS: ClusterSpec(dns=True)")
        return self._dns

    def begin(self, ca_file: Path, proxy: Path, images: Sequence[Image], *, dns: bool) -> None:
        """Begin what needs no API server, beside its start: each node's containerd, with these images.

        :param proxy: the kubeconfig of all kube-proxies. :param dns: whether pods are told of the cluster's DNS.
        """

        def take(name: str, archive: Future[Path]) -> None:
            importing = self.in_node(name, node.image_import(archive.result()))
            self._until(lambda: _succeeds(importing), f"containerd of node {name} takes no images")

        def begin(index: int, name: str) -> node.NodeFolder:
            folder = self._prepare(index, name, ca_file, proxy, dns)
            self._on_node(folder, name, "containerd", node.containerd(folder), GOMAXPROCS="2")
            # What all share first: none of the others waits for another one that brings it.
            take(name, small)
            list(writers.map(partial(take, name), large))
            return folder

        pause = Image(node.PAUSE, ["/usr/local/bin/standin", "idle"])
        writers = ThreadPoolExecutor(_AT_ONCE)
        small = writers.submit(self._archive, "images", [pause, *(one for one in images if not one.tools)])
        large = [
            writers.submit(self._archive, f"image-{number}", [one])
            for number, one in enumerate(one for one in images if one.tools)
        ]
        nodes = ThreadPoolExecutor(len(self.names))
        self._begun = [nodes.submit(begin, index, name) for index, name in enumerate(self.names)]
        nodes.shutdown(wait=False)

    def start(self, binary: Path, kubelets: Mapping[str, Path]) -> None:
        """Start every node's kubelet, by its kubeconfig, and kube-proxy, as soon as it has its images."""
        for index, (name, begun) in enumerate(zip(self.names, self._begun, strict=True)):
            folder = begun.result()
            self._on_node(folder, name, "kube-proxy", node.kube_proxy(binary, folder))
            self._on_node(folder, name, "kubelet", node.kubelet(binary, folder, name, index, kubelets[name]))

    def check(self) -> None:
        """Raise if a process of a node has ended, with the end of its log."""
        for process in self._processes:
            process.check()

    def stop(self) -> None:
        """End everything: every process, mount, network device and control group."""
        if self._dns:
            self._dns.stop()
        self._keeper.end()
        for process in self._processes:
            process.kill()

    def _archive(self, name: str, images: Sequence[Image]) -> Path:
        path = self._folder / f"{name}.tar"
        write_archive(path, self._standin, images)
        return path

    def _prepare(self, index: int, name: str, ca_file: Path, proxy: Path, dns: bool) -> node.NodeFolder:
        folder = node.NodeFolder(self._folder / name)
        folder.cni.mkdir(parents=True)
        folder.containerd.write_text(node.containerd_configuration(folder), encoding="utf-8")
        (folder.cni / "pods.conflist").write_text(node.cni_configuration(index), encoding="utf-8")
        folder.kubelet.write_text(node.kubelet_configuration(ca_file, self._cgroups[name], dns=dns), encoding="utf-8")
        folder.proxy.write_text(node.proxy_configuration(name, proxy), encoding="utf-8")
        self._do(self.in_node(name, ["sh", "-c", node.setup_script()]), f"node {name} cannot be set up")
        return folder

    def _on_node(self, folder: node.NodeFolder, name: str, what: str, command: Sequence[str], **more: str) -> None:
        self._processes.append(
            Process(
                self.in_node(name, command),
                name=f"{what} of {name}",
                log=folder.path / f"{what}.log",
                lifeline=self._lifeline,
                folder=folder.path,
                environment={OWNER: "", **more},  # it ends with its node, and sees no owner from inside
            )
        )

    def _link(self) -> None:
        nodes = {name: self._holders[name] for name in self.names}
        self._do(self.in_hub(["ip", "-batch", "-"]), "the hub's network cannot be made", places.hub_links(nodes))
        for index, name in enumerate(self.names):
            links = places.node_links(index, len(self.names))
            self._do(self.in_network_of(name, ["ip", "-batch", "-"]), f"{name}'s network cannot be made", links)

    def _python(self, module: str, *arguments: str) -> Process:
        started = Process(
            [sys.executable, "-m", f"byoc_testbed.real.{module}", *arguments],
            name=module,
            log=self._folder / f"{module}.log",
            lifeline=self._lifeline,
            folder=self._folder,
            environment={"PYTHONPATH": str(SOURCES)},
        )
        self._processes.append(started)
        return started

    def _do(self, command: Sequence[str], otherwise: str, text: str = "") -> None:
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        if done.returncode:
            raise TestbedError(f"{otherwise}: {done.stderr.strip() or done.stdout.strip()}")

    def _until(self, check: Callable[[], Any], otherwise: str) -> None:
        deadline = time.monotonic() + _SECONDS
        while not check():
            self.check()
            if time.monotonic() > deadline:
                raise TestbedError(f"after {_SECONDS:g} s: {otherwise}")
            time.sleep(0.1)


def _succeeds(command: Sequence[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
