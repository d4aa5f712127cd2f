# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a registry is told and says: the logins of a docker config, and whom a registry may send us to with one.

The config is that of ``docker login``: docs.docker.com, "docker login". What registries answer: the docs of
github.com/distribution/distribution, "Token Authentication Specification".
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

from .._vocabulary.others_json import read_json

_HUB, _HUB_KEY, _HUB_API = "docker.io", "index.docker.io", "registry-1.docker.io"
_PARAMETER = re.compile(r'([a-z]+)="([^"]*)"')


class UnreadableConfigError(ValueError):
    """A text that is no docker config; says why, and nothing of what is in it."""


@dataclass(frozen=True)
class Login:
    """A user's name and password for one registry."""

    user: str
    password: str

    @property
    def basic(self) -> str:
        """As a header has it."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


@dataclass(frozen=True)
class Challenge:
    """What a registry answers to whoever says nothing of themselves: ``basic`` or ``bearer``, and where from."""

    scheme: str
    realm: str = ""
    service: str = ""


def login_for(config: str, registry: str) -> Login | str:
    """The login that a docker config has for a registry, or why there is none to use, in words.

    :raises UnreadableConfigError: it is no docker config.
    """
    data = _config(config)
    host = _HUB_KEY if registry == _HUB else registry
    entry = next((one for key, one in data["auths"].items() if _host(key) == host and isinstance(one, Mapping)), None)
    by_program = data.get("credsStore") or host in (data.get("credHelpers") or {})
    if by_program and not (entry and entry.get("auth")):
        return "the docker config names a program for its credential, which is not run here"
    if entry is None:
        return f"the docker config has no login for {registry}"
    return _login(entry) or f"the docker config has no name and password for {registry}"


def registry_of(image: str) -> tuple[str, str, str]:
    """The registry of an image, its repository there, and its digest."""
    host, _slash, rest = image.partition("/")
    repository, _at, digest = rest.partition("@")
    return host, repository, digest


def api_host(registry: str) -> tuple[str, int]:
    """Where a registry answers: its host and port."""
    host, _colon, port = (_HUB_API if registry == _HUB else registry).partition(":")
    return host, int(port or 443)


def challenge(header: str) -> Challenge | None:
    """A registry's ``WWW-Authenticate``; None where nothing here can answer it."""
    scheme, _space, rest = header.strip().partition(" ")
    if scheme.lower() == "basic":
        return Challenge("basic")
    said = dict(_PARAMETER.findall(rest))
    if scheme.lower() != "bearer" or not said.get("realm"):
        return None
    return Challenge("bearer", said["realm"], said.get("service", ""))


def token_server(realm: str, registry: str) -> SplitResult | None:
    """Where a token is fetched, if a login for this registry may be sent there: to itself, and to the servers of the
    domain that it is in, by HTTPS. A registry cannot have it sent to anybody else."""
    try:
        url = urlsplit(realm)
        url.port  # noqa: B018  (raises for a port that is no number)
    except ValueError:
        return None
    host, server = api_host(registry)[0], url.hostname or ""
    parent = host.partition(".")[2]
    akin = server == host or ("." in parent and (server == parent or server.endswith(f".{parent}")))
    return url if url.scheme == "https" and akin and not url.username else None


def _config(text: str) -> dict[str, Any]:
    try:
        data = read_json(text)
    except ValueError:
        raise UnreadableConfigError("it is not JSON") from None
    if isinstance(data, dict) and data.get("auths") is None:
        data["auths"] = {}
    if not isinstance(data, dict) or not isinstance(data["auths"], dict):
        raise UnreadableConfigError("it has no mapping auths")
    if not isinstance(data.get("credHelpers") or {}, dict):
        raise UnreadableConfigError("its credHelpers are no mapping")
    return data


def _host(key: str) -> str:
    return key.removeprefix("https://").removeprefix("http://").partition("/")[0]


def _login(entry: Mapping[str, Any]) -> Login | None:
    """As docker and kubelets read it: ``auth`` beats a name and a password beside it, and may have line breaks."""
    auth = str(entry.get("auth") or "").replace("\r", "").replace("\n", "")
    if not auth:
        user, password = str(entry.get("username") or ""), str(entry.get("password") or "")
        return Login(user, password) if user and password else None
    try:
        user, _colon, password = base64.b64decode(auth, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    return Login(user, password) if user and password else None
