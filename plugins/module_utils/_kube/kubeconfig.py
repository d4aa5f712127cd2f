# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read one context of a kubeconfig: data in, data out, no network and no side effect.

Format: https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
"""

from __future__ import annotations

import base64
import binascii
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .._vocabulary.addresses import shown_address
from .allowed import Allowed
from .errors import CredentialError

try:
    import yaml
except ImportError:  # reported by Operation before anything runs
    YAML_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    YAML_IMPORT_ERROR = None

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
    :param token_file: a file holding the token, read again as it rotates.
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
    cert_pem: str | None = None
    key_pem: str | None = None
    exec_spec: dict[str, Any] = field(default_factory=dict)

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
    name = context or config.get("current-context")
    if not name:
        raise CredentialError(
            "the kubeconfig has no current-context and the contract names none",
            where=source,
            next_step="set `access.context` in the contract",
        )
    entry = _named(config, "contexts", "context", name, source)
    cluster = _named(config, "clusters", "cluster", entry.get("cluster"), source)
    user = _named(config, "users", "user", entry.get("user"), source)
    reader = _Reader(base_dir, source, allowed or Allowed())
    reader.refuse_unsupported(cluster, user)
    return Access(
        server=str(cluster.get("server") or ""),
        source=f"{source}, context {name}",
        ca_pem=reader.pem(cluster, "certificate-authority"),
        tls_server_name=cluster.get("tls-server-name"),
        proxy_url=cluster.get("proxy-url"),
        token=user.get("token"),
        token_file=reader.path(user, "tokenFile"),
        cert_pem=reader.pem(user, "client-certificate"),
        key_pem=reader.pem(user, "client-key"),
        exec_spec=reader.exec_spec(user.get("exec")),
    )


def _parse(text: str, source: str) -> dict[str, Any]:
    try:
        config = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" at line {mark.line + 1}" if mark else ""  # never the text itself: it may hold a secret
        raise CredentialError(f"the kubeconfig is not YAML{line}", where=source, next_step="write a new one") from None
    if not isinstance(config, dict):
        raise CredentialError("the kubeconfig is not a mapping", where=source, next_step="write a new one")
    return config


def _named(config: dict[str, Any], section: str, key: str, name: object, source: str) -> dict[str, Any]:
    entries = [e for e in config.get(section) or [] if isinstance(e, dict)]
    for entry in entries:
        value = entry.get(key)
        if entry.get("name") == name and isinstance(value, dict):
            return value
    known = ", ".join(sorted(str(e.get("name")) for e in entries)) or "none"
    raise CredentialError(
        f"the kubeconfig has no {key} named {name!r} (it has: {known})",
        where=source,
        next_step="correct `access.context` in the contract, or the kubeconfig",
    )


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
        value = section.get(key)
        if not value:
            return None
        path = str(Path(self._base_dir, expanded(str(value))))
        self._allowed.require_file(path, key, self._source)
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
        return read_file(path, f"`{key}`", self._source) if path else None

    def exec_spec(self, spec: Any) -> dict[str, Any]:
        if not spec:
            return {}
        if not isinstance(spec, dict):
            raise CredentialError(
                "the user's `exec` is not a mapping", where=self._source, next_step="write a new kubeconfig"
            )
        command = str(spec.get("command") or "")
        # Like kubectl: a command with a slash is relative to the kubeconfig, a bare name is looked up on PATH.
        if "/" in command:
            command = str(Path(self._base_dir, command))
        return {**spec, "command": self._allowed.command({**spec, "command": command}, self._source)}


def expanded(path: str) -> Path:
    """A path with its ``~`` expanded; one of a user who does not exist stays, and is then simply not found."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def read_file(path: str, what: str, source: str) -> str:
    """The text of a file that a credential refers to.

    :raises CredentialError: naming the file and what it was to hold.
    """
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise CredentialError(
            f"cannot read {what} from {path}: {reason}", where=source, next_step="put the file there, readable"
        ) from None


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
