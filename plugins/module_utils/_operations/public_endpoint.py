# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A public endpoint, as this machine sees it: its names, its certificate, one answer.

No credential, no proxy, no redirect; an end in time, and in size. Whatever goes wrong is a result.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .._domain.moments import shown_moment
from .._domain.preflight.asked_addresses import plain_address
from .._kube.deadline import BoundedSocket, whole_answer_within
from .._kube.resolving import Resolve, addresses_of
from .._kube.threads import in_threads
from .._kube.tls import tls_context
from .._vocabulary.harmless import one_line

try:
    from cryptography import x509
except ImportError:  # where Ansible itself is, it is too; elsewhere the result says so
    _CAN_READ_CERTIFICATES = False
else:
    _CAN_READ_CERTIFICATES = True

_PATH = "/v1/models"
"""All routes lead ``/v1`` to the router."""
_THREADS = 40
"""All names at once: each may take a whole deadline."""
_MOST_NAMES = 100
_LONGEST_NAME = 253
_NO_SUCH_NAME = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}
#: X509_V_ERR_… of OpenSSL, in words for the judge.
_TRUST = {9: "not_yet_valid", 10: "expired", 62: "other_name", **dict.fromkeys((18, 19, 20, 21), "unknown_authority")}

Data = dict[str, Any]


@dataclass(frozen=True)
class Ways:
    """How this machine reaches others; tests give their own."""

    resolve: Resolve = socket.getaddrinfo
    connect: Callable[..., socket.socket] = socket.create_connection


@dataclass(frozen=True)
class Place:
    """Where to ask, for which name, and by when.

    :param seconds: the deadline of each step.
    :param until: the moment (of ``time.monotonic``) by which all of them are over.
    """

    domain: str
    address: str
    port: int
    seconds: float
    until: float

    def step(self) -> float:
        """How long the next step may take."""
        return max(0.1, min(self.seconds, self.until - time.monotonic()))


class _ShortSocket(BoundedSocket):
    """Ends after 64 KiB: of what others send us, only the beginning of an answer is of use."""

    _left = 64 * 1024

    def recv_into(self, buffer: Any, nbytes: int | None = None, flags: int = 0) -> int:
        most = min(nbytes or len(buffer), self._left)
        read = super().recv_into(buffer, most, flags) if most else 0
        self._left -= read
        return read


def look_up_all(names: Sequence[str], seconds: float, ways: Ways) -> list[Data]:
    """Each name with its addresses; ``answered`` where that is known, even if there is none."""
    return in_threads(lambda name: _look_up(name, seconds, ways), names, _THREADS)


def _look_up(name: str, seconds: float, ways: Ways) -> Data:
    literal = plain_address(name)
    try:
        found = [literal] if literal else [plain_address(each) for each in addresses_of(name, seconds, ways.resolve)]
    except (OSError, ValueError) as error:
        known = isinstance(error, socket.gaierror) and error.errno in _NO_SUCH_NAME
        return {"name": name, "addresses": [], "answered": known, "error": why(error, seconds)}
    return {"name": name, "addresses": sorted(filter(None, found)), "answered": True, "error": ""}


def ask(place: Place, ways: Ways) -> Data:
    """What one address presents and answers. A certificate that is not trusted is read all the same, and judged."""
    found: Data = {
        "address": place.address,
        "connected": False,
        "trust": "",
        "certificate": {},
        "status": 0,
        "error": "",
    }
    for context in (trusting(), _distrusting()):
        try:
            plain = ways.connect((place.address, place.port), place.step())
        except OSError as error:
            return {**found, "error": why(error, place.seconds)}
        found["connected"] = True
        try:
            plain.settimeout(place.step())
            with plain, context.wrap_socket(plain, server_hostname=place.domain) as tls:
                return {**found, **_seen(tls, place, found["trust"] or "verified")}
        except ssl.SSLCertVerificationError as error:
            found["trust"] = _TRUST.get(error.verify_code, "not_trusted")
        except (OSError, ValueError) as error:
            return {**found, "error": why(error, place.seconds)}
    return found


def trusting() -> ssl.SSLContext:
    """Trusts whom this machine trusts, and reads the beginning of an answer only."""
    context = tls_context(ca_pem=None, cert_pem=None, key_pem=None, source="")
    context.sslsocket_class = _ShortSocket
    return context


def _distrusting() -> ssl.SSLContext:
    """Only for looking at a certificate that was refused: nothing secret is sent, and nothing received is believed."""
    context = trusting()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _seen(tls: ssl.SSLSocket, place: Place, trust: str) -> Data:
    found = {"trust": trust, "certificate": _certificate(tls.getpeercert(binary_form=True) or b"")}
    try:
        return {**found, "status": _status(tls, place)}
    except (OSError, http.client.HTTPException) as error:
        return {**found, "error": why(error, place.seconds)}


def _status(tls: ssl.SSLSocket, place: Place) -> int:
    """The status of one answer; its body is not read."""
    connection = http.client.HTTPConnection(place.domain)
    connection.sock = tls
    with whole_answer_within(place.step()):
        connection.request("GET", _PATH, headers={"Accept": "application/json", "Connection": "close"})
        with connection.getresponse() as answer:
            return int(answer.status)


def _certificate(der: bytes) -> Data:
    """The names that a certificate is for, and its end."""
    if not _CAN_READ_CERTIFICATES:
        return {"error": "the Python library cryptography, which reads it, is missing"}
    try:
        read = x509.load_der_x509_certificate(der)
        ends = read.not_valid_after_utc.timestamp()
    except (ValueError, x509.InvalidVersion):
        return {"error": "it cannot be read"}
    return {"names": _names(read), "not_after": shown_moment(ends), "error": ""}


def _names(certificate: Any) -> list[str]:
    """Only the alternative names: clients have not looked at the common name for years (RFC 9525)."""
    try:
        said = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return []
    return [one_line(str(name)[:_LONGEST_NAME]) for name in said.get_values_for_type(x509.DNSName)[:_MOST_NAMES]]


def why(error: Exception, seconds: float) -> str:
    """What went wrong on the way, in words."""
    if isinstance(error, TimeoutError):
        return f"no whole answer within {seconds:g} s"
    if isinstance(error, ssl.SSLError):
        return f"no TLS: {str(error.reason or 'the connection ended early').replace('_', ' ').lower()}"
    if isinstance(error, http.client.HTTPException) and not isinstance(error, OSError):
        return "the answer is not HTTP, or not whole"
    return str(getattr(error, "strerror", None) or error)
