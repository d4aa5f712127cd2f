# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS contexts from PEM text, without leaving a key on a disk."""

from __future__ import annotations

import os
import ssl
import tempfile

from .deadline import BoundedSocket
from .errors import CredentialError
from .pem import certificates, is_encrypted, private_key


def tls_context(*, ca_pem: str | None, cert_pem: str | None, key_pem: str | None, source: str) -> ssl.SSLContext:
    """A context that trusts exactly ``ca_pem`` (or the system, when ``None``) and presents the client certificate.

    :raises CredentialError: a PEM that OpenSSL does not accept.
    """
    context = ssl.create_default_context() if ca_pem is None else _trusting(ca_pem, source)
    context.sslsocket_class = BoundedSocket
    # Python 3.13 turned RFC 5280 strictness on; many clusters' own CAs (k3s, kubeadm before 1.31) lack what it asks.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if cert_pem and key_pem:
        _present(context, cert_pem, key_pem, source)
    return context


def proxy_context(ca_pem: str | None, source: str) -> ssl.SSLContext:
    """For the way to an https proxy: trusts the system's authorities and the cluster's, and presents nothing."""
    context = ssl.create_default_context()
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if ca_pem is not None:
        _trust(context, ca_pem, source)
    return context


def _trusting(ca_pem: str, source: str) -> ssl.SSLContext:
    # Not create_default_context(cadata=…): where that is empty it trusts the system.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _trust(context, ca_pem, source)
    return context


def _trust(context: ssl.SSLContext, ca_pem: str, source: str) -> None:
    """Like kubectl: a certificate that cannot be read is passed over, as long as there is one that can."""
    if not sum(_is_loaded(context, each) for each in certificates(ca_pem)):
        raise CredentialError(
            "the CA is not a PEM certificate", where=source, next_step="give the cluster's CA in PEM form"
        )


def _is_loaded(context: ssl.SSLContext, certificate: bytes) -> bool:
    try:
        context.load_verify_locations(cadata=certificate)
    except (ssl.SSLError, ValueError):
        return False
    return True


def _present(context: ssl.SSLContext, cert_pem: str, key_pem: str, source: str) -> None:
    chain, key = certificates(cert_pem), private_key(key_pem)
    if is_encrypted(key):
        raise CredentialError(
            "the client key is encrypted with a passphrase, which nobody can be asked for here",
            where=source,
            next_step="write the key without one (openssl pkey -in KEY -out KEY), in a file that only its owner reads",
        )
    try:
        _load_chain(context, "".join([*map(ssl.DER_cert_to_PEM_cert, chain), key]))
    except (ssl.SSLError, ValueError):
        raise CredentialError(
            "the client certificate and its key do not belong together or are not PEM",
            where=source,
            next_step="write a new kubeconfig",
        ) from None


def _load_chain(context: ssl.SSLContext, pem: str) -> None:
    """OpenSSL reads a chain from a file only: memory posing as one on Linux, else a 0600 file gone at once."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("client-certificate", os.MFD_CLOEXEC)
        try:
            os.write(descriptor, pem.encode("ascii"))
            _load_file(context, f"/proc/self/fd/{descriptor}")
        finally:
            os.close(descriptor)
        return
    with tempfile.NamedTemporaryFile("w", encoding="ascii") as handle:
        handle.write(pem)
        handle.flush()
        _load_file(context, handle.name)


def _load_file(context: ssl.SSLContext, path: str) -> None:
    context.load_cert_chain(path, password="")  # without one, OpenSSL would ask for it on the terminal
