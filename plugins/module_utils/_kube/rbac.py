# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""RBAC's own objects: which rights they give to whom, and which bindings reach accounts that they should not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .errors import ForbiddenError
from .rights import EVERY, Right
from .session import Session

_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_ROLES = {"roles": "Role", "clusterroles": "ClusterRole"}
_BINDINGS = {"rolebindings": "RoleBinding", "clusterrolebindings": "ClusterRoleBinding"}
_BOOTSTRAP = {"kubernetes.io/bootstrapping": "rbac-defaults"}
_ACCOUNT = "system:serviceaccount:"
_ALL_ACCOUNTS = "system:serviceaccounts"
#: Every authenticated user is in these; their rights are checked separately.
_EVERYBODY = frozenset({"system:authenticated"})

Raw = dict[str, Any]
Row = dict[str, Any]


@dataclass(frozen=True)
class Rbac:
    """What could be read of it.

    :param roles: the rules of each role, by kind, namespace and name.
    :param unlisted: the resources that may not be listed.
    """

    roles: Mapping[tuple[str, str, str], list[Raw]]
    bindings: list[Raw]
    unlisted: list[str]


def read_rbac(session: Session) -> Rbac:
    """Every role and binding of the cluster, as far as the session's identity may list them."""
    unlisted = []

    def read(plural: str) -> list[Raw]:
        kind = {**_ROLES, **_BINDINGS}[plural]
        try:
            return [{**item, "kind": kind} for item in session.list_items(f"{_RBAC}/{plural}")]
        except ForbiddenError:
            unlisted.append(plural)
            return []

    plurals = [*_ROLES, *_BINDINGS]
    found = [item for items in session.in_parallel(read, plurals) for item in items]
    roles = {_place(item): item.get("rules") or [] for item in found if item["kind"] in _ROLES.values()}
    bindings = [item for item in found if item["kind"] in _BINDINGS.values()]
    return Rbac(roles, bindings, sorted(unlisted))


def rights_given(rbac: Rbac, user: str, groups: Iterable[str], candidates: Iterable[Right]) -> set[Right]:
    """Those of the candidates that RBAC gives to a user in these groups; with names, where a rule has names."""
    given: dict[str, list[Raw]] = {}
    for binding in rbac.bindings:
        namespace = binding["metadata"].get("namespace") or ""
        if any(_is(subject, namespace, user, groups) for subject in binding.get("subjects") or ()):
            role = binding["roleRef"]
            rules = rbac.roles.get((role["kind"], namespace if role["kind"] == "Role" else "", role["name"]), [])
            given.setdefault(namespace or EVERY, []).extend(rules)
    found: set[Right] = set()
    for right in candidates:
        for rule in [*given.get(EVERY, ()), *(given.get(right.namespace, ()) if right.namespace != EVERY else ())]:
            found.update(_matches(rule, right))
    return found


def _is(subject: Mapping[str, Any], namespace: str, user: str, groups: Iterable[str]) -> bool:
    if subject["kind"] == "ServiceAccount":
        return user == f"{_ACCOUNT}{subject.get('namespace') or namespace}:{subject['name']}"
    return subject["name"] == user if subject["kind"] == "User" else subject["name"] in groups


def _matches(rule: Mapping[str, Any], right: Right) -> Iterator[Right]:
    if right.verb not in (rule.get("verbs") or ()) and EVERY not in (rule.get("verbs") or ()):
        return
    if right.resource.startswith("/"):
        urls = rule.get("nonResourceURLs") or ()
        if any(url == right.resource or (url.endswith("*") and right.resource.startswith(url[:-1])) for url in urls):
            yield right
        return
    _plain, _slash, sub = right.resource.partition("/")
    resources, names = {EVERY, right.resource}, rule.get("resourceNames") or ()
    if sub:
        resources |= {f"{EVERY}/{sub}"}
    if {EVERY, right.group} & set(rule.get("apiGroups") or ()) and resources & set(rule.get("resources") or ()):
        yield from (Right(right.namespace, right.group, right.resource, name, right.verb) for name in names or [""])


def _place(item: Mapping[str, Any]) -> tuple[str, str, str]:
    return (str(item["kind"]), str(item["metadata"].get("namespace") or ""), str(item["metadata"]["name"]))


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
        place = _place(binding)
        own = (metadata.get("labels") or {}).items() >= _BOOTSTRAP.items()
        for subject in binding.get("subjects") or ():
            reached = _reached(subject, metadata.get("namespace") or "", users, groups, homes)
            if reached and place not in known and not (own and reached == f"Group {_ALL_ACCOUNTS}"):
                role = binding["roleRef"]
                row = dict(zip(("kind", "namespace", "name"), place, strict=True))
                others = len(binding["subjects"]) - 1
                found.append({**row, "role": f"{role['kind']} {role['name']}", "subject": reached, "others": others})
    return sorted(found, key=lambda row: tuple(map(str, row.values())))


def _reached(subject: Mapping[str, Any], namespace: str, users: set[str], groups: set[str], homes: set[str]) -> str:
    kind, name = subject["kind"], str(subject["name"])
    if kind == "ServiceAccount":
        home = subject.get("namespace") or namespace
        return f"ServiceAccount {home}/{name}" if home in homes else ""
    if kind == "User":
        inside = name.startswith(tuple(f"{_ACCOUNT}{home}:" for home in homes))
        return f"User {name}" if name in users or inside else ""
    return f"Group {name}" if name in groups else ""
