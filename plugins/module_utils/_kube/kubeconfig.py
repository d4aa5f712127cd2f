# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read one context of a kubeconfig: data in, data out, no network and no side effect.

Format: https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .._vocabulary.addresses import shown_address
from .._vocabulary.harmless import STEERING
from .allowed import Allowed, can_be_given
from .credential_files import expanded, read_file
from .errors import CredentialError
from .plain_yaml import NotPlainError, plain_data

_UNSUPPORTED = {
    "auth-provider": "was removed from Kubernetes in 1.26; use an exec plugin",
    "as": "impersonates another user; give the identity its own credential",
    "username": "is basic authentication, which Kubernetes removed in 1.19; use a token or a certificate",
}


@dataclass(frozen=True, repr=False)  # no repr: it would print secrets
class Access:
    """The address of one API server, and the credential for it.

    :param server: base URL, ``https://`` always.
    :param ca_pem: the trusted certificates; the system's own when ``None``.
    :param tls_server_name: the name expected in the server's certificate, when it is not the URL's host.
    :param proxy_url: an HTTP proxy.
    :param token: a bearer token.
    :param token_file: a file holding the token, read again as it rotates, where ``allowed`` lets it be.
    :param cert_pem: client certificate, with ``key_pem``.
    :param exec_spec: the kubeconfig's ``exec`` section, with the path of an allowed command.
    :param source: where this came from, for messages.
    """

    server: str
    source: str
    ca_pem: str | None = None
    tls_server_name: str | None = None
    proxy_url: str | None = None
    token: str | None = None
    token_file: str | None = None
    allowed: Allowed | None = None
    cert_pem: str | None = None
    key_pem: str | None = None
    exec_spec: dict[str, Any] = field(default_factory=dict)

    def read_token(self) -> str | None:
        """The token as it is now. A link on the way to its file may lead elsewhere than before.

        :raises CredentialError: its file cannot be read, or may not be.
        """
        if not self.token_file:
            return self.token
        path = self.token_file
        if self.allowed:
            path = self.allowed.real_path(path, "token file", self.source)
        return read_file(path, "the token", self.source).strip()

    @property
    def place(self) -> str:
        """The server as people may read it."""
        return shown_address(self.server)


def read_kubeconfig(
    text: str, *, context: str | None, base_dir: str, source: str, allowed: Allowed | None = None
) -> Access:
    """The access that one context of a kubeconfig describes.

    :param text: the kubeconfig's YAML or JSON.
    :param context: the context's name; the ``current-context`` when ``None``.
    :param base_dir: what relative file names in it are relative to.
    :param source: where the text came from, for messages.
    :param allowed: what it may use of this machine: nothing, unless it is said.
    :raises CredentialError: whatever is wrong, without repeating any value that may be secret.
    """
    config = _parse(text, source)
    name = context or text_of(config, "current-context", source)
    if not name:
        raise CredentialError(
            "the kubeconfig has no current-context and the contract names none",
            where=source,
            next_step="set `access.context` in the contract",
        )
    entry = _context(config, name, source)
    cluster = _named(config, "cluster", text_of(entry, "cluster", source), name, source)
    user = _named(config, "user", text_of(entry, "user", source), name, source)
    reader = _Reader(base_dir, source, allowed or Allowed())
    reader.refuse_unsupported(cluster, user)
    return Access(
        server=text_of(cluster, "server", source) or "",
        source=f"{source}, context {name}",
        ca_pem=reader.pem(cluster, "certificate-authority"),
        tls_server_name=text_of(cluster, "tls-server-name", source),
        proxy_url=text_of(cluster, "proxy-url", source),
        token=text_of(user, "token", source),
        token_file=reader.path(user, "tokenFile"),
        allowed=allowed or Allowed(),
        cert_pem=reader.pem(user, "client-certificate"),
        key_pem=reader.pem(user, "client-key"),
        exec_spec=reader.exec_spec(user.get("exec")),
    )


def _parse(text: str, source: str) -> dict[str, Any]:
    try:
        config = plain_data(text)
    except NotPlainError as error:
        line = f" at line {error.line}" if error.line else ""  # never the text itself: it may hold a secret
        raise CredentialError(f"the kubeconfig is not YAML{line}", where=source, next_step="write a new one") from None
    if not isinstance(config, dict):
        raise CredentialError("the kubeconfig is not a mapping", where=source, next_step="write a new one")
    return config


