# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import time

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract.secrets import may_be_told
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.redaction import (
    HIDDEN,
    redacted,
    redacted_data,
    redacted_lines,
)
from tests.canaries import PLAIN, PROMPT, SECRETS, TOKENS, lines_with_canaries


def leaks(text: str) -> list[str]:
    return [canary for canary in (*SECRETS, PROMPT) if canary in text]


def test_no_planted_secret_and_no_prompt_is_left_in_any_line() -> None:
    assert len(set(SECRETS)) >= 30
    lines = lines_with_canaries()
    assert all(any(canary in line for line in lines) for canary in (*SECRETS, PROMPT)), "each is planted"
    shown = redacted_lines(lines)
    assert len(shown) == len(lines)
    assert leaks("\n".join(shown)) == []


def test_a_log_that_begins_in_the_middle_shows_nothing_either() -> None:
    lines = lines_with_canaries()
    # All but what only the line before tells: the text of a request that has no form of its own.
    first = next(index for index, line in enumerate(lines) if line == PROMPT)
    for begin in range(first):
        assert leaks("\n".join(redacted_lines(lines[begin:]))) == [], begin


def test_in_any_line_around_it_a_token_is_hidden() -> None:
    around = (
        "{}",
        "x {} y",
        "'{}'",
        '"{}",',
        "({})",
        "a={};b=c",
        "https://host/{}/x",
        "<{}>",
        "[{}]",
        "x:{}",
        "\t{}\n",
    )
    for token in TOKENS.values():
        for form in around:
            assert token not in redacted(form.format(token)), (token, form)
            assert not may_be_told(form.format(token)), (token, form)


HARMLESS = """\
INFO:     Started server process [1]
INFO:     10.0.0.7:51234 - "POST /v1/chat/completions HTTP/1.1" 200 OK
(APIServer pid=1) INFO 11-29 21:00:00 [loggers.py:127] Engine 000: Avg prompt throughput: 12.3 tokens/s, Running: 1 reqs
INFO 11-29 21:00:00 [gpu_model_runner.py:1] Loading weights took 12.3 seconds
INFO 11-29 Received request cmpl-1: params: SamplingParams(n=1, max_tokens=16), lora_request: None.
INFO non-default args: {'model': 'meta-llama/Llama-3.1-8B', 'max_model_len': 8192, 'hf_token': None}
ERROR CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.15 GiB
[2026-11-29 21:00:00.123][1][info][upstream] [source/common/upstream/cds.cc:71] cds: add 3 cluster(s), remove 0
ts=2026-11-29T21:00:00Z caller=main.go:1 level=info msg="Server is ready to receive web requests."
NVRM: Xid (PCI:0000:3b:00): 79, pid=1234, GPU has fallen off the bus.
registry.example/vllm-openai@sha256:0f3b1c2d4e5f0f3b1c2d4e5f0f3b1c2d4e5f0f3b1c2d4e5f0f3b1c2d4e5f0f3b1c2d4e5f
Basic authentication failed, no bearer token in the request
tokenizer=/weights/tokenizer.json eos_token_id=128009 token: null password=None
http://router.fireworks-system.svc:8000/v1/models answered 200
ansible-playbook fireworks.byoc.presetup -e admin_kubeconfig=<path> -e x_kubeconfig=<your kubeconfig>""".splitlines()


def test_what_is_harmless_is_shown_as_it_is() -> None:
    assert redacted_lines(HARMLESS) == HARMLESS


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("password=hunter2;user=x", f"password={HIDDEN};user=x"),
        ("password=<hunter2>;user=x", f"password={HIDDEN};user=x"),
        ("password=<path>hunter2;user=x", f"password={HIDDEN};user=x"),
        ("password=none-of-yours;user=x", f"password={HIDDEN};user=x"),
        ("--api-key foo123 --port 8000", f"--api-key {HIDDEN} --port 8000"),
        ("GET https://u:p@host/path?sig=a HTTP/1.1", f"GET https://host/path{HIDDEN} HTTP/1.1"),
        ("Authorization: Bearer x1", f"Authorization: {HIDDEN}"),
        ("'api_key': ['k1', 'k2'], 'port': 1", f"'api_key': {HIDDEN}, 'port': 1"),
    ],
)
def test_only_the_secret_is_hidden_not_the_line(line: str, shown: str) -> None:
    assert redacted(line) == shown


def test_data_is_hidden_by_its_keys_and_in_its_texts() -> None:
    data = {**PLAIN, "more": [{"said": f"refused {TOKENS['hf']}"}, 5, None], "text": "evidence", "port": 1}
    shown = redacted_data(data)
    assert leaks(json.dumps(shown)) == []
    assert (shown["text"], shown["port"], shown["more"][1:]) == ("evidence", 1, [5, None])
    assert shown["more"][0]["said"] == f"refused {HIDDEN}"


def test_a_hostile_line_takes_no_long_time() -> None:
    parts = (
        "a",
        "-",
        "token",
        '"',
        "A1a/",
        "x://",
        "pass='",
        '\\"',
        "prompt: ",
        "bearer ",
        "--a-",
        "key=[",
        "eyJ",
        "{",
    )
    for part in parts:
        line = part * (64_000 // len(part))
        began = time.process_time()
        redacted_lines([line])
        assert time.process_time() - began < 2, part
