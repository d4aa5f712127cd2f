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
from .allowed import Allowed
from .credential_files import decoded, expanded, read_file
from .errors import CredentialError
from .exec_credential import ClusterInfo
from .exec_spec import arguments_of, check_mode
from .plain_yaml import NotPlainError, numbered, plain_data

_BASIC = "is basic authentication, which Kubernetes removed in 1.19; use a token or a certificate"
_IMPERSONATES = "impersonates another user; give the identity its own credential"
_UNSUPPORTED = {
    "auth-provider": "was removed from Kubernetes in 1.26; use an exec plugin",
    **dict.fromkeys(("as", "as-uid", "as-groups", "as-user-extra"), _IMPERSONATES),
    **dict.fromkeys(("username", "password"), _BASIC),
}
_MOST_NAMES = 20
#: The extension of a cluster that an exec plugin is given.
_EXEC_CONFIG = "client.authentication.k8s.io/exec"


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
    :param exec_config: what the kubeconfig says to the plugin about the cluster.
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
    exec_config: Any = None

    def read_token(self) -> str | None:
        """The token as it is now. A link on the way to its file may lead elsewhere than before.

        Like kubectl: the file's, and one that stands beside it while the file has none.

        :raises CredentialError: its file cannot be read, or may not be, or is empty.
        """
        if not self.token_file:
            return self.token
        path = self.token_file
        if self.allowed:
            path = self.allowed.real_path(path, "token file", self.source)
        try:
            return _filled(read_file(path, "the token", self.source).strip(), path, self.source)
        except CredentialError:
            if self.token:
                return self.token
            raise

    def told(self) -> ClusterInfo:
        """What an exec plugin may be told of the cluster."""
        return ClusterInfo(self.tls_server_name, self.proxy_url, self.exec_config)

    @property
    def place(self) -> str:
        """The server as people may read it."""
        return shown_address(self.server)


def _filled(token: str, path: str, source: str) -> str:
    if not token:
        raise CredentialError(
            f"the token's file {path} is empty", where=source, next_step="write a token into it, or name another file"
        )
    return token


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
    token, token_file = _stripped(user, "token", source), reader.path(user, "tokenFile")
    cert, key = reader.client_certificate(user)
    # Like kubectl: a plugin is only asked where there is no other credential.
    others = bool(token or token_file or (cert and key))
    return Access(
        server=_stripped(cluster, "server", source) or "",
        source=f"{source}, context {name}",
        ca_pem=reader.pem(cluster, "certificate-authority"),
        tls_server_name=_stripped(cluster, "tls-server-name", source),
        proxy_url=_stripped(cluster, "proxy-url", source),
        token=token,
        token_file=token_file,
        allowed=allowed or Allowed(),
        cert_pem=cert,
        key_pem=key,
        exec_spec={} if others else reader.exec_spec(user.get("exec")),
        exec_config=_exec_config(cluster, source),
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


def _stripped(section: dict[str, Any], key: str, source: str) -> str | None:
    """The same of a value that has no blanks at its ends, whatever the YAML around it has."""
    return (text_of({key: _without_ends(section.get(key))}, key, source)) or None


def _without_ends(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


def _entries(config: dict[str, Any], key: str) -> dict[str, list[dict[str, Any]]]:
    """The mappings under a key of a section, by their names."""
    section = config.get(f"{key}s")
    found: dict[str, list[dict[str, Any]]] = {}
    for entry in section if isinstance(section, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("name"), str) and isinstance(entry.get(key), dict):
            found.setdefault(entry["name"], []).append(entry[key])
    return found


def _only(entries: list[dict[str, Any]], key: str, source: str) -> dict[str, Any]:
    """The one entry of a name: which of several is meant nobody can say."""
    if len(entries) > 1:
        raise CredentialError(
            f"the kubeconfig has {len(entries)} {key}s of the same name",
            where=source,
            next_step="leave only the one that is meant, or rename the others",
        )
    if "<<" in entries[0]:
        raise CredentialError(
            f"the kubeconfig's {key} has a merge key (<<), which is not read",
            where=source,
            next_step="write it out (kubectl config view --raw --flatten)",
        )
    return entries[0]


def _exec_config(cluster: dict[str, Any], source: str) -> Any:
    extensions = cluster.get("extensions")
    for each in extensions if isinstance(extensions, list) else ():
        if isinstance(each, dict) and each.get("name") == _EXEC_CONFIG:
            try:
                return numbered(each.get("extension"))
            except NotPlainError:
                raise CredentialError(
                    f"the extension {_EXEC_CONFIG} of the kubeconfig's cluster is nested or repeated beyond reason",
                    where=source,
                    next_step="write it out, or leave it out",
                ) from None
    return None


def _context(config: dict[str, Any], name: str, source: str) -> dict[str, Any]:
    entries = _entries(config, "context")
    if name not in entries:
        raise CredentialError(
            f"the kubeconfig has no context named {name!r} (it has: {_listed(sorted(entries))})",
            where=source,
            next_step="correct `access.context` in the contract, or the kubeconfig",
        )
    return _only(entries[name], "context", source)


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return (", ".join(names[:_MOST_NAMES]) + more) or "none"


def _named(config: dict[str, Any], key: str, name: str | None, context: str, source: str) -> dict[str, Any]:
    entries = _entries(config, key)
    if name not in entries:
        # Neither the name nor those that are there: what was put there by mistake may be a secret.
        raise CredentialError(
            f"the kubeconfig has no {key} of the name that its context {context!r} gives",
            where=source,
            next_step="correct the kubeconfig",
        )
    return _only(entries[name], key, source)


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
        if cluster.get("insecure-skip-tls-verify") not in (None, "", False, "false"):
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
                # In lines, as base64 writes it without -w0, or folded.
                return decoded(base64.b64decode("".join(data.split()), validate=True))
            except (binascii.Error, AttributeError, ValueError):
                raise CredentialError(
                    f"`{key}-data` is not base64 of a PEM", where=self._source, next_step="write a new kubeconfig"
                ) from None
        path = self.path(section, key)
        if not path:
            return None
        return read_file(self._allowed.real_path(path, f"kubeconfig's `{key}`", self._source), f"`{key}`", self._source)

    def client_certificate(self, user: dict[str, Any]) -> tuple[str | None, str | None]:
        """The certificate and its key."""
        cert, key = self.pem(user, "client-certificate"), self.pem(user, "client-key")
        if cert and not key:
            raise CredentialError(
                "the kubeconfig has a client certificate without its key (client-key or client-key-data)",
                where=self._source,
                next_step="write a new kubeconfig",
            )
        return cert, key

    def exec_spec(self, spec: Any) -> dict[str, Any]:
        if not spec:
            return {}
        if not isinstance(spec, dict):
            raise CredentialError(
                "the user's `exec` is not a mapping", where=self._source, next_step="write a new kubeconfig"
            )
        check_mode(spec, self._source)
        command = text_of(spec, "command", self._source) or ""
        version = text_of(spec, "apiVersion", self._source) or ""
        # Like kubectl: a command with a slash is relative to the kubeconfig, a bare name is looked up on PATH.
        if "/" in command:
            command = str(Path(self._base_dir, command))
        known = {**spec, "command": command, "apiVersion": version}
        known["args"] = arguments_of(spec, self._source)
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
