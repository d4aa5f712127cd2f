# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Renewing the credentials of everybody who works from outside: whose, and how it went."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..contract.typed import Contract
from ..identities.needs import OPERATOR, identities_of


def connecting_identities(contract: Contract) -> list[str]:
    """Who works from outside. The operator is last: until then its old credential does the work."""
    names = [identity.name for identity in identities_of(contract) if identity.connects]
    return sorted(names, key=lambda name: name == OPERATOR)


def credential_files(clusters: Iterable[Mapping[str, Any]], folder: str) -> list[str]:
    """The files of the credentials in a folder, of all identities that work from outside.

    :param clusters: each as ``inventory_hostname`` and ``contract``.
    """
    return [
        credential_file(each["inventory_hostname"], name, folder)
        for each in clusters
        for name in connecting_identities(each["contract"])
    ]


def credential_file(cluster: str, identity: str, folder: str) -> str:
    """Where a folder keeps the credential of one identity."""
    return f"{folder}/{cluster}-{identity}.kubeconfig"


def rotation_rows(cluster: str, results: Iterable[Mapping[str, Any]], check_mode: bool = False) -> list[dict[str, str]]:
    """A row for each turn of the loop that renewed the credentials."""
    return [_row(cluster, result, "would be renewed" if check_mode else "renewed") for result in results]


def _row(cluster: str, result: Mapping[str, Any], renewed: str) -> dict[str, str]:
    if result.get("failed"):
        said, until = "failed", "unknown"
    else:
        said, until = renewed if result["changed"] else "kept", str(result["valid_until"])
    return {
        "cluster": cluster,
        "identity": str(result["item"]),
        "result": said,
        "valid until": until,
        "why": str(result.get("why") or ""),
    }
