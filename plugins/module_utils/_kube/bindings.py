# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""RBAC bindings that reach given accounts and are none of those that should."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .errors import ForbiddenError
from .session import Session

_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_KINDS = {"rolebindings": "RoleBinding", "clusterrolebindings": "ClusterRoleBinding"}
_BOOTSTRAP = {"kubernetes.io/bootstrapping": "rbac-defaults"}
_ACCOUNT = "system:serviceaccount:"
_ALL_ACCOUNTS = "system:serviceaccounts"
#: In these is whoever has logged in; what they may is asked apart.
_EVERYBODY = frozenset({"system:authenticated"})

Row = dict[str, str]


def read_bindings(session: Session) -> tuple[list[dict[str, Any]], list[str]]:
    """Every binding of the cluster, and the kinds of them that may not be listed."""
    found, unlisted = [], []
    for plural, kind in _KINDS.items():
        try:
            found += [{**item, "kind": kind} for item in session.list_items(f"{_RBAC}/{plural}")]
        except ForbiddenError:
            unlisted.append(plural)
    return found, unlisted


def foreign_bindings(
    bindings: Iterable[Mapping[str, Any]],
    users: Iterable[str],
    groups: Iterable[str],
    expected: Iterable[Mapping[str, Any]],
) -> list[Row]:
    """The bindings with a subject that is one of the users or groups, or any account that lives beside one of the
    users, and that are not expected.

    What Kubernetes itself binds to the group of all accounts is left out.

    :param expected: bindings as ``kind``, ``namespace`` and ``name``.
    """
    users, groups = set(users), set(groups) - _EVERYBODY
    homes = {user.split(":")[2] for user in users if user.startswith(_ACCOUNT)}
    known = {(each["kind"], each["namespace"], each["name"]) for each in expected}
    found = []
    for binding in bindings:
        metadata = binding["metadata"]
        place = (binding["kind"], metadata.get("namespace") or "", metadata["name"])
        own = (metadata.get("labels") or {}).items() >= _BOOTSTRAP.items()
        for subject in binding.get("subjects") or ():
            reached = _reached(subject, metadata.get("namespace") or "", users, groups, homes)
            if reached and place not in known and not (own and reached == f"Group {_ALL_ACCOUNTS}"):
                role = binding["roleRef"]
                row = dict(zip(("kind", "namespace", "name"), place, strict=True))
                found.append({**row, "role": f"{role['kind']} {role['name']}", "subject": reached})
    return sorted(found, key=lambda row: tuple(row.values()))


def _reached(subject: Mapping[str, Any], namespace: str, users: set[str], groups: set[str], homes: set[str]) -> str:
    kind, name = subject["kind"], str(subject["name"])
    if kind == "ServiceAccount":
        home = subject.get("namespace") or namespace
        return f"ServiceAccount {home}/{name}" if home in homes else ""
    if kind == "User":
        inside = name.startswith(tuple(f"{_ACCOUNT}{home}:" for home in homes))
        return f"User {name}" if name in users or inside else ""
    return f"Group {name}" if name in groups else ""
