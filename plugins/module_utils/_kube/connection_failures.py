# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Readable messages for failed connections."""

from __future__ import annotations

import ssl

try:
    from urllib3.util.ssl_match_hostname import CertificateError
except ImportError:  # reported by Operation before anything runs
    _OTHER_NAME: tuple[type[Exception], ...] = ()
else:
    _OTHER_NAME = (CertificateError,)


def is_distrust(error: BaseException | None) -> bool:
    """Whether the server's certificate was examined and is not trusted; a broken handshake says nothing about it."""
    while error is not None:
        if isinstance(error, (ssl.SSLCertVerificationError, *_OTHER_NAME)):
            return True
        error = error.__cause__ or error.__context__
    return False


def plain_reason(error: Exception) -> str:
    """Why there was no answer, without urllib3's names of its own objects."""
    cause = error.__cause__ or error.__context__ or error
    text = getattr(cause, "strerror", None) or str(cause)
    return str(text).rsplit("): ", maxsplit=1)[-1].rstrip(".")
