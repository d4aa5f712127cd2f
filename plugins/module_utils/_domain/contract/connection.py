# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the contract's ``access`` to the ``connection`` that every module takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .typed import Contract


_FILES = ("kubeconfig_file", "token_file", "ca_file")
#: What stays when another credential is used: which cluster it is, and what the fleet's owner allows kubeconfigs.
_KEPT = ("cluster_name", "cluster_uid", "exec_plugins", "credential_directories")
_AS_THEY_ARE = ("context", "server", "ca_file", "ca_cert", "tls_server_name", "proxy_url")


def connection_of(contract: Contract, *, base_dir: str) -> dict[str, Any]:
    """The ``connection`` mapping for one valid contract; only keys that the contract gives.

    base_dir: the directory that relative paths in the contract start from: the contract file's own.
    A credential by lookup is returned as it is, under ``lookup``: evaluating one is not for this floor.
    """
    access = contract["access"]
    connection: dict[str, Any] = {
        "cluster_name": contract["identity"]["name"],
        "cluster_uid": contract["identity"]["uid"],
    }
    connection.update(access["credential"])
    connection.update({key: value for key, value in access.items() if key in _AS_THEY_ARE})
    for key in _FILES:
        if key in connection:
            connection[key] = _absolute(connection[key], base_dir)
    return connection


def _absolute(path: str, base_dir: str) -> str:
    """A path from the contract's own folder. The user's home (``~``) is expanded where the file is read."""
    return path if path.startswith(("/", "~")) else f"{base_dir}/{path}"


def connection_as(connection: Mapping[str, Any], kubeconfig: str, context: str = "") -> dict[str, Any]:
    """The same cluster with another kubeconfig, and nothing of the credential that the contract refers to.

    kubeconfig: its path; when it is empty, the connection stays as it is.
    """
    if not kubeconfig:
        return dict(connection)
    kept = {key: connection[key] for key in _KEPT if key in connection}
    return {**kept, "kubeconfig_file": kubeconfig, **({"context": context} if context else {})}
