# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From when until when a certificate is valid: two moments in its DER (RFC 5280, 4.1). Nothing is verified."""

from __future__ import annotations

from datetime import UTC, datetime

from .pem import certificates

_SEQUENCE, _VERSION = 0x30, 0xA0
_FORMS = {0x17: "%y%m%d%H%M%SZ", 0x18: "%Y%m%d%H%M%SZ"}
"""How UTCTime and GeneralizedTime are written."""


def certificate_life(pem: str) -> tuple[float, float] | None:
    """From when until when the first certificate is valid, in seconds since 1970; None where that cannot be read."""
    try:
        _tag, whole, _rest = _element(certificates(pem)[0])
        _tag, signed, _rest = _element(whole)
        tag, _version, rest = _element(signed)
        # The version may be left out; then come the serial number, the signature's algorithm and the issuer.
        for _field in range(3 if tag == _VERSION else 2):
            _tag, _value, rest = _element(rest)
        tag, validity, _rest = _element(rest)
        first, from_when, rest = _element(validity)
        last, until, _rest = _element(rest)
        return (_moment(first, from_when), _moment(last, until)) if tag == _SEQUENCE else None
    except (IndexError, KeyError, ValueError):
        return None


def _element(data: bytes) -> tuple[int, bytes, bytes]:
    """Its tag, its value, and what follows it. Raises IndexError where the data ends too early."""
    size, start = data[1], 2
    if size & 0x80:
        start += size & 0x7F
        size = int.from_bytes(data[2:start], "big")
    if len(data) < start + size:
        raise IndexError("the data ends within an element")
    return data[0], data[start : start + size], data[start + size :]


def _moment(tag: int, text: bytes) -> float:
    return datetime.strptime(text.decode("ascii"), _FORMS[tag]).replace(tzinfo=UTC).timestamp()
