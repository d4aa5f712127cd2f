# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real TLS server on the loopback address, reached as if it were a public one: what is seen of it, and when."""

from __future__ import annotations

import datetime
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ansible_collections.fireworks.byoc.plugins.module_utils._kube.deadline import BoundedSocket
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.endpoint_info import look
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.public_endpoint import Ways

DOMAIN, PUBLIC = "llm.acme.example", "8.8.8.8"
KEY = ec.generate_private_key(ec.SECP256R1())
NOW = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
ROOT = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an authority")])
HELLO = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 6\r\n\r\nsecret"


def certificate(names: list[str], days: float, *, since: float = -60.0, authority: bool = False) -> bytes:
    subject = ROOT if authority else x509.Name([])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(ROOT)
        .public_key(KEY.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + datetime.timedelta(days=since))
        .not_valid_after(NOW + datetime.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    if names:
        said = x509.SubjectAlternativeName([x509.DNSName(each) for each in names])
        builder = builder.add_extension(said, critical=True)
    return builder.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def speaking(pem: bytes, folder: Path) -> ssl.SSLContext:
    private = KEY.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "server.pem").write_bytes(pem + private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return context


@contextmanager
def serving(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """A port at which each connection is given to ``serve``, until the end."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    taken, _ = listening.accept()
                    threading.Thread(target=handle, args=(taken,), daemon=True).start()

        def handle(taken: socket.socket) -> None:
            with suppress(OSError), taken:
                serve(taken)

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield listening.getsockname()[1]
        finally:
            with suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)


def seen(
    port: int, *, resolve: Callable[..., Any] | None = None, asked: list[Any] | None = None, **more: Any
) -> dict[str, Any]:
    def connect(where: tuple[str, int], seconds: float) -> socket.socket:
        if asked is not None:
            asked.append(where)
        return socket.create_connection(("127.0.0.1", port), seconds)

    given = {"domain": DOMAIN, "hosts": [], "addresses": [PUBLIC], "ask_private_addresses": False, "port": 443}
    return look({**given, "timeout": 60, **more}, Ways(resolve or resolving({DOMAIN: [PUBLIC]}), connect))


def resolving(table: dict[str, list[str]]) -> Callable[..., Any]:
    def resolve(name: str, *_: Any, **__: Any) -> list[Any]:
        if name not in table:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in table[name]]

    return resolve


@pytest.fixture(autouse=True)
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's trust store holds our authority, and its environment no proxy."""
    (tmp_path / "roots.pem").write_bytes(certificate([], 3650, authority=True))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "roots.pem"))
    for name in ("https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def answering(pem: bytes, folder: Path, said: bytes = HELLO) -> Callable[[socket.socket], None]:
    context = speaking(pem, folder)

    def serve(taken: socket.socket) -> None:
        with context.wrap_socket(taken, server_side=True) as tls:
            heard = b""
            while b"\r\n\r\n" not in heard:
                heard += tls.recv(4096)
            REQUESTS.append(heard)
            tls.sendall(said)

    return serve


REQUESTS: list[bytes] = []
LATE = 60
"""Seconds. The deadline is one; a busy machine adds to it, and what is waited for would take twice this."""
RIGHT = [DOMAIN, f"*.{DOMAIN}"]


@pytest.mark.parametrize(
    ("names", "days", "since", "trust"),
    [
        (RIGHT, 90, -60, "verified"),
        (["other.example"], 90, -60, "other_name"),
        ([], 90, -60, "other_name"),
        (RIGHT, -1, -60, "expired"),
        (RIGHT, 90, 1, "not_yet_valid"),
    ],
)
def test_a_certificate_is_read_whatever_is_wrong_with_it(
    tmp_path: Path, names: list[str], days: float, since: float, trust: str
) -> None:
    REQUESTS.clear()
    with serving(answering(certificate(names, days, since=since), tmp_path)) as port:
        asked: list[Any] = []
        found = seen(port, asked=asked)
    answer = found["answer"]
    assert (answer["trust"], answer["status"], answer["error"]) == (trust, 401, "")
    assert answer["certificate"]["names"] == names
    ends = (NOW + datetime.timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert answer["certificate"]["not_after"] == ends
    assert set(asked) == {(PUBLIC, 443)}
    assert found["asked_from"] == socket.gethostname()
    [request] = REQUESTS
    assert request.startswith(b"GET /v1/models HTTP/1.1\r\nHost: llm.acme.example\r\n")
    assert b"authorization" not in request.lower()
    assert "secret" not in str(found)


def test_an_authority_that_this_machine_does_not_trust_is_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "none.pem").write_bytes(b"")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    with serving(answering(certificate(RIGHT, 90), tmp_path)) as port:
        answer = seen(port)["answer"]
    assert (answer["trust"], answer["certificate"]["names"], answer["status"]) == ("unknown_authority", RIGHT, 401)


def test_a_name_in_a_certificate_cannot_write_lines_or_steer_a_terminal(tmp_path: Path) -> None:
    names = ["a\x1b[2J.example", "b\nall is well.example", "c" * 9999]
    with serving(answering(certificate(names, 90), tmp_path)) as port:
        answer = seen(port)["answer"]
    assert answer["certificate"]["names"] == ["a\\u001b[2J.example", "b all is well.example", "c" * 253]


@pytest.mark.parametrize(
    ("said", "status", "error"),
    [
        (b"HTTP/1.1 302 Found\r\nLocation: https://169.254.169.254/\r\n\r\n", 302, ""),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 200_000, 200, ""),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 60_000 + b"\r\n", 0, "the answer is not HTTP, or not whole"),
        (b"SSH-2.0-x\r\n", 0, "the answer is not HTTP, or not whole"),
        (b"", 0, "Remote end closed connection without response"),
    ],
)
def test_an_answer_is_its_status_and_no_redirect_is_followed(
    tmp_path: Path, said: bytes, status: int, error: str
) -> None:
    asked: list[Any] = []
    with serving(answering(certificate(RIGHT, 90), tmp_path, said)) as port:
        answer = seen(port, asked=asked)["answer"]
    assert (answer["status"], answer["error"], len(asked)) == (status, error, 1)


