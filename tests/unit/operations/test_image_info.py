# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A registry's HTTP API, played on the loopback address behind real TLS: what it has, and whom a login is sent to."""

from __future__ import annotations

import base64
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._kube.errors import CredentialError
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.image_info import ask_all
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.public_endpoint import Ways
from tests.unit.operations.test_endpoint_info import certificate, speaking

REGISTRY, PASSWORD = "registry.acme.example", "only-for-the-registry"
DIGEST = "sha256:" + "ab" * 32
HAS, LACKS = (f"{REGISTRY}/fireworks/{name}@{DIGEST}" for name in ("router", "vllm-openai"))
BASIC = "Basic " + base64.b64encode(f"byoc:{PASSWORD}".encode()).decode()
NAMES = [REGISTRY, "auth.acme.example", "evil.example"]
Answer = tuple[int, dict[str, str], bytes]
Serve = Callable[[str, str, dict[str, str]], Answer]


@pytest.fixture(autouse=True)
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "roots.pem").write_bytes(certificate([], 3650, authority=True))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "roots.pem"))


class Registry:
    """What was asked of it, as (host, method, path, authorization)."""

    def __init__(self, serve: Serve) -> None:
        self.serve = serve
        self.asked: list[tuple[str, str, str, str]] = []


@contextmanager
def playing(serve: Serve, folder: Path) -> Iterator[tuple[Registry, Ways]]:
    registry = Registry(serve)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            host, said = self.headers["Host"].partition(":")[0], self.headers.get("Authorization", "")
            registry.asked.append((host, self.command, self.path, said))
            status, headers, body = registry.serve(host, self.path, {"authorization": said})
            self.send_response(status)
            for key, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(key, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = speaking(certificate(NAMES, 100), folder).wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def resolve(_name: str, *_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("198.51.100.7", 0))]

    def connect(_where: tuple[str, int], seconds: float) -> socket.socket:
        return socket.create_connection(("127.0.0.1", server.server_port), seconds)

    try:
        yield registry, Ways(resolve, connect)
    finally:
        server.shutdown()
        server.server_close()


def config(folder: Path, text: Any = None) -> str:
    logins = {"auths": {REGISTRY: {"auth": base64.b64encode(f"byoc:{PASSWORD}".encode()).decode()}}}
    file = folder / "config.json"
    file.write_text(text if isinstance(text, str) else json.dumps(text or logins))
    return str(file)


def asked(ways: Ways, path: str, images: tuple[str, ...] = (HAS, LACKS), timeout: float = 30) -> list[dict[str, Any]]:
    return ask_all({"images": list(images), "docker_config": path, "timeout": timeout}, ways)


def having(authorization: str, challenge: str) -> Serve:
    """A registry that has one of the images, for whoever says who they are."""

    def serve(host: str, path: str, headers: dict[str, str]) -> Answer:
        if path.startswith("/token"):
            body = json.dumps({"token": "t0ken"}).encode()
            return (200, {}, body) if headers["authorization"] == BASIC else (401, {}, b"")
        if headers["authorization"] != authorization:
            return 401, {"WWW-Authenticate": challenge.format(host=host)}, b""
        return (200, {}, b"") if path == f"/v2/fireworks/router/manifests/{DIGEST}" else (404, {}, b"{}")

    return serve


@pytest.mark.parametrize(
    ("authorization", "challenge"),
    [
        (BASIC, 'Basic realm="registry"'),
        ("Bearer t0ken", 'Bearer realm="https://{host}/token",service="registry"'),
        ("Bearer t0ken", 'Bearer realm="https://auth.acme.example/token",service="registry",scope="x"'),
    ],
)
def test_what_is_missing_is_told_from_what_is_there(authorization: str, challenge: str, tmp_path: Path) -> None:
    with playing(having(authorization, challenge), tmp_path) as (registry, ways):
        found = asked(ways, config(tmp_path))
    assert found == [
        {"image": HAS, "asked": True, "state": "present", "why": ""},
        {"image": LACKS, "asked": True, "state": "missing", "why": ""},
    ]
    # Nothing is said to who did not ask for it, and nothing is pulled.
    first = {path: said for _host, method, path, said in reversed(registry.asked) if method == "HEAD"}
    assert set(first.values()) == {""}
    assert {method for _host, method, path, _said in registry.asked if not path.startswith("/token")} == {"HEAD"}


