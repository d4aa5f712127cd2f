# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The session against real servers, and against ones that misbehave as networks and proxies do."""

from __future__ import annotations

import contextlib
import http.server
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._kube import session as session_module
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.access import resolve_access
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.create import create_once
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.discovery import Discovery
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.errors import (
    AnswerError,
    ConflictError,
    ForbiddenError,
    NotAnAnswerError,
    NotFoundError,
    TlsError,
    UnauthorizedError,
    UnreachableError,
    WrongClusterError,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.kubeconfig import Access
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.session import Session
from tests.integration.plays import connection_to
from tests.integration.troubled import RESET, by_status, troubled

Answer = tuple[int, dict[str, str]]


def open_session(cluster: Any, **changes: Any) -> Session:
    connection = connection_to(cluster, **changes)
    return Session(
        resolve_access(connection, {}), cluster_name=cluster.name, expected_uid=connection.get("cluster_uid")
    )


@contextmanager
def a_server(bed: Any, answers: list[Answer]) -> Iterator[tuple[Access, list[str]]]:
    """A TLS server with the testbed's certificate that gives these answers in turn, the last one forever."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            status, headers = answers[min(len(asked), len(answers)) - 1]
            if status == 0:  # a connection that breaks
                self.connection.close()
                return
            self.send_response(status)
            for name, value in {**headers, "Content-Length": "2"}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_arguments: object) -> None:
            pass

    with serving(bed, Handler) as access:
        yield access, asked


@contextmanager
def serving(bed: Any, handler: type[http.server.BaseHTTPRequestHandler]) -> Iterator[Access]:
    """A server on loopback with the testbed's certificate."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    folder = Path(bed["acme"].ca_file).parent
    context.load_cert_chain(folder / "apiserver.crt", folder / "apiserver.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    access = resolve_access(connection_to(bed["acme"]), {})
    try:
        yield replace(access, server=f"https://127.0.0.1:{server.server_port}", cert_pem=None, key_pem=None)
    finally:
        server.shutdown()
        server.server_close()


def test_a_session_reads_pages_and_gives_items_their_kind(bed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "PAGE_SIZE", 3)
    items = list(open_session(bed["acme"]).list_items("/apis/rbac.authorization.k8s.io/v1/clusterroles"))
    assert len(items) > 30
    assert {item["kind"] for item in items} == {"ClusterRole"}
    assert len({item["metadata"]["name"] for item in items}) == len(items)


def test_errors_are_typed_and_say_where(bed: Any) -> None:
    session = open_session(bed["acme"])
    with pytest.raises(NotFoundError, match=r"acme \(https://127.0.0.1:\d+\): the API server refused GET"):
        session.get("/api/v1/namespaces/nowhere")
    nobody = open_session(bed["acme"], kubeconfig_file=str(bed["acme"].kubeconfig_for("nobody")))
    with pytest.raises(ForbiddenError, match=r"(?s)403: .*cannot list.*Action required by: customer"):
        nobody.get("/api/v1/secrets")


def test_a_wrong_token_is_refused_once_and_at_once(bed: Any) -> None:
    cluster = bed["acme"]
    session = open_session(cluster, server=cluster.server, token="not-a-token")
    started = time.monotonic()
    with pytest.raises(UnauthorizedError, match="renew the credential"):
        session.uid()
    assert time.monotonic() - started < 3


def test_another_clusters_answer_ends_with_both_uids(bed: Any) -> None:
    session = open_session(bed["acme"], cluster_uid=bed["birch"].uid)
    with pytest.raises(WrongClusterError) as caught:
        session.require_expected_cluster()
    assert bed["acme"].uid in str(caught.value)
    assert bed["birch"].uid in str(caught.value)


def test_a_write_needs_to_know_the_cluster_and_a_read_does_not(bed: Any) -> None:
    session = open_session(bed["acme"], cluster_uid=None)
    session.check_expected_cluster()
    with pytest.raises(WrongClusterError, match="the expected cluster UID is not set"):
        session.require_expected_cluster()


def test_a_server_that_is_off_is_given_up_within_seconds(bed: Any) -> None:
    session = open_session(bed["acme"], server="https://127.0.0.1:1")
    started = time.monotonic()
    with pytest.raises(UnreachableError, match="Connection refused"):
        session.uid()
    assert time.monotonic() - started < 8


def test_a_name_that_does_not_resolve_is_said_so(bed: Any) -> None:
    with pytest.raises(UnreachableError, match="Action required by: customer"):
        open_session(bed["acme"], server="https://no-such-host.invalid").uid()


def test_a_name_server_that_is_silent_is_not_waited_for_long(bed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    def silent(*_asked: Any, **_more: Any) -> list[Any]:
        over.wait(60)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    monkeypatch.setattr(session_module, "CONNECT_SECONDS", 0.2)
    monkeypatch.setattr(session_module, "FIRST_ANSWER_SECONDS", 0.3)
    started = time.monotonic()
    with pytest.raises(UnreachableError, match="no name server says in time where it is"):
        open_session(bed["acme"], server="https://acme-eu-1.example:6443").uid()
    over.set()
    assert time.monotonic() - started < 8


def test_a_certificate_of_another_authority_is_never_trusted(bed: Any) -> None:
    with pytest.raises(TlsError, match="is not trusted"):
        open_session(bed["acme"], ca_cert=Path(bed["birch"].ca_file).read_text()).uid()


def test_a_certificate_for_another_name_is_never_trusted(bed: Any) -> None:
    with pytest.raises(TlsError, match="is not trusted"):
        open_session(bed["acme"], tls_server_name="other.example").uid()


@pytest.mark.parametrize(
    ("answers", "asked"),
    [
        ([(429, {}), (200, {})], 2),
        ([(503, {}), (502, {}), (200, {})], 3),
        ([(0, {}), (200, {})], 2),
        ([(500, {"Retry-After": "0"}), (200, {})], 2),
    ],
    ids=["too many requests", "a proxy without a backend", "a broken connection", "a server that says later"],
)
def test_what_passes_is_asked_again_and_then_answered(bed: Any, answers: list[Answer], asked: int) -> None:
    with a_server(bed, answers) as (access, paths):
        assert Session(access).get("/x") == {}
        assert len(paths) == asked


def test_the_servers_own_wish_to_wait_is_honoured(bed: Any) -> None:
    with a_server(bed, [(429, {"Retry-After": "1"}), (200, {})]) as (access, _paths):
        started = time.monotonic()
        Session(access).get("/x")
        assert time.monotonic() - started >= 1


def test_asking_again_ends_with_a_deadline(bed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "RETRY_SECONDS", 1.0)
    with a_server(bed, [(503, {})]) as (access, paths):
        started = time.monotonic()
        with pytest.raises(AnswerError) as caught:
            Session(access).get("/x")
        assert caught.value.status == 503
        assert time.monotonic() - started < 2
        assert len(paths) > 2


def test_a_plain_500_is_not_asked_again(bed: Any) -> None:
    with a_server(bed, [(500, {})]) as (access, paths):
        with pytest.raises(AnswerError):
            Session(access).get("/x")
        assert len(paths) == 1


def test_an_exec_plugins_dead_token_is_renewed_once(bed: Any, tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    credential = '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "t"}}'
    script = tmp_path / "plugin"
    script.write_text(f"#!/bin/sh\necho x >> {calls}\necho '{credential}'\n")
    script.chmod(0o700)
    spec = {"command": str(script), "apiVersion": "client.authentication.k8s.io/v1"}
    with a_server(bed, [(401, {}), (200, {})]) as (access, paths):
        Session(replace(access, exec_spec=spec)).get("/x")
        assert len(paths) == 2
    assert calls.read_text().split() == ["x", "x"]


def test_an_exec_plugin_may_answer_with_a_certificate_and_nothing_is_left_on_disk(
    bed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "tmp"
    own.mkdir()
    monkeypatch.setenv("TMPDIR", str(own))
    monkeypatch.setattr("tempfile.tempdir", None)
    access = resolve_access(connection_to(bed["acme"]), {})
    if not access.cert_pem:
        access = resolve_access(connection_to(bed["acme"], kubeconfig_file=str(bed["acme"].kubeconfig_for("someone",
                                              groups=["system:masters"]))), {})  # fmt: skip
    assert access.cert_pem
    assert Session(access).uid() == bed["acme"].uid
    assert list(own.iterdir()) == []


def test_discovery_is_cached_for_the_cluster_and_a_miss_asks_again(
    bed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    session = open_session(bed["acme"])
    first = Discovery.of(session)
    [cached] = list((tmp_path / "fireworks-byoc" / "discovery").iterdir())
    assert cached.name == f"{bed['acme'].uid}.json"
    assert cached.stat().st_mode & 0o077 == 0
    assert {r.group_kind for r in Discovery.of(session).listable()} == {r.group_kind for r in first.listable()}
    asked: list[str] = []
    get = session.get
    monkeypatch.setattr(session, "get", lambda path, *args, **more: asked.append(path) or get(path, *args, **more))
    again = Discovery.of(session)
    assert asked == []
    assert again.find("no.example/v1", "Nothing") is None
    assert sorted(asked) == ["/api", "/apis"]
    cached.write_text("broken")
    assert Discovery.of(session).find("v1", "Pod") is not None


LOGIN = b"<html>Sign in to continue</html>"


@pytest.mark.parametrize("path", ["/api/v1/pods", "/api/v1/namespaces/n/pods/p"])
@pytest.mark.parametrize("status", [200, 302, 401, 404])
def test_a_login_page_proves_nothing_and_is_asked_past(
    bed: Any, monkeypatch: pytest.MonkeyPatch, path: str, status: int
) -> None:
    monkeypatch.setattr(session_module, "FIRST_ANSWER_SECONDS", 0.5)
    with a_server(bed, [(status, {"Content-Type": "text/html"})]) as (access, paths):
        with pytest.raises(NotAnAnswerError, match=r"not from the API server: .*text/html|redirect"):
            Session(access).get(path)
        assert len(paths) > 1


def test_what_the_api_server_itself_answers_is_believed(bed: Any) -> None:
    """The rules of answers.py against real answers: what is not served, what is not there, metadata, null lists."""
    session = open_session(bed["acme"])
    for path in ("/apis/none.example/v1/things", "/apis/apps/v1/nothings", "/api/v1/namespaces/nowhere"):
        with pytest.raises(NotFoundError):
            session.get(path)
    assert session.list_metadata("/apis/apps/v1/deployments", {}) == []
    for resource in Discovery.of(session, cached=False).listable():
        list(session.list_items(resource.path()))


def test_an_answer_that_comes_byte_by_byte_ends_with_its_deadline(bed: Any) -> None:
    with a_dripping_server(bed) as access:
        started = time.monotonic()
        with pytest.raises(UnreachableError, match="timed out"):
            Session(access, until=started + 2).get("/api/v1/pods")
        assert time.monotonic() - started < 4


def test_a_handshake_that_breaks_off_says_nothing_about_the_certificate(
    bed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "FIRST_ANSWER_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_hang_up, args=(listener,), daemon=True).start()
        access = resolve_access(connection_to(bed["acme"]), {})
        port = listener.getsockname()[1]
        with pytest.raises(UnreachableError, match="did not answer"):
            Session(replace(access, server=f"https://127.0.0.1:{port}")).get("/api/v1/pods")


def _hang_up(listener: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection, _address = listener.accept()
            connection.close()


def test_a_watch_that_brings_no_event_ends_soon(bed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "WATCH_SECONDS", 1.0)
    with a_dripping_server(bed) as access:
        started = time.monotonic()
        assert list(Session(access).watch("/api/v1/pods", {}, 600)) == []
        assert time.monotonic() - started < 8


@pytest.mark.parametrize("before", [True, False])
def test_a_server_that_answered_this_run_before_is_waited_for_while_it_restarts(
    bed: Any, monkeypatch: pytest.MonkeyPatch, before: bool
) -> None:
    monkeypatch.setattr(session_module, "FIRST_ANSWER_SECONDS", 0.3)
    with a_server(bed, [*[(0, {})] * 5, (200, {})]) as (access, paths):
        session = Session(access, has_answered=before)
        if before:
            assert session.get("/x") == {}
        else:
            with pytest.raises(UnreachableError):
                session.get("/x")
    assert (len(paths) == 6) is before


def test_a_server_that_takes_calls_and_never_answers_is_given_up_within_seconds(
    bed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "FIRST_ANSWER_SECONDS", 0.3)
    monkeypatch.setattr(session_module, "FIRST_READ_SECONDS", 0.2)
    over = threading.Event()

    class Silent(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            over.wait(60)

    with serving(bed, Silent) as access:
        started = time.monotonic()
        with pytest.raises(UnreachableError, match="timed out"):
            Session(access).get("/api/v1/namespaces/kube-system")
        over.set()
        assert time.monotonic() - started < 8


@contextmanager
def a_dripping_server(bed: Any) -> Iterator[Access]:
    """One that never stops answering: a byte every tenth of a second."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "100000")
            self.end_headers()
            with contextlib.suppress(OSError):
                for _byte in range(300):
                    self.wfile.write(b" ")
                    self.wfile.flush()
                    time.sleep(0.1)

        def log_message(self, *_arguments: object) -> None:
            pass

    with serving(bed, Handler) as access:
        yield access


@pytest.mark.parametrize("trouble", [RESET, 503, 504], ids=["cut off", "503", "504"])
def test_an_object_whose_answer_was_lost_is_known_again_and_made_once(bed: Any, trouble: int) -> None:
    cluster, maps = bed["acme"], "/api/v1/namespaces/default/configmaps"
    lost: list[str] = []

    def after(method: str, _path: str) -> int | None:
        if method != "POST" or lost:
            return None
        lost.append(method)
        return trouble

    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "once"}, "data": {"by": "alice at noon"}}
    try:
        with troubled(cluster, by_status(after=after)) as server:
            session = open_session(cluster, server=server)
            made = create_once(session, maps, manifest)
            assert lost == ["POST"]
            assert made["metadata"]["uid"] == cluster.request("GET", f"{maps}/once")["metadata"]["uid"]
            with pytest.raises(ConflictError):
                create_once(session, maps, {**manifest, "data": {"by": "bob at noon"}})
    finally:
        cluster.request("DELETE", f"{maps}/once")
