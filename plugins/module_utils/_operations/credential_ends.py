# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When the credentials of a cluster end: that of this run, and those that lie in files of the operator's."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from .._domain.access.tokens import read_claims
from .._domain.report.credentials import Lifetime
from .._kube.access import resolve_access
from .._kube.certificate_life import certificate_life
from .._kube.errors import CredentialError
from .._kube.kubeconfig import Access

OF_THIS_RUN = "the credential of this run"


def lifetime_of(access: Access, what: str) -> list[Lifetime]:
    """Its end, where it says one. A plugin makes a new one each time, so there is none."""
    if token := access.read_token():
        try:
            claims = read_claims(token)
        except ValueError:
            return []
        return [Lifetime(what, claims.expires, claims.issued, claims.account)]
    life = certificate_life(access.cert_pem) if access.cert_pem else None
    return [Lifetime(what, life[1], life[0])] if life else []


def lifetimes_in(paths: Iterable[str]) -> tuple[list[Lifetime], list[str]]:
    """The ends of the credentials in kubeconfig files, as far as they are there, and which cannot be read."""
    found: list[Lifetime] = []
    unread: list[str] = []
    for path in paths:
        name = Path(path).name
        if not Path(path).exists():
            continue  # not every identity's credential lies on every controller
        try:
            found += lifetime_of(resolve_access({"kubeconfig_file": path}, {}), name)
        except CredentialError as error:
            unread.append(f"the credential {name}: {error.what}")
    return found, unread
