# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet of many clusters for whole playbooks: each has a contract of its own, and they share a few API servers."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from demo.contracts import H100, contract, write_fleet

RELEASE = {"app.kubernetes.io/managed-by": "fireworks-byoc", "byoc.fireworks.ai/release": "2026.11.0"}

EMPTY_TASK = ({"ansible.builtin.set_fact": {"one": 1}},)
"""For each host, nothing of ours: what Ansible itself costs."""


def stack(cluster: Any) -> None:
    """As much of a stack as a plan reads: its components, by their labels."""
    for name in ("fireworks-system", "fireworks-models"):
        cluster.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    for name in ("router", "telemetry"):
        labels = {**RELEASE, "byoc.fireworks.ai/component": name}
        pods = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": name, "image": "x"}]}}
        spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": pods}
        body = {"metadata": {"name": name, "labels": labels}, "spec": spec}
        cluster.request("POST", "/apis/apps/v1/namespaces/fireworks-system/deployments", body)


def inventory(folder: Path, clusters: Sequence[Any], hosts: int, **sections: Any) -> Path:
    """So many hosts, of which four have the same customer, with these sections in each contract.

    A fleet allows no UID twice. So each contract has one that no cluster has, and the connection asks for none.
    """
    made = []
    for number in range(hosts):
        kubeconfig = clusters[number % len(clusters)].kubeconfig
        where = {"kubeconfig": kubeconfig, "provider": "aws", "region": "here", "gpus": {H100: 16}}
        agreed = contract(f"customer{number // 4}-eu-{number}", uid=str(uuid.UUID(int=number + 1)), **where)
        agreed["access"]["context"] = clusters[number % len(clusters)].name  # customers that share a credential name it
        made.append({**agreed, **sections})
    nobody = {"byoc_connection": "byoc_connection | combine({'cluster_uid': none})"}
    return write_fleet(folder, made, compose=nobody)


def playbook(folder: Path, name: str, tasks: Sequence[Any], after: Sequence[Any] = (), hosts: str = "byoc") -> str:
    """A playbook of tasks for each cluster, and some once after them; none: the inventory, and the play's start."""
    path = folder / f"{name}.yml"
    plays = [{"hosts": hosts, "gather_facts": False, "strategy": "ansible.builtin.free", "tasks": list(tasks)}]
    if after:
        plays.append({"hosts": "localhost", "gather_facts": False, "tasks": list(after)})
    path.write_text(json.dumps(plays))
    return str(path)