def text_of(section: dict[str, Any], key: str, source: str) -> str | None:
    """A text of a kubeconfig; ``None`` where there is none.

    :raises CredentialError: it is another value, or no such text is of any use.
    """
    value = section.get(key)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or STEERING.search(value):
        raise CredentialError(
            f"the kubeconfig's `{key}` is no text, or has characters that none has",
            where=source,
            next_step="write a new kubeconfig",
        )
    return value


def _entries(config: dict[str, Any], key: str) -> dict[str, dict[str, Any]]:
    """The mappings under a key of a section, by their names; of two of a name the first one."""
    section = config.get(f"{key}s")
    found: dict[str, dict[str, Any]] = {}
    for entry in section if isinstance(section, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("name"), str) and isinstance(entry.get(key), dict):
            found.setdefault(entry["name"], entry[key])
    return found


def _context(config: dict[str, Any], name: str, source: str) -> dict[str, Any]:
    entries = _entries(config, "context")
    if name not in entries:
        raise CredentialError(
            f"the kubeconfig has no context named {name!r} (it has: {', '.join(sorted(entries)) or 'none'})",
            where=source,
            next_step="correct `access.context` in the contract, or the kubeconfig",
        )
    return entries[name]


def _named(config: dict[str, Any], key: str, name: str | None, context: str, source: str) -> dict[str, Any]:
    entries = _entries(config, key)
    if name not in entries:
        # Neither the name nor those that are there: what was put there by mistake may be a secret.
        raise CredentialError(
            f"the kubeconfig has no {key} of the name that its context {context!r} gives",
            where=source,
            next_step="correct the kubeconfig",
        )
    return entries[name]


class _Reader:
    """Resolves what a kubeconfig may hold inline or in a file beside it."""

    def __init__(self, base_dir: str, source: str, allowed: Allowed) -> None:
        self._base_dir = base_dir
        self._source = source
        self._allowed = allowed

    def refuse_unsupported(self, cluster: dict[str, Any], user: dict[str, Any]) -> None:
        for key, why in _UNSUPPORTED.items():
            if user.get(key):
                raise CredentialError(
                    f"the user's `{key}` {why}", where=self._source, next_step="write a new kubeconfig"
                )
        if cluster.get("insecure-skip-tls-verify"):
            raise CredentialError(
                "the kubeconfig turns TLS verification off, so any server could pose as the cluster",
                where=self._source,
                next_step="remove insecure-skip-tls-verify and give the cluster's CA",
            )

    def path(self, section: dict[str, Any], key: str) -> str | None:
        value = text_of(section, key, self._source)
        if not value:
            return None
        path = str(Path(self._base_dir, expanded(value)))
        self._allowed.real_path(path, f"kubeconfig's `{key}`", self._source)
        return path

    def pem(self, section: dict[str, Any], key: str) -> str | None:
        """The PEM under ``<key>-data`` (base64) or in the file named by ``<key>``; data wins, as in kubectl."""
        data = section.get(f"{key}-data")
        if data:
            try:
                return base64.b64decode(data, validate=True).decode("ascii")
            except (binascii.Error, UnicodeDecodeError, TypeError, ValueError):
                raise CredentialError(
                    f"`{key}-data` is not base64 of a PEM", where=self._source, next_step="write a new kubeconfig"
                ) from None
        path = self.path(section, key)
        if not path:
            return None
        return read_file(self._allowed.real_path(path, f"kubeconfig's `{key}`", self._source), f"`{key}`", self._source)

    def exec_spec(self, spec: Any) -> dict[str, Any]:
        if not spec:
            return {}
        if not isinstance(spec, dict):
            raise CredentialError(
                "the user's `exec` is not a mapping", where=self._source, next_step="write a new kubeconfig"
            )
        command = text_of(spec, "command", self._source) or ""
        version, args = text_of(spec, "apiVersion", self._source) or "", spec.get("args") or []
        if not isinstance(args, list) or not all(can_be_given(each) for each in args):
            raise CredentialError(
                "the kubeconfig's `exec.args` is no list of texts", where=self._source, next_step="quote each of them"
            )
        # Like kubectl: a command with a slash is relative to the kubeconfig, a bare name is looked up on PATH.
        if "/" in command:
            command = str(Path(self._base_dir, command))
        known = {**spec, "command": command, "apiVersion": version, "args": args}
        return {**known, "command": self._allowed.command(known, self._source)}


def bearer(token: str | None, source: str) -> dict[str, str]:
    """The header that says who asks; none where there is no token.

    :raises CredentialError: it cannot be one.
    """
    if not token:
        return {}
    if any(c.isspace() for c in token) or not token.isascii():
        raise CredentialError(
            "the token holds white space or letters that no token has", where=source, next_step="write a new token"
        )
    return {"Authorization": f"Bearer {token}"}
