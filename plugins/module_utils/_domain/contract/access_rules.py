# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold inside ``access``: a credential goes only where it was issued for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .logins import holds_login
from .views import mapping, word

Data = Mapping[Any, Any]
Found = Iterator[tuple[tuple[Any, ...], str]]

_TOKENS = ("token_file", "token_env")
_KUBECONFIGS = ("kubeconfig_file", "kubeconfig_env")
_ENDPOINT = ("server", "ca_file", "ca_cert", "tls_server_name", "proxy_url")


def endpoint_is_a_tokens(data: Data) -> Found:
    """A bearer token needs an API server and its authority. A kubeconfig has its own, and nothing takes their place."""
    access = mapping(data, "access")
    token, kubeconfig = (_source(access, *kind) for kind in ((_TOKENS, "token"), (_KUBECONFIGS, "kubeconfig")))
    if token and not kubeconfig:
        gives = f"is missing: {token} gives a token"
        if "server" not in access:
            yield ("access", "server"), f"{gives}, which needs an API server, like https://api.example.com:6443"
        if not ("ca_file" in access or "ca_cert" in access):
            yield ("access", "ca_file"), f"{gives}, which is only sent to a server that ca_file or ca_cert vouches for"
    if kubeconfig:
        for key in _ENDPOINT:
            if key in access:
                advice = "which is sent to its own server only: remove the line, or correct the kubeconfig"
                yield ("access", key), f"belongs to a token, and {kubeconfig} gives a kubeconfig, {advice}"


def one_authority(data: Data) -> Found:
    """The certificates to trust are given once."""
    access = mapping(data, "access")
    if "ca_file" in access and "ca_cert" in access:
        yield ("access", "ca_cert"), "ca_file is given too: keep one of them"


def lookup_is_plain(data: Data) -> Found:
    """A lookup's arguments are words: never templates, and no URL that a secret may be part of."""
    lookup = mapping(mapping(mapping(data, "access"), "credential"), "lookup")
    terms = lookup.get("terms")
    values = [(("terms", index), term) for index, term in enumerate(terms if isinstance(terms, list) else [])]
    values += [(("options", key), value) for key, value in mapping(lookup, "options").items()]
    for place, value in values:
        if not isinstance(value, str):
            continue
        if any(mark in value for mark in ("{{", "{%", "{#")):
            what = "holds a template: a contract is data, write the value itself"
            yield ("access", "credential", "lookup", *place), what
        elif holds_login(value):
            what = "has a URL with user info or a query (not shown): a contract never holds a secret, remove it"
            yield ("access", "credential", "lookup", *place), what


def _source(access: Data, keys: tuple[str, ...], given: str) -> str | None:
    credential = mapping(access, "credential")
    if word(mapping(credential, "lookup"), "gives") == given:
        return "lookup"
    return next((key for key in keys if key in credential), None)


ACCESS_RULES: tuple[Callable[[Data], Found], ...] = (one_authority, endpoint_is_a_tokens, lookup_is_plain)
