# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A control plane that restarts between two tasks: a run that holds the lock waits, one that only looks does not."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from byoc_testbed import ClusterSpec, Testbed
from tests.integration.ansible_runs import run_playbook
from tests.integration.plays import connection_to

AWAY_SECONDS = 8
"""Without what starting takes. Whoever has no answer yet gives up after 6."""
MAPS = "/api/v1/namespaces/fireworks-system/configmaps"


@pytest.fixture
def cluster() -> Iterator[Any]:
    """An API server alone, whose restart disturbs nobody."""
    alone = ClusterSpec("alone", pools=[], device_plugin=False, controllers=False, scheduler=False, kubelets=False)
    with Testbed.start([alone]) as bed:
        bed["alone"].request("POST", "/api/v1/namespaces", {"metadata": {"name": "fireworks-system"}})
        yield bed["alone"]


@pytest.mark.parametrize("locked", [True, False])
def test_a_control_plane_that_restarts_between_two_tasks_is_waited_for_under_the_lock(
    cluster: Any, tmp_path: Path, locked: bool
) -> None:
    lock = {"run_id": "one", "holder": "sre", "purpose": "remediate"}
    note = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "note", "namespace": "fireworks-system"}}
    reached, away = tmp_path / "reached", tmp_path / "away"
    tasks = [
        {"fireworks.byoc.operation_lock": lock, "register": "byoc_lock", "when": locked},
        {"ansible.builtin.copy": {"dest": str(reached), "content": "", "mode": "0600"}},
        {"ansible.builtin.wait_for": {"path": str(away), "timeout": 60}},
        {"fireworks.byoc.apply_set": {"name": "note", "namespace": "fireworks-system", "definition": note}},
        {"fireworks.byoc.operation_lock": {**lock, "state": "absent"}, "when": locked},
    ]
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
        "module_defaults": {"group/fireworks.byoc.cluster": {"connection": connection_to(cluster)}},
        "tasks": tasks,
    }
    playbook = tmp_path / "play.yml"
    playbook.write_text(json.dumps([play]))
    restart = threading.Thread(target=_restart, args=(cluster, reached, away))
    restart.start()
    done = run_playbook("-i", "localhost,", "-c", "local", str(playbook))
    restart.join()
    there = {item["metadata"]["name"] for item in cluster.request("GET", MAPS)["items"]}
    assert (done.returncode == 0, "note" in there) == (locked, locked), done.stdout
    assert ("the API server did not answer" in done.stdout) is not locked, done.stdout
    leases = cluster.request("GET", "/apis/coordination.k8s.io/v1/namespaces/fireworks-system/leases")["items"]
    assert leases == [], "the lock was not released"


def _restart(cluster: Any, reached: Path, away: Path) -> None:
    deadline = time.monotonic() + 60
    while not reached.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert reached.exists()
    cluster.stop_apiserver()
    away.touch()
    time.sleep(AWAY_SECONDS)
    cluster.start_apiserver()
