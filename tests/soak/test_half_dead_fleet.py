# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sixty clusters, half of them dead in six ways: who lives is read in time, and each has a row.

The living share the three API servers of the testbed. Each cluster has a contract of its own.
"""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from demo.contracts import write_fleet
from tests.benchmarks.measure import idle_share
from tests.integration.ansible_runs import ROOT
from tests.integration.governed import without_bounds
from tests.integration.journey import agreed, line, onboard, wipe
from tests.integration.killing import begin_playbook

LIVING, DEAD = 30, 30
MOST_SECONDS = 20
"""On two idle cores."""
IDLE = 0.7
TABLE = ROOT / "build" / "half-dead-fleet.txt"
NOTHING = "no-such-model"


@dataclass(frozen=True)
class Fleet:
    """An inventory, and the names of its clusters."""

    source: Path
    living: list[str]
    dead: list[str]


@contextmanager
def taking_calls(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """A port where calls are taken; what is done with each."""

    def serve(server: socket.socket) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=once, args=(server.accept()[0],), daemon=True).start()

    def once(call: socket.socket) -> None:
        with suppress(OSError):  # who called is gone
            answer(call)

    with closing(socket.create_server(("127.0.0.1", 0), backlog=128)) as server:
        threading.Thread(target=serve, args=(server,), daemon=True).start()
        yield f"https://127.0.0.1:{server.getsockname()[1]}"
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)


@contextmanager
def dead_ways(cluster: Any) -> Iterator[dict[str, str]]:
    """Addresses at which nothing helpful is, by what is wrong there."""
    kept: list[socket.socket] = []
    folder = Path(cluster.ca_file).parent
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "apiserver.crt", folder / "apiserver.key")
    with ExitStack() as open_ones:
        yield {
            "refused": "https://127.0.0.1:1",
            "silent": open_ones.enter_context(taking_calls(kept.append)),
            "mute": open_ones.enter_context(
                taking_calls(lambda call: kept.append(context.wrap_socket(call, server_side=True)))
            ),
            "cut": open_ones.enter_context(taking_calls(socket.socket.close)),
            "unknown": "https://no-such-host.invalid",
            "unreached": "https://192.0.2.1:6443",  # a network for documentation: packets go nowhere, or are refused
        }


@pytest.fixture(scope="module")
def fleet(bed: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("fleet")
    clusters = list(bed)
    done = onboard(
        tmp_path_factory.mktemp("onboarded"), *[agreed(cluster) for cluster in clusters if cluster.name != "cedar"]
    )
    assert done.returncode == 0, done.stdout
    for cluster in clusters:
        if cluster.name != "cedar":  # it stands for clusters of many contracts, and has the bounds of none
            without_bounds(cluster)
    uids: dict[str, str] = {}
    contracts, living, dead = [], [], []

    def add(cluster: Any, kubeconfig: Path, name: str) -> None:
        number = len(contracts)
        uids[str(kubeconfig)] = cluster.uid
        contracts.append(agreed(cluster, name, uid=str(uuid.UUID(int=number + 1)), kubeconfig=kubeconfig))
        contracts[-1]["access"]["context"] = cluster.name  # customers that share a credential name it
        contracts[-1]["models"] = []
        contracts[-1]["health"] = {"sources": {"dcgm_exporter": False, "node_problem_detector": False}}

    with dead_ways(clusters[0]) as ways:
        for number in range(LIVING):
            cluster = clusters[number % len(clusters)]
            living.append(f"live{number}-eu-1")
            add(cluster, cluster.kubeconfig, living[-1])
        for number in range(DEAD):
            way, server = list(ways.items())[number % len(ways)]
            dead.append(f"{way}{number}-eu-1")
            path = clusters[0].kubeconfig_with(folder / f"{way}.kubeconfig", server=server)
            add(clusters[0], path, dead[-1])
        # The dead are among the living, as they are in a fleet.
        mixed = [contract for pair in zip(contracts[:LIVING], contracts[LIVING:], strict=True) for contract in pair]
        # A fleet allows no UID twice. So the connections get the true ones where they are made.
        true = f"byoc_connection | combine({{'cluster_uid': {uids}[byoc_connection.kubeconfig_file]}})"
        source = write_fleet(folder, mixed, compose={"byoc_connection": true})
        yield Fleet(source, living, dead)
    for cluster in clusters:
        wipe(cluster)


def measured(name: str, fleet: Fleet, *options: str) -> tuple[subprocess.CompletedProcess[str], Mapping[str, float]]:
    """A playbook over the fleet, and what it took; a line of the table."""
    log = fleet.source.with_name(f"{name}.log")
    idle, began = idle_share(seconds=1), time.monotonic()
    running = begin_playbook(f"fireworks.byoc.{name}", "-i", str(fleet.source), *options, log=log)
    _pid, status, usage = os.wait4(running.pid, 0)
    seconds, processor = time.monotonic() - began, usage.ru_utime + usage.ru_stime
    running.returncode = os.waitstatus_to_exitcode(status)
    done = subprocess.CompletedProcess([name], running.returncode, log.read_text())
    said = f"{name:14} {seconds:6.1f} s {processor:6.1f} s of processor time, {idle:4.0%} of the machine idle before"
    TABLE.parent.mkdir(exist_ok=True)
    with TABLE.open("a") as table:
        print(said, file=table)
    print(said)
    return done, {"seconds": seconds, "processor": processor, "idle": idle}


@pytest.mark.parametrize("name", ["status", "health"])
def test_a_fleet_is_read_in_time_though_half_of_it_is_dead(fleet: Fleet, name: str) -> None:
    done, took = measured(name, fleet)
    assert "Traceback" not in done.stdout, done.stdout
    # `health` fails where a cluster could not be judged; `status` shows it.
    assert done.returncode == (2 if name == "health" else 0), done.stdout
    for cluster in fleet.dead:
        assert "the API server did not answer" in line(done, cluster), done.stdout
    for cluster in fleet.living:
        assert "did not answer" not in line(done, cluster), done.stdout
    limit = MOST_SECONDS if took["idle"] > IDLE else 3 * MOST_SECONDS
    assert took["seconds"] <= limit, f"{took}\n{done.stdout[-6000:]}"


def test_a_playbook_that_writes_ends_with_a_row_for_each_cluster(fleet: Fleet) -> None:
    done, _took = measured("retire_model", fleet, "-e", "clusters=byoc", "-e", f"model={NOTHING}")
    assert done.returncode == 2, done.stdout
    for cluster in fleet.living:
        assert "unchanged" in line(done, cluster), done.stdout
    for cluster in fleet.dead:
        assert "failed" in line(done, cluster), done.stdout
    told = " ".join(done.stdout.split())
    assert f"{DEAD} of {LIVING + DEAD} clusters not completed: " in told, done.stdout
