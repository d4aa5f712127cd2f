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


def tls_context(*, ca_pem: str | None, cert_pem: str | None, key_pem: str | None, source: str) -> ssl.SSLContext:
    """A context that trusts exactly ``ca_pem`` (or the system, when ``None``) and presents the client certificate.

    :raises CredentialError: a PEM that OpenSSL does not accept.
    """
    try:
        context = ssl.create_default_context(cadata=ca_pem)
    except (ssl.SSLError, ValueError):
        raise CredentialError(
            "the CA is not a PEM certificate", where=source, next_step="give the cluster's CA in PEM form"
        ) from None
    context.sslsocket_class = BoundedSocket
    # Python 3.13 turned RFC 5280 strictness on; many clusters' own CAs (k3s, kubeadm before 1.31) lack what it asks.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if cert_pem and key_pem:
        try:
            _load_chain(context, f"{cert_pem.rstrip()}\n{key_pem.rstrip()}\n")
        except (ssl.SSLError, ValueError):
            raise CredentialError(
                "the client certificate and its key do not belong together or are not PEM",
                where=source,
                next_step="write a new kubeconfig",
            ) from None
    return context


def _load_chain(context: ssl.SSLContext, pem: str) -> None:
    """OpenSSL reads a chain from a file only: memory posing as one on Linux, else a 0600 file gone at once."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("client-certificate", os.MFD_CLOEXEC)
        try:
            os.write(descriptor, pem.encode("ascii"))
            context.load_cert_chain(f"/proc/self/fd/{descriptor}")
        finally:
            os.close(descriptor)
        return
    with tempfile.NamedTemporaryFile("w", encoding="ascii") as handle:
        handle.write(pem)
        handle.flush()
        context.load_cert_chain(handle.name)
