# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a support bundle asks of telemetry, answered by a real Prometheus."""

from __future__ import annotations

import http.server
import json
import socket
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.support.scope import Scope
from tests.tools import monitoring

SERIES = b"""\
vllm:num_requests_waiting{model="llama",node="gpu-1",pod="llama-0"} 3
vllm:num_requests_waiting{model="qwen",node="gpu-2",pod="qwen-0"} 9
DCGM_FI_DEV_GPU_TEMP{node="gpu-1",gpu="0"} 61
something_else{model="llama",node="gpu-1"} 1
"""


class _Exporter(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(SERIES)

    def log_message(self, *_arguments: Any) -> None:
        pass


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    program = monitoring.command("prometheus")
    if program is None:
        pytest.skip(monitoring.lacking("prometheus"))
    folder: Path = tmp_path_factory.mktemp("prometheus")
    exporter = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Exporter)
    threading.Thread(target=exporter.serve_forever, daemon=True).start()
    scraped = {"job_name": "models", "static_configs": [{"targets": [f"127.0.0.1:{exporter.server_port}"]}]}
    (folder / "prometheus.yml").write_text(
        json.dumps({"global": {"scrape_interval": "1s"}, "scrape_configs": [scraped]})
    )
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    words = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    process = subprocess.Popen([*program, *words, f"--web.listen-address=127.0.0.1:{port}"], stderr=subprocess.DEVNULL)
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(timeout=30)
    exporter.shutdown()
    exporter.server_close()


@pytest.mark.soak
@pytest.mark.parametrize(
    ("node", "model", "names"),
    [
        ("", "llama", {"vllm:num_requests_waiting"}),
        ("gpu-1", "", {"vllm:num_requests_waiting", "DCGM_FI_DEV_GPU_TEMP"}),
    ],
)
def test_a_bundle_asks_for_what_is_of_its_node_or_model_and_for_nothing_else(
    prometheus: str, node: str, model: str, names: set[str]
) -> None:
    query = Scope(node, model, time.time(), 1800, 600).metrics_query()
    url = f"{prometheus}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
    deadline = time.monotonic() + 60
    found: list[dict[str, Any]] = []
    while not found:
        assert time.monotonic() < deadline, "Prometheus has nothing"
        time.sleep(0.5)
        with suppress(OSError), urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 (its own)
            found = json.load(answer)["data"]["result"]
    assert {one["metric"]["__name__"] for one in found} == names
    assert all(one["metric"].get("node") == "gpu-1" and one["values"] for one in found)
