# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts that must be more than text: each checker raises ValueError saying what was meant.

The schema names a checker with ``format``, so that a value is parsed where the schema meets it.
A message continues the value: "'noon' is not a time of day: …".
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
import uuid
from collections.abc import Callable
from urllib.parse import SplitResult, urlsplit

from .durations import parse_duration
from .logins import holds_login
from .time_zones import time_zone
from .windows import parse_clock, parse_moment

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----\s+(.+?)\s+-----END CERTIFICATE-----", re.DOTALL)
_EMAIL = re.compile(r"^[^@\s,;<>]+@([A-Za-z0-9-]+\.)+[A-Za-z][A-Za-z0-9-]*$")
_LABEL = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"
_DOMAIN = re.compile(rf"^({_LABEL}\.)+{_LABEL}$")
_REGISTRY = re.compile(rf"^{_LABEL}(\.{_LABEL})*(:\d{{1,5}})?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*$")


def check_uuid(text: str) -> None:
    """A UUID in its usual form of 36 characters."""
    try:
        same = str(uuid.UUID(text)) == text.lower()
    except ValueError:
        same = False
    if not same:
        raise ValueError(
            "is not a cluster UID: it is what `kubectl get namespace kube-system -o jsonpath={.metadata.uid}` prints"
        )


def check_https(text: str) -> None:
    """The URL of an API server: https, a host, perhaps a port and a path, and nothing else."""
    url = _url(text)
    if url is None or url.scheme != "https" or not url.hostname or holds_login(text):
        raise ValueError("is not the address of an API server: write it like https://api.example.com:6443")


def check_proxy(text: str) -> None:
    """The URL of a proxy."""
    url = _url(text)
    if url is None or url.scheme not in ("http", "https") or not url.hostname or holds_login(text):
        raise ValueError("is not the address of a proxy: write it like http://proxy.example.com:3128")


def check_cidr(text: str) -> None:
    """A network in CIDR notation, without host bits."""
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError("is not a network: write it like 10.0.0.0/8") from None
    if "/" not in text:
        raise ValueError(f"is an address, not a network: did you mean '{network}'?")
    if str(network) != text.lower():
        raise ValueError(f"is an address inside a network: did you mean '{network}'?")


def check_certificates(text: str) -> None:
    """One or more PEM certificates."""
    blocks = _CERTIFICATE.findall(text)
    if not blocks:
        raise ValueError(
            "has no PEM certificate: it begins with -----BEGIN CERTIFICATE----- and every line is indented alike"
        )
    for block in blocks:
        try:
            base64.b64decode("".join(block.split()), validate=True)
        except (binascii.Error, ValueError):
            raise ValueError("has a PEM certificate that is damaged: copy the whole certificate again") from None


def check_email(text: str) -> None:
    """An e-mail address, without a display name."""
    if not _EMAIL.fullmatch(text):
        raise ValueError("is not an e-mail address: write it like oncall@example.com")


def check_domain(text: str) -> None:
    """A DNS name of two labels or more."""
    if len(text) > 253 or not _DOMAIN.fullmatch(text):
        raise ValueError("is not a domain name: write it like llm.example.com, in lower case and without https://")


def check_registry(text: str) -> None:
    """An image registry and perhaps a path in it, without scheme, tag or digest."""
    if not _REGISTRY.fullmatch(text):
        raise ValueError(
            "is not an image registry: write it like registry.example.com/fireworks, without https:// and without a tag"
        )


def check_source(text: str) -> None:
    """Where a model's weights come from: a URI with a scheme."""
    url = _url(text)
    if url is None or not url.scheme or not (url.netloc or url.path.strip("/")) or "://" not in text:
        raise ValueError("is not where a model comes from: write it like hf://organisation/model or s3://bucket/path")
    if holds_login(text):
        raise ValueError("has user info, a query or a fragment, where secrets may be: write it without")


FORMATS: dict[str, Callable[[str], object]] = {
    "byoc-certificates": check_certificates,
    "byoc-cidr": check_cidr,
    "byoc-clock": parse_clock,
    "byoc-domain": check_domain,
    "byoc-duration": parse_duration,
    "byoc-email": check_email,
    "byoc-https": check_https,
    "byoc-moment": parse_moment,
    "byoc-proxy": check_proxy,
    "byoc-registry": check_registry,
    "byoc-source": check_source,
    "byoc-time-zone": time_zone,
    "byoc-uuid": check_uuid,
}


def _url(text: str) -> SplitResult | None:
    if re.search(r"[\s\x00-\x1f]", text):
        # urlsplit would drop line breaks without a word.
        return None
    try:
        url = urlsplit(text)
        url.port  # noqa: B018  (raises for a port that is no number)
    except ValueError:
        return None
    return url