@pytest.mark.parametrize(
    "realm",
    [
        "https://evil.example/token",
        "https://evil.example/registry.acme.example",
        "https://registry.acme.example.evil.example/token",
        "https://registry.acme.example@evil.example/token",
        "http://registry.acme.example/token",
        "https://example/token",
        "//evil.example/token",
        "https://evil.example:x/",
        "",
    ],
)
def test_a_login_is_sent_nowhere_but_to_the_registrys_own_domain(realm: str, tmp_path: Path) -> None:
    with playing(having("never", f'Bearer realm="{realm}",service="s"'), tmp_path) as (registry, ways):
        found = asked(ways, config(tmp_path), (HAS,))
    assert (found[0]["state"], found[0]["asked"]) == ("unknown", True)
    assert "not trusted here" in found[0]["why"]
    assert [(host, said) for host, _method, _path, said in registry.asked] == [(REGISTRY, "")]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((403, {}, b""), "HTTP 403"),
        ((307, {"Location": "https://evil.example/"}, b""), "HTTP 307"),
        ((500, {}, b""), "HTTP 500"),
        ((429, {}, b""), "HTTP 429"),
        ((401, {"WWW-Authenticate": "Negotiate"}, b""), "not trusted here"),
        ((401, {}, b""), "not trusted here"),
    ],
)
def test_what_a_registry_does_not_tell_is_not_known(answer: Answer, why: str, tmp_path: Path) -> None:
    with playing(lambda *_: answer, tmp_path) as (registry, ways):
        found = asked(ways, config(tmp_path), (HAS,))
    assert found[0]["state"] == "unknown" and why in found[0]["why"]
    assert {host for host, *_rest in registry.asked} == {REGISTRY}


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"token": 1}', b'{"token": "a\\nX: y"}', b"\xff"])
def test_a_token_server_that_answers_nonsense_is_not_believed(body: bytes, tmp_path: Path) -> None:
    def serve(host: str, path: str, _headers: dict[str, str]) -> Answer:
        asks = {"WWW-Authenticate": f'Bearer realm="https://{host}/token"'}
        return (200, {}, body) if path.startswith("/token") else (401, asks, b"")

    with playing(serve, tmp_path) as (_registry, ways):
        assert asked(ways, config(tmp_path), (HAS,))[0]["state"] == "unknown"


def test_it_is_over_in_time_whoever_does_not_answer(tmp_path: Path) -> None:
    def serve(*_arguments: Any) -> Answer:
        time.sleep(5)
        return 200, {}, b""

    begun = time.monotonic()
    with playing(serve, tmp_path) as (_registry, ways):
        found = asked(ways, config(tmp_path), (HAS, LACKS), timeout=1)
        assert time.monotonic() - begun < 4
    assert [one["state"] for one in found] == ["unknown"] * 2
    assert "no whole answer" in found[0]["why"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no docker config is given (preflight_docker_config)"),
        ({"auths": {"other.example": {"auth": "YTpi"}}}, f"has no login for {REGISTRY}"),
        ({"auths": {f"{REGISTRY}.evil.example": {"auth": "YTpi"}}}, f"has no login for {REGISTRY}"),
        ({"auths": {REGISTRY: {}}}, "no name and password"),
        ({"auths": {REGISTRY: {"auth": "%%%"}}}, "no name and password"),
        ({"auths": {REGISTRY: {"identitytoken": "x"}}}, "no name and password"),
        ({"credsStore": "desktop", "auths": {REGISTRY: {}}}, "names a program"),
        ({"credHelpers": {REGISTRY: "ecr-login"}}, "names a program"),
    ],
)
def test_without_a_login_no_registry_is_asked(text: Any, why: str, tmp_path: Path) -> None:
    def never(*_arguments: Any, **_options: Any) -> Any:
        raise AssertionError("asked")

    found = asked(Ways(never, never), config(tmp_path, text) if text else "")
    assert [(one["asked"], one["state"]) for one in found] == [(False, "unknown")] * 2
    assert why in found[0]["why"]


@pytest.mark.parametrize("key", [REGISTRY, f"https://{REGISTRY}/v2/", f"https://{REGISTRY}", f"{REGISTRY}/fireworks"])
def test_a_login_is_found_however_its_registry_is_written(key: str, tmp_path: Path) -> None:
    logins = {"auths": {key: {"username": "byoc", "password": PASSWORD}}, "credsStore": ""}
    with playing(having(BASIC, "Basic realm=x"), tmp_path) as (_registry, ways):
        assert asked(ways, config(tmp_path, logins), (HAS,))[0]["state"] == "present"


@pytest.mark.parametrize("text", ["not json, secret", "[]", '{"auths": []}', '{"auths": {}, "credHelpers": 1}', None])
def test_a_docker_config_that_cannot_be_read_is_refused_without_what_is_in_it(text: str | None, tmp_path: Path) -> None:
    path = str(tmp_path / "none.json") if text is None else config(tmp_path, text)
    with pytest.raises(CredentialError) as refused:
        asked(Ways(), path)
    assert path in refused.value.what and "secret" not in refused.value.what
