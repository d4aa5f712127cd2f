# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``make bench PARTS=router``: what the router costs beside a direct request and beside Envoy that does nothing else,
and what it takes to tell it of a hundred models. All on one machine, in turns; only the proportions mean something.
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.names import SERVING_PORT
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.router.compiled import Served
from tests.benchmarks.measure import BenchmarkError
from tests.benchmarks.router.local import Envoy, addresses, asked, bare, compiled, engines, lmstack, name_of, router
from tests.benchmarks.router.names import Names

MODELS, REPLICAS, NAMES_EACH = 100, 10, 10
ASKED = f"model-{MODELS - 1}"
"""The last one, for a router that looks through its models one by one."""
#: Requests a second, and for how long: below what anything here can do. At the lowest, cores sleep between two
#: requests, and waking them for each hop is most of what is added.
RATES, STEADY_SECONDS = (50, 200, 500), 5.0
WORKERS, PRESSED_SECONDS = 16, 6.0
RELOADS = 6
DIRECT, OURS, BARE, BEFORE = "direct, no router", "ours, 100 models", "bare Envoy", "vllm-router, Python"
_PROGRAM = os.environ.get("LMSTACK_ROUTER", "")
"""Where ``vllm-router`` of the vLLM production stack is, to be measured too: it is in no registry."""


def main(runs: int = 3) -> None:
    """Measure it and show tables."""
    served, seconds = _compiled()
    part = compiled(served)
    size = sum(map(len, part.values())) / 1024
    print(f"\n{MODELS} models with {NAMES_EACH} names each compiled in {seconds * 1000:.0f} ms, {size:.0f} KiB")
    places = {name_of(one.model): addresses(REPLICAS * number, REPLICAS) for number, one in enumerate(served)}
    direct = places[name_of(ASKED)]
    names = Names(places)
    with tempfile.TemporaryDirectory(prefix="byoc-bench-") as scratch, engines(ASKED, direct, STANDIN_TOKEN_MS="0"):
        folder = Path(scratch)
        with ExitStack() as stack:
            ours = stack.enter_context(router(folder / "ours", part, names))
            plain = stack.enter_context(bare(folder / "bare", direct))
            routers = {OURS: ours, BARE: plain}
            if _PROGRAM:
                before = lmstack(_PROGRAM, folder / "before", {one.model: places[name_of(one.model)] for one in served})
                routers[BEFORE] = stack.enter_context(before)
            urls = {DIRECT: f"http://{direct[0]}:{SERVING_PORT}/v1/completions"}
            urls |= {name: one.url for name, one in routers.items()}
            for rate in RATES:
                _steadily(urls, rate, _requests(folder, rate), runs)
            file = _requests(folder, RATES[0])
            _pressed(urls, file, runs, routers)
            _told_anew(ours, served, file)


def _compiled() -> tuple[list[Served], float]:
    """Models, and what compiling them takes: the median of five."""
    served = [
        Served(f"model-{number}", tuple(f"model-{number}{'' if not each else f'-adapter-{each}'}"
                                        for each in range(NAMES_EACH)))
        for number in range(MODELS)
    ]  # fmt: skip
    took = []
    for _ in range(5):
        started = time.process_time()
        compiled(served)
        took.append(time.process_time() - started)
    return served, statistics.median(took)


def _requests(folder: Path, rate: int) -> Path:
    body = {"model": ASKED, "max_tokens": 1, "messages": [{"role": "user", "content": "Say a few words. " * 100}]}
    lines = [
        json.dumps({"at": number / rate, "body": {**body, "user": str(number)}})
        for number in range(int(rate * STEADY_SECONDS))
    ]
    file = folder / f"requests-{rate}"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def _steadily(urls: Mapping[str, str], rate: int, file: Path, runs: int) -> None:
    """The latency that each adds, far below what it can do."""
    took: dict[str, list[float]] = {name: [] for name in urls}
    failed = dict.fromkeys(urls, 0)
    for _ in range(runs):
        for name, url in urls.items():
            answers = asked(url, file)
            took[name] += [1000 * answer[0] for answer in answers]
            failed[name] += sum(answer[1] != 200 for answer in answers)
    print(f"\n{rate} requests a second\n  {'':20}{'p50 ms':>9}{'added':>8}{'p99 ms':>9}{'added':>8}{'failed':>8}")
    base = sorted(took[DIRECT])
    for name, each in took.items():
        ordered = sorted(each)
        row = [(_at(ordered, share), _at(ordered, share) - _at(base, share)) for share in (0.5, 0.99)]
        print(f"  {name:20}" + "".join(f"{value:9.2f}{more:8.2f}" for value, more in row) + f"{failed[name]:8}")
    if failed[DIRECT] or failed[OURS]:
        raise BenchmarkError("a request failed, far below what anything here can do")


def _pressed(urls: Mapping[str, str], file: Path, runs: int, envoys: Mapping[str, Envoy]) -> None:
    """As many requests as go through, and the memory afterwards."""
    found: dict[str, list[Sequence[float]]] = {name: [] for name in urls}
    before = {name: one.processor_seconds() for name, one in envoys.items()}
    for _ in range(runs):
        for name, url in urls.items():
            [said] = asked(url, file, WORKERS, PRESSED_SECONDS)
            found[name].append(said)
    print(f"\n{WORKERS} clients, each one request after the other; of the router's own, processor time and memory")
    print(f"  {'':20}{'requests a second':>19}{'p50 ms':>9}{'p99 ms':>9}{'failed':>8}{'us each':>9}{'MiB':>7}")
    for name, each in found.items():
        rate, p50, p99 = (statistics.median(one[index] for one in each) for index in (0, 2, 3))
        failed, number = (sum(int(one[index]) for one in each) for index in (1, 0))
        line = f"  {name:20}{rate / PRESSED_SECONDS:19.0f}{p50 * 1000:9.2f}{p99 * 1000:9.2f}{failed:8}"
        if made := envoys.get(name):
            line += f"{(made.processor_seconds() - before[name]) / number * 1e6:9.0f}{made.mib():7.0f}"
        print(line)


def _told_anew(ours: Envoy, served: Sequence[Served], file: Path) -> None:
    """The router is told of one model more and one less in turns, while requests for another go through."""
    said: list[list[float]] = []
    seconds = 3.0 * RELOADS
    load = threading.Thread(target=lambda: said.extend(asked(ours.url, file, WORKERS, seconds)))
    load.start()
    took = []
    for number in range(RELOADS):
        part = compiled([*served, Served("late", ("late",))][: len(served) + 1 - number % 2])
        ours.tell(part)
        took.append(ours.until_it_goes_by(part))
        time.sleep(1)
    load.join()
    [[requests, failed, *_latency]] = said
    print(
        f"\ntold anew {RELOADS} times under load: it goes by it after {statistics.median(took) * 1000:.0f} ms"
        f" ({max(took) * 1000:.0f} at most); {failed:.0f} of {requests:.0f} requests failed"
    )
    if failed:
        raise BenchmarkError(f"{failed:.0f} requests failed while the router was told anew")


def _at(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