def test_no_more_than_64_kib_of_an_answer_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    honest = BoundedSocket.recv_into

    def counting(self: BoundedSocket, *arguments: Any) -> int:
        read.append(honest(self, *arguments))
        return read[-1]

    monkeypatch.setattr(BoundedSocket, "recv_into", counting)
    said = b"HTTP/1.1 200 OK\r\n" + (b"X: " + b"y" * 60_000 + b"\r\n") * 50
    with serving(answering(certificate(RIGHT, 90), tmp_path, said)) as port:
        assert seen(port)["answer"]["status"] == 200
    assert sum(read) == 64 * 1024


def drips(context: ssl.SSLContext) -> Callable[[socket.socket], None]:
    """One byte of a header at a time, without end."""

    def serve(taken: socket.socket) -> None:
        with context.wrap_socket(taken, server_side=True) as tls:
            tls.sendall(b"HTTP/1.1 200 OK\r\nX: ")
            while True:
                tls.sendall(b"y")
                time.sleep(0.05)

    return serve


def test_who_says_nothing_or_everything_slowly_is_given_up_in_time(tmp_path: Path) -> None:
    context = speaking(certificate(RIGHT, 90), tmp_path)
    for serve in (lambda _: time.sleep(120), drips(context)):
        started = time.monotonic()
        with serving(serve) as port:
            answer = seen(port, timeout=1)["answer"]
        assert (answer["connected"], answer["status"], answer["error"]) == (True, 0, "no whole answer within 1 s")
        assert time.monotonic() - started < LATE


def test_what_speaks_no_tls_or_nothing_at_all_is_said_in_one_sentence() -> None:
    with serving(lambda taken: taken.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as port:
        answer = seen(port)["answer"]
    assert (answer["connected"], answer["error"]) == (True, "no TLS: wrong version number")
    answer = seen(port)["answer"]  # nobody listens any more
    assert (answer["connected"], answer["error"]) == (False, "Connection refused")


def test_a_name_that_leads_elsewhere_is_not_asked_there_and_forbidden_addresses_never() -> None:
    asked: list[Any] = []
    with serving(lambda taken: None) as port:
        found = seen(port, asked=asked, resolve=resolving({DOMAIN: ["9.9.9.9"]}))
        assert found["names"][0]["addresses"] == ["9.9.9.9"]
        assert {address for address, _ in asked} == {PUBLIC}
        asked.clear()
        table = {DOMAIN: ["169.254.169.254"], "lb.example": ["127.0.0.1", "10.0.0.9"]}
        found = seen(port, asked=asked, resolve=resolving(table), addresses=["169.254.169.254", "lb.example"])
        assert (asked, found["answer"]) == ([], {})
        assert found["not_tested"].startswith("169.254.169.254 is an address of a cloud's own services; ")
        seen(port, asked=asked, resolve=resolving(table), addresses=["lb.example"], ask_private_addresses=True)
        assert {address for address, _ in asked} == {"10.0.0.9"}


def test_a_look_up_ends_in_time_and_no_such_name_is_told_apart_from_no_answer() -> None:
    def resolve(name: str, *_: Any, **__: Any) -> list[Any]:
        if name == DOMAIN:
            time.sleep(120)
        if name == "a.example":
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        if name == "b.example":
            raise UnicodeError("label too long")
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    started = time.monotonic()
    found = seen(1, resolve=resolve, hosts=["a.example", "b.example", "c.example"], addresses=[], timeout=1)
    assert time.monotonic() - started < LATE
    assert [(one["answered"], one["error"]) for one in found["names"]] == [
        (False, "no whole answer within 1 s"),
        (False, "Temporary failure in name resolution"),
        (False, "label too long"),
        (True, "Name or service not known"),
    ]
    assert found["not_tested"] == "the addresses of the entry point are not known"


def test_a_proxy_of_the_environment_is_said_and_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    asked: list[Any] = []
    with serving(lambda taken: None) as port:
        found = seen(port, asked=asked)
    assert found["proxy"] is True
    assert asked == [(PUBLIC, 443)]
