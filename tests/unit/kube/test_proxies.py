# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proxies: what their URLs mean, what they are sent, and what is told of them."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._kube.errors import (
    CredentialError,
    TlsError,
    UnreachableError,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.kubeconfig import Access
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.proxies import proxy_of
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.session import Session
from byoc_testbed.pki import Authority
from tests.unit.kube.loopback import Listening, api_server, proxy, written

WANTS = "Basic dXNlcjpwQHNz"
SENT = "user:p%40ss"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"), "proxies")


@pytest.fixture(scope="module")
def server(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listening]:
    with api_server(tmp_path_factory.mktemp("server"), authority) as listening:
        yield listening


def session(authority: Authority, server: Listening, proxy_url: str) -> Session:
    return Session(
        Access(
            server=f"https://127.0.0.1:{server.port}",
            source="acme",
            ca_pem=authority.certificate_file.read_text(),
            token="t",
            proxy_url=proxy_url,
        )
    )


@pytest.mark.parametrize(
    ("text", "url", "sent"),
    [
        ("http://p:3128", "http://p:3128", None),
        ("HTTP://p", "http://p", None),
        ("https://p.example/", "https://p.example", None),
        ("http://[::1]:3128", "http://[::1]:3128", None),
        ("http://user:secret@p:3128", "http://p:3128", "Basic dXNlcjpzZWNyZXQ="),
        ("http://user:p%40ss@p", "http://p", WANTS),
        ("http://user@p", "http://p", "Basic dXNlcjo="),
        ("http://user:a:b@p", "http://p", "Basic dXNlcjphOmI="),
        ("http://user:p@ss@p", "http://p", WANTS),
        ("http://us%C3%A9r:%E2%82%AC@p", "http://p", "Basic dXPDqXI64oKs"),
    ],
)
def test_a_proxys_credential_is_taken_out_of_its_url(text: str, url: str, sent: str | None) -> None:
    found = proxy_of(text, "acme")
    assert (found.url, found.headers.get("proxy-authorization")) == (url, sent)
    assert "secret" not in repr(found)


@pytest.mark.parametrize(
    "text",
    [
        "socks5://s3cr3t@p:1080",
        "socks5h://p",
        "socks4://p",
        "ftp://p",
        "127.0.0.1:3128",
        "p.example:3128",
        "p",
        "//p:1",
        "http://",
        "http://:3128",
        "http://p:0",
        "http://p:99999",
        "http://p:s3cr3t",
        "http://[::1",
        "http://p q:1",
        "http://ü.example",
    ],
)
def test_what_is_no_proxy_of_ours_is_refused_with_what_to_do(text: str) -> None:
    with pytest.raises(CredentialError, match="must be an http:// or https:// URL") as caught:
        proxy_of(text, "acme")
    assert "Next: correct the proxy" in str(caught.value)
    assert "s3cr3t" not in str(caught.value)


def test_a_proxy_is_sent_its_credential_and_none_of_the_servers(authority: Authority, server: Listening) -> None:
    with proxy(wants=WANTS) as between:
        assert session(authority, server, f"http://{SENT}@127.0.0.1:{between.port}").get("/x") == {}
    [headers] = between.connects
    assert headers["proxy-authorization"] == WANTS
    assert "authorization" not in headers
    assert server.credentials[-1] == "Bearer t"


@pytest.mark.parametrize("sent", ["", "user:s3cr3t@"])
def test_a_proxy_that_wants_a_credential_is_told_as_that_and_asked_once(
    authority: Authority, server: Listening, sent: str
) -> None:
    with (
        proxy(wants=WANTS) as between,
        pytest.raises(CredentialError, match=r"wants a credential, .*\(407\)") as caught,
    ):
        session(authority, server, f"http://{sent}127.0.0.1:{between.port}").get("/x")
    assert f"the proxy http://127.0.0.1:{between.port} wants" in str(caught.value)
    assert "s3cr3t" not in str(caught.value)
    assert len(between.connects) == 1


@pytest.mark.parametrize("status", [403, 502, 503])
def test_a_proxy_that_does_not_connect_is_named_and_what_it_says_is_not_repeated(
    authority: Authority, server: Listening, status: int
) -> None:
    with proxy(status) as between, pytest.raises(UnreachableError) as caught:
        session(authority, server, f"http://{SENT}@127.0.0.1:{between.port}").request("GET", "/x", retry=False)
    assert f"the proxy http://127.0.0.1:{between.port} does not connect" in str(caught.value)
    assert f"it answered {status}" in str(caught.value)
    assert "s3cr3t" not in str(caught.value)


def test_a_proxy_that_is_not_there_is_named(authority: Authority, server: Listening) -> None:
    with pytest.raises(UnreachableError, match=r"the proxy http://127.0.0.1:1 cannot be reached: Connection refused"):
        session(authority, server, f"http://{SENT}@127.0.0.1:1").request("GET", "/x", retry=False)


@pytest.mark.parametrize("trusted", [True, False])
def test_an_https_proxy_is_checked_by_the_systems_and_the_kubeconfigs_authorities(
    authority: Authority, server: Listening, tmp_path: Path, trusted: bool
) -> None:
    own = authority if trusted else Authority(tmp_path, "other")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*written(tmp_path, own.server()))
    with proxy(context=context, wants=WANTS) as between:
        through = session(authority, server, f"https://{SENT}@127.0.0.1:{between.port}")
        if trusted:
            assert through.get("/x") == {}
            return
        with pytest.raises(TlsError, match=r"the certificate of the proxy https://127.0.0.1"):
            through.get("/x")
    assert between.connects == []


def test_a_server_that_poses_behind_a_proxy_is_told_as_the_server(server: Listening, tmp_path: Path) -> None:
    with proxy() as between, pytest.raises(TlsError, match="the server's certificate is not trusted"):
        session(Authority(tmp_path, "other"), server, f"http://127.0.0.1:{between.port}").get("/x")


def test_a_proxy_that_answers_with_something_else_is_one_message(server: Listening, authority: Authority) -> None:
    address: Any = f"http://127.0.0.1:{server.port}"  # speaks TLS only
    with pytest.raises(UnreachableError):
        session(authority, server, address).request("GET", "/x", retry=False)
