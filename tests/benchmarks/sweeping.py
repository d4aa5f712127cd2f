# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole fleet looked at: one task for all clusters, a task for each of them, and what Ansible costs alone."""

from __future__ import annotations

from pathlib import Path

from byoc_testbed import ClusterSpec, NodePool
from tests.benchmarks.fleet import playbook

SERVERS = 4
"""API servers of the testbed. The hosts of a fleet share them: two cores do not hold a hundred."""

HEALTH = {"sources": {"dcgm_exporter": False, "node_problem_detector": False}}
"""Of the contracts: simulated nodes have neither."""


def specs() -> list[ClusterSpec]:
    """Clusters of two GPU nodes each."""
    return [ClusterSpec(f"sweep-{number}", pools=[NodePool("h100", count=2)]) for number in range(SERVERS)]


def task_each(folder: Path) -> str:
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
    kept = "contract | fireworks.byoc.swept_health(byoc_health, '', '', 'never', 'warning', false)"
    lines = {"ansible.builtin.set_fact": {"rows": "{{ (" + kept + ").rows }}"}}
    every = "query('ansible.builtin.inventory_hostnames', 'byoc') | map('extract', hostvars)"
    rows = "{{ " + every + " | map(attribute='rows') | flatten }}"
    report = {"fireworks.byoc.run_result": {"playbook": "health", "reports": [{"rows": rows}]}}
    return playbook(folder, "task_each", [judge, lines], [report])
