# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole fleet looked at: one task for all clusters, a task for each of them, and what Ansible costs alone."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from byoc_testbed import ClusterSpec, NodePool
from demo.contracts import H100, contract, write_fleet

SERVERS = 4
"""API servers of the testbed. The hosts of a fleet share them: two cores do not hold a hundred."""

_NO_SOURCES = {"dcgm_exporter": False, "node_problem_detector": False}


def specs() -> list[ClusterSpec]:
    """Clusters of two GPU nodes each."""
    return [ClusterSpec(f"sweep-{number}", pools=[NodePool("h100", count=2)]) for number in range(SERVERS)]


def fleet(folder: Path, clusters: Sequence[Any], hosts: int) -> Path:
    """The inventory of so many hosts, of four customers, that share the API servers.

    A fleet allows no UID twice. So each contract has one that no cluster has, and the connection asks for none.
    """
    made = []
    for number in range(hosts):
        cluster = clusters[number % len(clusters)]
        name = f"{('acme', 'birch', 'cedar', 'dogwood')[number // 4 % 4]}-eu-{number}"
        where = {"kubeconfig": cluster.kubeconfig, "provider": "aws", "region": "here"}
        agreed = contract(name, uid=str(uuid.UUID(int=number + 1)), gpus={H100: 16}, **where)
        made.append({**agreed, "health": {"sources": _NO_SOURCES}})
    source = write_fleet(folder, made)
    nobody = {"byoc_connection": "byoc_connection | combine({'cluster_uid': none})"}
    source.write_text(json.dumps({"plugin": "fireworks.byoc.fleet", "compose": nobody}))
    return source


def nothing(folder: Path) -> Path:
    """A playbook that does nothing with any host: the inventory, and the play's start."""
    return _playbook(folder / "nothing.yml", [])


def empty_task(folder: Path) -> Path:
    """A playbook that runs an empty task for each host: what Ansible itself costs."""
    return _playbook(
        folder / "empty_task.yml", [{"ansible.builtin.meta": "noop"}, {"ansible.builtin.set_fact": {"one": 1}}]
    )


def task_each(folder: Path) -> Path:
    """``fireworks.byoc.health`` as it would be with a task for each cluster."""
    judge = {
        "fireworks.byoc.node_health_info": {
            "connection": "{{ byoc_connection }}",
            "contract": "{{ contract }}",
            "policy": "{{ lookup('fireworks.byoc.fault_policy', contract.health) }}",
        },
        "register": "byoc_health",
        "failed_when": False,
    }
    lines = {
        "ansible.builtin.set_fact": {
            "rows": "{{ contract | fireworks.byoc.health_rows(byoc_health, byoc_health.msg | default('')) }}"
        }
    }
    every = "query('ansible.builtin.inventory_hostnames', 'byoc') | map('extract', hostvars)"
    report = {"fireworks.byoc.report": {"rows": "{{ " + every + " | map(attribute='rows') | flatten }}"}}
    return _playbook(folder / "task_each.yml", [judge, lines], [report])


def _playbook(path: Path, tasks: list[dict[str, Any]], after: Sequence[dict[str, Any]] = ()) -> Path:
    plays = [{"hosts": "byoc", "gather_facts": False, "strategy": "ansible.builtin.free", "tasks": tasks}]
    if after:
        plays.append({"hosts": "localhost", "gather_facts": False, "tasks": list(after)})
    path.write_text(json.dumps(plays))
    return path
