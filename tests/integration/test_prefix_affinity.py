# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which requests the real Envoy keeps together by the candidate release's own part, and what that is worth."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.router.compiled import Served
from tests.benchmarks.router import prefix
from tests.benchmarks.router.local import Envoy, addresses, compiled, engines, name_of, router
from tests.benchmarks.router.names import Names

MODEL, REPLICAS, TIMES = "llama", 8, 6
LONG = "You are a helpful assistant. " * 40


def said(role: str, content: Any) -> dict[str, Any]:
    return {"role": role, "content": content}


SYSTEM, ASKS, ODD = said("system", LONG), said("user", "What is a lease?"), said("user", 'a "quote", a \\ and a } {')

#: Of each pair, whether both go to one replica, whatever the rest of them says.
TOGETHER: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "one prompt_cache_key": (
        {"prompt_cache_key": "k", "messages": [ASKS]},
        {"prompt_cache_key": "k", "messages": [said("user", "Something else")]},
    ),
    "a prompt_cache_key goes before the user": (
        {"prompt_cache_key": "k", "user": "a", "messages": [ASKS]},
        {"prompt_cache_key": "k", "user": "b", "messages": [ASKS]},
    ),
    "one user": ({"user": "a", "messages": [ASKS]}, {"messages": [SYSTEM, ODD], "user": "a"}),
    "two turns of a conversation": (
        {"messages": [SYSTEM, ASKS]},
        {"messages": [SYSTEM, ASKS, said("assistant", "A promise."), said("user", "Of what?")]},
    ),
    "without a system prompt": ({"messages": [ASKS]}, {"messages": [ASKS, said("assistant", "x"), ODD]}),
    "with quotes and braces": ({"messages": [SYSTEM, ODD]}, {"messages": [SYSTEM, ODD, said("assistant", "}]")]}),
    "with parts": (
        {"messages": [said("user", [{"type": "text", "text": "Look"}])]},
        {"messages": [said("user", [{"type": "text", "text": "Look"}]), said("assistant", "I see")]},
    ),
    "more than is looked at": (
        {"messages": [said("user", "word " * 20_000 + "one end")]},
        {"messages": [said("user", "word " * 20_000 + "another end")]},
    ),
}
APART: dict[str, list[dict[str, Any]]] = {
    "one system prompt, other questions": [
        {"messages": [SYSTEM, said("user", f"Question {number}")]} for number in range(120)
    ],
    "plain prompts": [{"prompt": "Say a few words."} for _ in range(120)],
    "no messages": [{"messages": []} for _ in range(120)],
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Envoy]:
    places = addresses(10, REPLICAS)
    names = Names({name_of(MODEL): places})
    folder = tmp_path_factory.mktemp("affinity") / "router"
    with (
        engines(MODEL, places, STANDIN_TOKEN_MS="0"),
        router(folder, compiled([Served(MODEL, (MODEL,))]), names) as one,
    ):
        yield one


def replica(made: Envoy, body: dict[str, Any]) -> str:
    """Which one answered: a stand-in says where it listens."""
    sent = json.dumps({"model": MODEL, "max_tokens": 1, **body}).encode()
    asked = urllib.request.Request(made.chat, sent, {"Content-Type": "application/json"})  # noqa: S310 (our own)
    with urllib.request.urlopen(asked, timeout=20) as answer:  # noqa: S310
        answer.read()
        return str(answer.headers["X-Standin-Address"])


def test_what_shares_a_beginning_goes_to_one_replica(made: Envoy) -> None:
    apart = {
        name: found
        for name, pair in TOGETHER.items()
        if len(found := {replica(made, each) for each in pair * TIMES}) != 1
    }
    assert apart == {}


def test_what_shares_none_or_what_all_begin_with_is_spread(made: Envoy) -> None:
    for name, bodies in APART.items():
        assert len({replica(made, each) for each in bodies}) == REPLICAS, name


@pytest.mark.soak
def test_replicas_find_four_fifths_of_what_is_possible_and_nobody_waits_longer(tmp_path: Path) -> None:
    ours, least = prefix.measured(tmp_path)
    assert (ours.failed, least.failed) == (0, 0)
    assert ours.of_the_possible >= 0.8, (ours, least)
    assert ours.hits > least.hits, (ours, least)
    assert ours.p99 <= least.p99, (ours, least)
