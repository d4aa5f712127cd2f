# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the ``connection`` option to an :class:`Access`: explicit, validated, before any network call.

Nothing is taken from ``~/.kube/config``, ``$KUBECONFIG`` or a pod's own service account: a tool
that runs inside a cluster must never act on that cluster by accident.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from .errors import CredentialError
from .kubeconfig import Access, expanded, read_file, read_kubeconfig

_KUBECONFIG_KEYS = ("kubeconfig", "kubeconfig_file", "kubeconfig_env")
_TOKEN_KEYS = ("token", "token_file", "token_env")


def resolve_access(connection: Mapping[str, Any], environ: Mapping[str, str]) -> Access:
    """The one access that a ``connection`` names.

    :param connection: the option, as in ``docs/map.md``.
    :param environ: where ``*_env`` references are looked up.
    :raises CredentialError: when none or several credentials are named, or one cannot be read.
    """
    name = str(connection.get("cluster_name") or "connection")
    named = [key for key in _KUBECONFIG_KEYS + _TOKEN_KEYS if connection.get(key)]
    if len(named) != 1:
        listed = " and ".join(named) if named else "none"
        raise CredentialError(
            f"exactly one credential must be named, found {listed}",
            where=name,
            next_step=f"give one of {', '.join(_KUBECONFIG_KEYS + _TOKEN_KEYS)}",
        )
    access = _from_kubeconfig(connection, environ, name, named[0])
    if access is None:
        access = _from_token(connection, environ, name, named[0])
    access = _with_overrides(access, connection, name)
    if not access.server.startswith("https://"):
        raise CredentialError(
            f"the server must be an https:// URL, not {access.server!r}",
            where=access.source,
            next_step="correct the server in the kubeconfig or in `access.server`",
        )
    return access


def _from_kubeconfig(connection: Mapping[str, Any], environ: Mapping[str, str], name: str, key: str) -> Access | None:
    if key not in _KUBECONFIG_KEYS:
        return None
    base_dir = str(Path.cwd())
    if key == "kubeconfig_file":
        path = expanded(connection[key]).absolute()
        base_dir, source = str(path.parent), f"{name}, kubeconfig {path}"
        text = read_file(str(path), "the kubeconfig", name)
    elif key == "kubeconfig_env":
        source = f"{name}, kubeconfig in ${connection[key]}"
        text = _environment(connection[key], environ, name)
    else:
        source, text = f"{name}, kubeconfig given inline", connection[key]
    return read_kubeconfig(text, context=connection.get("context"), base_dir=base_dir, source=source)


def _from_token(connection: Mapping[str, Any], environ: Mapping[str, str], name: str, key: str) -> Access:
    if not connection.get("server"):
        raise CredentialError(f"`{key}` needs `server`", where=name, next_step="set `access.server` in the contract")
    access = Access(server=str(connection["server"]), source=name)
    if key == "token_file":
        return replace(access, token_file=str(expanded(connection[key]).absolute()))
    token = connection[key] if key == "token" else _environment(connection[key], environ, name)
    return replace(access, token=token.strip())


def _with_overrides(access: Access, connection: Mapping[str, Any], name: str) -> Access:
    """The contract's server settings take precedence over the kubeconfig's."""
    changes: dict[str, Any] = {
        key: connection[key] for key in ("server", "tls_server_name", "proxy_url") if connection.get(key)
    }
    if connection.get("ca_cert"):
        changes["ca_pem"] = connection["ca_cert"]
    elif connection.get("ca_file"):
        changes["ca_pem"] = read_file(str(expanded(connection["ca_file"])), "`ca_file`", name)
    return replace(access, **changes)


def _environment(variable: str, environ: Mapping[str, str], name: str) -> str:
    value = environ.get(variable, "")
    if not value.strip():
        raise CredentialError(
            f"the environment variable {variable} is not set or empty",
            where=name,
            next_step=f"export {variable} for this run (in AWX: a custom credential type)",
        )
    return value
