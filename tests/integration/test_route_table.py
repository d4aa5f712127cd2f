# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the real Envoy sends a request, by the name in its body and by nothing else a client can say."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.names import SERVING_PORT
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.router.compiled import Served
from tests.benchmarks.router.local import Envoy, addresses, compiled, name_of, router
from tests.benchmarks.router.names import Names

ODD = (
    'with "quotes"', "back\\slash", "ünïcode", "a/b:c", "%DYNAMIC_METADATA(byoc:prefix)%", "{{ jinja }}", "$(shell)",
    "null", "-", "a\nb", "\u2028", "x" * 253,
)  # fmt: skip
MODELS = [Served("first", ("org/First", "tone")), Served("odd", ODD)]
PATHS = ("chat/completions", "completions", "embeddings", "responses", "messages", "score", "rerank", "classify",
         "pooling", "completions?x=/y", "x/../completions")  # fmt: skip
NO_PATHS = ("models", "load_lora_adapter", "completions/x", "completions/", "x?/v1/completions", "../metrics")


class Engine(BaseHTTPRequestHandler):
    """Serves whatever it is asked for, and says where it listens."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        said = json.dumps({"engine": self.server.server_address[0]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_arguments: Any) -> None:
        """Not a word."""


@contextmanager
def engine(place: str) -> Iterator[None]:
    with ThreadingHTTPServer((place, SERVING_PORT), Engine) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield
        server.shutdown()


@pytest.fixture(scope="module")
def places() -> dict[str, str]:
    return dict(zip(("first", "odd"), addresses(0, 2), strict=True))


@pytest.fixture(scope="module")
def made(places: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Envoy]:
    names = Names({name_of(model): [place] for model, place in places.items()})
    folder = tmp_path_factory.mktemp("routes") / "router"
    with ExitStack() as stack:
        for place in places.values():
            stack.enter_context(engine(place))
        yield stack.enter_context(router(folder, compiled(MODELS), names))


def ask(
    made: Envoy, body: Any, path: str = "completions", method: str = "POST", **headers: str
) -> tuple[int, dict[str, Any]]:
    """What is answered to a body, as JSON unless it is bytes. An answer of ours is all JSON."""
    sent = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    given = {"Content-Type": "application/json", **headers}
    asked = urllib.request.Request(made.url.replace("completions", path), sent, given, method=method)  # noqa: S310
    try:
        with urllib.request.urlopen(asked, timeout=20) as answer:  # noqa: S310 (our own)
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_each_name_leads_to_its_model_whatever_is_in_it(made: Envoy, places: dict[str, str]) -> None:
    for one in MODELS:
        for name in one.names:
            for body in ({"model": name}, {"prompt": "word " * 30_000, "user": "a", "model": name}):
                assert ask(made, body) == (200, {"engine": places[one.model]}), name


@pytest.mark.parametrize(
    "body",
    [{"model": "nobody"}, {"model": ""}, {"model": ["tone"]}, {"model": {"tone": 1}}, {"model": None}, {}, [],
     {"messages": [{"model": "tone"}]}, b"no JSON", b""],
    ids=str,
)  # fmt: skip
def test_what_names_no_model_goes_to_none(made: Envoy, body: Any) -> None:
    status, said = ask(made, body, **{"byoc.model": "tone", "X-Model": "tone", "asked-for": "tone"})
    assert (status, said["error"]["code"]) == (404, "model_not_found")


def test_only_what_is_of_the_api_reaches_an_engine(made: Envoy, places: dict[str, str]) -> None:
    for path in PATHS:
        assert ask(made, {"model": "tone"}, path) == (200, {"engine": places["first"]}), path
    for path in NO_PATHS:
        status, said = ask(made, {"model": "tone"}, path)
        assert (status, said["error"]["code"]) == (404, "not_found"), path


def test_the_names_are_listed_to_whoever_gets_them(made: Envoy) -> None:
    for path in ("models", "models?after=x", "../v1//models"):
        status, said = ask(made, None, path, "GET")
        assert status == 200
        assert [one["id"] for one in said["data"]] == [name for one in MODELS for name in one.names], path


def test_a_name_that_changes_its_model_is_gone_by_at_once_and_one_that_goes_is_none(
    made: Envoy, places: dict[str, str]
) -> None:
    other = compiled([Served("first", ("org/First",)), Served("odd", ("tone",))])
    made.tell(other)
    made.until_it_goes_by(other)
    try:
        assert ask(made, {"model": "tone"}) == (200, {"engine": places["odd"]})
        assert ask(made, {"model": "null"})[0] == 404
    finally:
        whole = compiled(MODELS)
        made.tell(whole)
        made.until_it_goes_by(whole)


def test_a_file_that_says_a_name_twice_is_not_taken(made: Envoy, places: dict[str, str]) -> None:
    """Why admission refuses it (``guardrails.router``)."""
    good = compiled(MODELS)
    line = next(each for each in good["routes.json"].split("\n") if each.startswith('"tone"'))
    twice = line.replace('"first"', '"odd"') + "\n" + line
    made.tell({**good, "routes.json": good["routes.json"].replace(line, twice)})
    for _ in range(20):
        assert ask(made, {"model": "tone"}) == (200, {"engine": places["first"]})
    made.tell(good)
    made.until_it_goes_by(good)
