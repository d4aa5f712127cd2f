# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proxy's URL: where it is, and the credential for it, which goes to it and nowhere else."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes, urlsplit

from .._vocabulary.addresses import shown_address
from .errors import CredentialError

_SCHEMES = ("http", "https")
_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")


@dataclass(frozen=True, repr=False)  # no repr: it would print secrets
class Proxy:
    """:param url: without the credential. :param headers: what the proxy, and only it, is sent."""

    url: str
    headers: Mapping[str, str]


def proxy_of(text: str, source: str) -> Proxy:
    """The proxy that a URL names.

    :raises CredentialError: it is none that we can go through.
    """
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:
        raise _unusable(text, source) from None
    host = url.hostname or ""
    if url.scheme not in _SCHEMES or port == 0 or not _HOST.fullmatch(host):
        raise _unusable(text, source)
    place = f"[{host}]" if ":" in host else host
    user_info, at, _place = url.netloc.rpartition("@")
    address = f"{url.scheme}://{place}{f':{port}' if port else ''}"
    return Proxy(address, {"proxy-authorization": _basic(user_info)} if at else {})


def _basic(user_info: str) -> str:
    # As Go has it: user and password are unquoted each, and sent in UTF-8.
    user, _colon, password = user_info.partition(":")
    given = unquote_to_bytes(user) + b":" + unquote_to_bytes(password)
    return f"Basic {base64.b64encode(given).decode()}"


def _unusable(text: str, source: str) -> CredentialError:
    return CredentialError(
        f"the proxy must be an http:// or https:// URL, not {shown_address(text)!r}",
        where=source,
        next_step="correct the proxy in the kubeconfig or in `access.proxy_url`; instead of a SOCKS proxy, "
        "give one that knows CONNECT",
    )
