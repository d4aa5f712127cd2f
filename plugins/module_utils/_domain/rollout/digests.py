# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names for what is planned, which approvals are bound to: same input, same digest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..contract.bounds import bounds_digest
from ..contract.digest import contract_digest as digest
from ..contract.typed import Contract

Data = Mapping[str, Any]


def change_digest(kind: str, contract: Contract, source: str, release: Data, since: str = "") -> str:
    """What an approval is given for: this release, on this cluster under these bounds, coming from ``source``.

    Anything else of the cluster's may change meanwhile, its models included; a word of the bounds or of the release may
    not. It is for one move: a cluster that is back where it was, is there since another moment.

    :param kind: ``stack_upgrade`` or another key of ``change.approvals``.
    :param source: the release that the cluster has. :param since: since when; empty where it was installed.
    """
    return digest(
        {
            "kind": kind,
            "cluster": str(contract["identity"]["uid"]),
            "bounds": bounds_digest(contract),
            "from": source,
            "since": since,
            "release": release_digest(release),
        }
    )


def plan_digest(kind: str, contracts: Iterable[Contract], release: Data, policy: Data) -> str:
    """The whole plan: which release goes to which clusters by which rules.

    Neither the clock nor how a cluster is at the moment is in it, so that it stays one plan while it is carried out.
    """
    clusters = sorted((str(one["identity"]["uid"]), bounds_digest(one)) for one in contracts)
    return digest({"kind": kind, "clusters": clusters, "release": release_digest(release), "policy": dict(policy)})


def release_digest(release: Data) -> str:
    """A release's content, wherever it lies on this machine."""
    return digest({key: value for key, value in release.items() if key != "templates"})
