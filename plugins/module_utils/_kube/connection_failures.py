# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Readable messages for failed connections."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator

from .._vocabulary.addresses import shown_address
from .._vocabulary.owner import Owner
from .errors import CredentialError, KubeError, TlsError, UnreachableError

try:
    from urllib3.exceptions import ProxyError
    from urllib3.util.ssl_match_hostname import CertificateError
except ImportError:  # reported by Operation before anything runs
    _OTHER_NAME: tuple[type[Exception], ...] = ()
    _OF_PROXY: tuple[type[Exception], ...] = ()
else:
    _OTHER_NAME, _OF_PROXY = (CertificateError,), (ProxyError,)

#: What http.client says when a proxy does not connect. What the proxy itself says after it may be anything.
_NOT_CONNECTED = re.compile(r"Tunnel connection failed: (\d{3})\b")


def connection_failure(error: Exception, *, proxy_url: str | None, where: str) -> KubeError:
    """Why there was no answer: at the proxy, if there is one, or behind it."""
    if proxy_url and (said := _refusal(error)):
        return _refused_by_proxy(said, f"the proxy {shown_address(proxy_url)}", where)
    at_proxy = next((each for each in _chain(error) if proxy_url and isinstance(each, _OF_PROXY)), None)
    if at_proxy:
        proxy = f"the proxy {shown_address(proxy_url or '')}"
        return _failed_at_proxy(proxy, _behind(at_proxy) or at_proxy, where)
    reason = plain_reason(error)
    if not is_distrust(error):
        return unanswered(reason, where=where)
    return TlsError(
        f"the server's certificate is not trusted: {reason}",
        where=where,
        next_step="compare the CA (and tls_server_name) in the contract with the cluster's; do not go on if it "
        "changed unannounced",
        owner=Owner.CUSTOMER,
    )


def unanswered(reason: str, *, where: str) -> UnreachableError:
    """No answer came."""
    return UnreachableError(
        f"the API server did not answer: {reason}",
        where=where,
        next_step="check the address, the network path and the cluster",
        owner=Owner.CUSTOMER,
    )


def _failed_at_proxy(proxy: str, why: BaseException, where: str) -> KubeError:
    if is_distrust(why):
        return TlsError(
            f"the certificate of {proxy} is not trusted: {plain_reason(why)}",
            where=where,
            next_step="have its CA put where this machine keeps those it trusts, or into the kubeconfig's CA",
        )
    return UnreachableError(
        f"{proxy} cannot be reached: {plain_reason(why)}",
        where=where,
        next_step="check the proxy's address, and the network path to it",
    )


def _refused_by_proxy(status: str, proxy: str, where: str) -> KubeError:
    if status == "407":
        return CredentialError(
            f"{proxy} wants a credential, or another one than it was sent (407); the API server was not asked",
            where=where,
            next_step="give its user and password in the proxy-url of the kubeconfig, before the address: http://<user>:<password>@<proxy>",
        )
    return UnreachableError(
        f"{proxy} does not connect to the API server: it answered {status}",
        where=where,
        next_step="have the proxy let this machine connect to the API server's address and port",
    )


def _refusal(error: BaseException) -> str:
    """The status with which a proxy refused to connect; empty if it did not."""
    return next((found[1] for each in _chain(error) if (found := _NOT_CONNECTED.match(str(each)))), "")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = _behind(error)


def _behind(error: BaseException) -> BaseException | None:
    """What led to an error: urllib3 says it in one of three ways."""
    given = (getattr(error, "original_error", None), *error.args)
    inner = next((each for each in given if isinstance(each, BaseException)), None)
    return error.__cause__ or inner or error.__context__


def is_distrust(error: BaseException | None) -> bool:
    """Whether the server's certificate was examined and is not trusted; a broken handshake says nothing about it."""
    return any(isinstance(each, (ssl.SSLCertVerificationError, *_OTHER_NAME)) for each in _chain(error))


def plain_reason(error: BaseException) -> str:
    """Why there was no answer, without urllib3's names of its own objects."""
    cause = error.__cause__ or error.__context__ or error
    text = getattr(cause, "strerror", None) or str(cause)
    return str(text).rsplit("): ", maxsplit=1)[-1].rstrip(".")
