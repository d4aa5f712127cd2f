# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What preflight says of the public endpoint, from the network of a real node: a gateway's TLS before the real router.

The gateway's own program is a stand-in that ends TLS. The name, the certificate, the way and the router are real.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from byoc_testbed import Testbed
from demo.contracts import write_fleet
from demo.customers import make_gateway
from tests.beds import h100
from tests.integration.ansible_runs import ROOT, ansible_environment, run_playbook
from tests.integration.journey import NO_BAKE, NO_REQUESTS, play
from tests.integration.serving import ON_REAL_NODES, served_by, serving_cluster
from tests.integration.through_router import Door
from tests.unit.operations.test_endpoint_info import KEY, certificate

pytestmark = [pytest.mark.slow, pytest.mark.soak, ON_REAL_NODES]

DOMAIN, ADDRESS = "llm.acme.example", "10.77.0.1"
GATEWAYS = "/apis/gateway.networking.k8s.io/v1/namespaces/gateway-system/gateways"
PRIVATE = KEY.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
Items = dict[str, dict[str, Any]]
"""By their check."""


class Site:
    """A cluster with a gateway's address in the network of its first node, where the operator works too."""

    def __init__(self, cluster: Any, folder: Path) -> None:
        self.cluster, self.folder = cluster, folder
        self.hosts, self.pem, self.authority = folder / "hosts", folder / "gateway.pem", folder / "authority.pem"
        self.authority.write_bytes(certificate([], 365, authority=True))
        self.known()

    def inside(self, *command: str) -> list[str]:
        real = self.cluster.real
        return list(real.in_network_of(real.names[0], command))

    def known(self, *names: str) -> None:
        """Which names lead to the gateway: what the customer's DNS would say."""
        self.hosts.write_text("127.0.0.1 localhost\n" + "".join(f"{ADDRESS} {name}\n" for name in names))

    def presents(self, names: list[str], days: float) -> None:
        self.pem.write_bytes(certificate(names, days) + PRIVATE)

    @contextmanager
    def gateway(self) -> Iterator[None]:
        """The program behind the gateway's address, before the router's Service."""
        door = Door(self.cluster)
        subprocess.run(self.inside("ip", "address", "replace", f"{ADDRESS}/32", "dev", "lo"), check=True)
        front = (sys.executable, "-m", "tests.integration.tls_front")
        command = self.inside(*front, ADDRESS, "443", str(self.pem), door.host, str(door.port))
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline(), "the gateway does not listen"
                yield
            finally:
                process.kill()

    def preflight(self, contract: dict[str, Any]) -> Items:
        """What the role says of the endpoint, each item by its check."""
        said = self.folder / "items.json"
        tasks = [
            {"ansible.builtin.include_role": {"name": "fireworks.byoc.preflight"}},
            {"ansible.builtin.copy": {"content": "{{ preflight_items | to_json }}", "dest": str(said), "mode": "0600"},
             "delegate_to": "localhost"},
        ]  # fmt: skip
        playbook = self.folder / "preflight.yml"
        defaults = {"group/fireworks.byoc.cluster": {"connection": "{{ byoc_connection }}"}}
        given = {"preflight_ask_private_addresses": True, "preflight_fail": False}
        play = {"hosts": "byoc", "gather_facts": False, "module_defaults": defaults, "vars": given, "tasks": tasks}
        playbook.write_text(json.dumps([play]))
        environment = ansible_environment(SSL_CERT_FILE=str(self.authority))
        inventory = write_fleet(self.folder, [contract])
        moved = Moved(self.cluster.real.network_of(self.cluster.real.names[0]), self.hosts)
        done = run_playbook("-i", str(inventory), str(playbook), environment=environment, prepare=moved)
        assert done.returncode == 0, done.stdout
        return {one["check"]: one for one in json.loads(said.read_text())}


class Moved:
    """Takes a process into a node's network, with names of its own."""

    def __init__(self, network: Path, hosts: Path) -> None:
        self._network, self._hosts = network, hosts

    def __call__(self) -> None:
        with self._network.open() as network:
            os.setns(network.fileno(), os.CLONE_NEWNET)
        os.unshare(os.CLONE_NEWNS)
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)
        subprocess.run(["mount", "--bind", str(self._hosts), "/etc/hosts"], check=True)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    spec = serving_cluster("acme", [h100(3, 4, "aws")], {})
    with Testbed.start([replace(spec, gateway_api=True)]) as bed:
        yield Site(bed["acme"], tmp_path_factory.mktemp("site"))


def test_the_name_the_certificate_and_the_answer_are_judged_one_after_the_other(site: Site, tmp_path: Path) -> None:
    cluster = site.cluster
    make_gateway(cluster)
    address = {"addresses": [{"type": "IPAddress", "value": ADDRESS}]}
    cluster.request("PATCH", f"{GATEWAYS}/public/status", {"status": address}, "application/merge-patch+json")
    contract = served_by(cluster)
    contract["networking"] = {"domain": DOMAIN, "gateway": {"name": "public", "namespace": "gateway-system"}}
    onboarded = play("onboard", tmp_path, [contract], *NO_REQUESTS, *NO_BAKE)
    assert onboarded.returncode == 0, onboarded.stdout

    service = cluster.request("GET", "/api/v1/namespaces/default/services/kubernetes")["spec"]["clusterIP"]
    contract["access"]["credential"] = {
        "kubeconfig_file": str(cluster.kubeconfig_with(site.folder / "inside.kubeconfig", server=f"https://{service}"))
    }
    below = f"{contract['models'][0]['name']}.{DOMAIN}"
    nothing = site.preflight(contract)
    assert f"Create {DOMAIN}. A {ADDRESS}, *.{DOMAIN}. A {ADDRESS}." in nothing["DNS record"]["message"]
    assert nothing["public endpoint"]["ok"] is False
    assert "does not answer" in nothing["public endpoint"]["message"]

    site.known(DOMAIN, below)
    site.presents([DOMAIN], 3)
    with site.gateway():
        soon = site.preflight(contract)
        assert soon["DNS record"]["ok"] is True
        assert f"it is not for {below}; it ends soon" in soon["certificate"]["message"]
        assert soon["public endpoint"]["ok"] is True

    site.presents([DOMAIN, f"*.{DOMAIN}"], 90)
    with site.gateway():
        good = site.preflight(contract)
        checks = [good[check] for check in ("DNS record", "certificate", "public endpoint")]
        assert [one["ok"] for one in checks] == [True] * 3, checks
        assert good["public endpoint"]["found"].startswith(f"HTTP 200 at {ADDRESS}, asked from ")
