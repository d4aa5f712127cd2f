# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The blocks of a PEM, as Go's encoding/pem finds them: whatever stands around them is a comment."""

from __future__ import annotations

import base64
import binascii
import re

_BEGIN, _END = "-----BEGIN ", "-----END "
_CERTIFICATE = re.compile(f"{_BEGIN}CERTIFICATE-----([A-Za-z0-9+/=\\s]*){_END}CERTIFICATE-----")
_KEY = re.compile(f"{_BEGIN}((?:[A-Z0-9]+ )*PRIVATE KEY)-----([^-]*(?:-[^-]+)*){_END}\\1-----")


def certificates(text: str) -> list[bytes]:
    """Its certificates in DER, in their order. One that is not base64 is left out, as Go does."""
    found = []
    for block in _CERTIFICATE.finditer(text):
        try:
            found.append(base64.b64decode("".join(block[1].split()), validate=True))
        except (binascii.Error, ValueError):
            continue
    return found


def private_key(text: str) -> str:
    """The first private key's block; empty where there is none. Parameters of an elliptic curve are left out."""
    found = _KEY.search(text)
    return "\n".join(line.strip() for line in found[0].splitlines()) + "\n" if found else ""


def is_encrypted(key: str) -> bool:
    """Whether a private key's block needs a passphrase, in either of its forms (PKCS #8, RFC 1421)."""
    return key.startswith(f"{_BEGIN}ENCRYPTED ") or "\nProc-Type: 4,ENCRYPTED" in key
