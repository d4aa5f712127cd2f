# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``make bench PARTS=prefix``: how much of prompts is found in replicas' caches, and what that does to latency.

The real Envoy, with what is compiled for it, and beside it the same with least-request balancing; engines are stand-ins
with a prefix cache each. What is possible is one cache, as large as all of them together, that every request finds:
no way to choose a replica can find more.
"""

from __future__ import annotations

import json
import random
import tempfile
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.router.compiled import Served
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.router.lines import CLUSTERS
from tests.benchmarks.router.local import addresses, asked, compiled, engines, name_of, router
from tests.benchmarks.router.names import Names

MODEL = "llama"
REPLICAS = 6
#: Blocks of 16 tokens that a replica remembers, and what one takes that it does not: about 8,000 tokens a second.
CACHE, PREFILL_US, TOKEN_MS, TOKENS = 1500, 2000, 4, 10
SECONDS, CONVERSATIONS = 40.0, 320
#: Applications, each with a system prompt of its own, of so many blocks.
APPLICATIONS = (120, 60, 90, 20, 3)
_BLOCK = 64
_LOOKS = ("ours", "least request")


@dataclass(frozen=True)
class Result:
    """What became of one mix with one way to choose a replica. Shares are of the prompts' tokens, times in seconds."""

    name: str
    hits: float
    possible: float
    p50: float
    p99: float
    failed: int

    @property
    def of_the_possible(self) -> float:
        return self.hits / self.possible


#: What requests name: their conversation, their application, a user of a few conversations, or nothing.
_KEYS: Sequence[Callable[[int, int], dict[str, str]]] = (
    lambda number, _application: {"prompt_cache_key": f"conversation {number}"},
    lambda _number, application: {"prompt_cache_key": f"application {application}"},
    lambda number, _application: {"user": f"user {number // 8}"},
    lambda _number, _application: {},
)


def mix(seed: int = 19) -> list[dict[str, Any]]:
    """Conversations of a few turns, of which each repeats all that was said before; in the order in which they come.

    A quarter each names its conversation in ``prompt_cache_key``, its application there, a ``user``, or neither.
    """
    chance = random.Random(seed)  # noqa: S311 (nothing is kept secret)
    requests = [
        each for number in range(CONVERSATIONS) for each in _conversation(number, chance) if each["at"] < SECONDS
    ]
    return sorted(requests, key=lambda each: float(each["at"]))


def _conversation(number: int, chance: random.Random) -> Iterator[dict[str, Any]]:
    application = chance.choices(range(len(APPLICATIONS)), (4, 3, 2, 2, 2))[0]
    messages = [{"role": "system", "content": _words(f"application {application}", APPLICATIONS[application])}]
    named = _KEYS[number % len(_KEYS)](number, application)
    at = chance.uniform(0, SECONDS)
    for turn in range(1 + min(7, int(chance.expovariate(0.4)))):
        asks = {"role": "user", "content": _words(f"{number} asks {turn}", chance.randint(1, 24))}
        messages = [*messages, asks]
        body = {"model": MODEL, "max_tokens": TOKENS, "messages": messages, **named}
        yield {"at": round(at, 4), "body": body}
        messages = [*messages, {"role": "assistant", "content": _words(f"{number} says {turn}", chance.randint(2, 10))}]
        at += 0.8 + chance.expovariate(0.5)


def _words(of: str, blocks: int) -> str:
    chance = random.Random(of)  # noqa: S311
    return "".join(f"{chance.getrandbits(4 * _BLOCK):0{_BLOCK}x}" for _ in range(blocks))


def possible(requests: Sequence[Mapping[str, Any]]) -> float:
    """The share of the prompts' tokens that one cache, as large as all of them, would have had."""
    cache: OrderedDict[str, None] = OrderedDict()
    hits = blocks = 0
    for each in requests:
        text, known = _text(each["body"]["messages"]), True
        for end in range(_BLOCK, len(text) + 1, _BLOCK):
            block = text[:end]
            known = known and block in cache
            cache[block] = None
            cache.move_to_end(block)
            hits, blocks = hits + known, blocks + 1
        while len(cache) > CACHE * REPLICAS:
            cache.popitem(last=False)
    return hits / blocks


def least_request(part: Mapping[str, str]) -> dict[str, str]:
    """The same models' part, but for how a replica is chosen."""
    clusters = json.loads(part[CLUSTERS])
    for one in clusters["resources"]:
        one["lb_policy"] = "LEAST_REQUEST"
        del one["ring_hash_lb_config"], one["common_lb_config"]
    return {**part, CLUSTERS: json.dumps(clusters)}


def measured(folder: Path) -> list[Result]:
    """The same mix by each way to choose a replica, each with engines that remember nothing yet."""
    requests = mix()
    file = folder / "requests"
    file.write_text("".join(_line(each) for each in requests), encoding="utf-8")
    ours = compiled([Served(MODEL, (MODEL,))])
    parts = dict(zip(_LOOKS, (ours, least_request(ours)), strict=True))
    best = possible(requests)
    return [_measured(folder, name, part, file, best) for name, part in parts.items()]


def _measured(folder: Path, name: str, part: Mapping[str, str], file: Path, best: float) -> Result:
    places = addresses(0, REPLICAS)
    how = {"STANDIN_CACHE_BLOCKS": CACHE, "STANDIN_PREFILL_US": PREFILL_US, "STANDIN_TOKEN_MS": TOKEN_MS}
    with (
        engines(MODEL, places, **{key: str(value) for key, value in how.items()}),
        router(folder / name.replace(" ", "-"), part, Names({name_of(MODEL): places})) as made,
    ):
        answers = asked(made.chat, file)
    took = sorted(answer[0] for answer in answers)
    cached, prompts = sum(answer[3] for answer in answers), sum(answer[2] for answer in answers)
    failed = sum(answer[1] != 200 for answer in answers)
    return Result(name, cached / prompts, best, took[len(took) // 2], took[len(took) * 99 // 100], failed)


def _text(messages: Sequence[Mapping[str, str]]) -> str:
    """As the engine sees them."""
    return json.dumps(messages, separators=(",", ":"))


def _line(request: Mapping[str, Any]) -> str:
    return json.dumps(request, separators=(",", ":")) + "\n"


def main(_runs: int = 1) -> None:
    """Measure it and show a table."""
    with tempfile.TemporaryDirectory(prefix="byoc-bench-") as folder:
        results = measured(Path(folder))
    requests = len(mix())
    print(f"\n{requests} requests of {CONVERSATIONS} conversations to {REPLICAS} replicas, in {SECONDS:.0f} s")
    print(f"  {'':16}{'tokens found':>14}{'of what is possible':>21}{'p50 ms':>8}{'p99 ms':>8}{'failed':>8}")
    for each in results:
        shares = f"{100 * each.hits:13.1f}%{100 * each.of_the_possible:20.1f}%"
        print(f"  {each.name:16}{shares}{1000 * each.p50:8.0f}{1000 * each.p99:8.0f}{each.failed:8}")
