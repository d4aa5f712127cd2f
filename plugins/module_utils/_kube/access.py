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

from .._vocabulary.addresses import holds_more
from .allowed import Allowed
from .credential_files import expanded, read_file
from .errors import CredentialError
from .kubeconfig import Access, read_kubeconfig
from .proxies import proxy_of

_KUBECONFIG_KEYS = ("kubeconfig", "kubeconfig_file", "kubeconfig_env")
_TOKEN_KEYS = ("token", "token_file", "token_env")
_AUTHORITY_KEYS = ("ca_cert", "ca_file")
#: Where a token is sent, and how. A kubeconfig has these itself: what it holds goes nowhere else.
_ENDPOINT_KEYS = ("server", *_AUTHORITY_KEYS, "tls_server_name", "proxy_url")


def resolve_access(connection: Mapping[str, Any], environ: Mapping[str, str]) -> Access:
    """The one access that a ``connection`` names.

    :param connection: the option, as the modules document it.
    :param environ: where ``*_env`` references, and the commands of exec plugins, are looked up.
    :raises CredentialError: when none or several credentials are named, one cannot be read, or it might be sent
        somewhere else than where it was issued for.
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
    read = _from_kubeconfig if named[0] in _KUBECONFIG_KEYS else _from_token
    access = read(connection, environ, name, named[0])
    _check_addresses(access)
    return access


def not_to_be_shown(connection: Mapping[str, Any]) -> set[str]:
    """The addresses in a ``connection`` that have secrets' places in them: no output may repeat them."""
    addresses = (connection.get(key) for key in ("server", "proxy_url"))
    return {str(address) for address in addresses if address and holds_more(str(address))}


def _from_kubeconfig(connection: Mapping[str, Any], environ: Mapping[str, str], name: str, key: str) -> Access:
    if beside := [each for each in _ENDPOINT_KEYS if connection.get(each)]:
        raise CredentialError(
            f"`{key}` is given with {' and '.join(f'`{each}`' for each in beside)}, and a kubeconfig's credential is "
            "only sent to the kubeconfig's own server",
            where=name,
            next_step="remove the latter, and correct the kubeconfig if it is wrong; or use a token",
        )
    base_dir, path = str(Path.cwd()), ""
    if key == "kubeconfig_file":
        path = str(expanded(connection[key]).absolute())
        base_dir, source = str(Path(path).parent), f"{name}, kubeconfig {path}"
        text = read_file(path, "the kubeconfig", name)
    elif key == "kubeconfig_env":
        source = f"{name}, kubeconfig in ${connection[key]}"
        text = _environment(connection[key], environ, name)
    else:
        source, text = f"{name}, kubeconfig given inline", connection[key]
    allowed = Allowed(
        exec_plugins=connection.get("exec_plugins") or {},
        directories=connection.get("credential_directories") or (),
        kubeconfig=path,
        search_path=environ.get("PATH"),
    )
    return read_kubeconfig(text, context=connection.get("context"), base_dir=base_dir, source=source, allowed=allowed)


def _from_token(connection: Mapping[str, Any], environ: Mapping[str, str], name: str, key: str) -> Access:
    if not connection.get("server"):
        raise CredentialError(f"`{key}` needs `server`", where=name, next_step="set `access.server` in the contract")
    access = Access(
        server=str(connection["server"]),
        source=name,
        ca_pem=_authority(connection, name, key),
        tls_server_name=connection.get("tls_server_name") or None,
        proxy_url=connection.get("proxy_url") or None,
    )
    if key == "token_file":
        # Without directories nobody but the person who runs this has named the file.
        allowed = Allowed(directories=roots) if (roots := connection.get("credential_directories")) else None
        return replace(access, token_file=str(expanded(connection[key]).absolute()), allowed=allowed)
    token = connection[key] if key == "token" else _environment(connection[key], environ, name)
    return replace(access, token=token.strip())


def _authority(connection: Mapping[str, Any], name: str, key: str) -> str:
    given = [each for each in _AUTHORITY_KEYS if connection.get(each)]
    if len(given) != 1:
        raise CredentialError(
            f"`{key}` needs {'only one' if given else 'one'} of `ca_file` and `ca_cert`: a token is only sent to a "
            "server that they vouch for",
            where=name,
            next_step="give the cluster's CA, as `access.ca_file` or `access.ca_cert` of the contract",
        )
    if given == ["ca_cert"]:
        return str(connection["ca_cert"])
    return read_file(str(expanded(connection["ca_file"])), "`ca_file`", name)


def _check_addresses(access: Access) -> None:
    if not access.server.lower().startswith("https://") or holds_more(access.server):
        raise CredentialError(
            f"the server must be an https:// URL without user info and query, not {access.place!r}",
            where=access.source,
            next_step="correct the server in the kubeconfig or in `access.server`",
        )
    if access.proxy_url:
        proxy_of(access.proxy_url, access.source)


def _environment(variable: str, environ: Mapping[str, str], name: str) -> str:
    value = environ.get(variable, "")
    if not value.strip():
        raise CredentialError(
            f"the environment variable {variable} is not set or empty",
            where=name,
            next_step=f"export {variable} for this run (in AWX: a custom credential type)",
        )
    return value
