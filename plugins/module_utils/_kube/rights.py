# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rights as data: which ones there are to ask about, which ones are expected, and how the answers differ from that.

A question is only left out where its answer follows from another one:

- a verb that the server does not serve on a resource is a right that cannot be used;
- cluster-scoped resources are checked once, not in each namespace;
- a subject that may do everything (``*`` on ``*`` of ``*``) in a scope may do each thing in it.

That a right is given in every namespace does not save a question in one of them, and that one verb is refused says
nothing of another. Where RBAC's objects can be read (``rbac.py``), what they do not give is only asked about when it
is a key to more (:data:`KEYS`): an authorizer beside RBAC shows there, and then everything is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .served import Served

CLUSTER = ""
"""The namespace of what has none."""
EVERY = "*"
"""Every namespace; also every verb, group or resource."""
_PATHS = ("/configz", "/debug/pprof/", "/logs/", "/metrics")
_RBAC = "rbac.authorization.k8s.io"
# Verbs that no resource serves and that the API server asks about all the same.
_SPECIAL = (
    Served(_RBAC, "clusterroles", False, frozenset({"bind", "escalate"})),
    Served(_RBAC, "roles", True, frozenset({"bind", "escalate"})),
    Served("", "users", False, frozenset({"impersonate"})),
    Served("", "groups", False, frozenset({"impersonate"})),
    Served("", "serviceaccounts", True, frozenset({"impersonate"})),
    Served("authentication.k8s.io", "uids", False, frozenset({"impersonate"})),
    Served("authentication.k8s.io", "userextras", False, frozenset({"impersonate"})),
    Served("certificates.k8s.io", "signers", False, frozenset({"approve", "attest", "sign"})),
)
_USED = {("policy", "podsecuritypolicies"), ("security.openshift.io", "securitycontextconstraints")}
#: What Kubernetes grants every authenticated user (the ClusterRole system:basic-user).
_BASIC = {
    ("authentication.k8s.io", "selfsubjectreviews"),
    ("authorization.k8s.io", "selfsubjectaccessreviews"),
    ("authorization.k8s.io", "selfsubjectrulesreviews"),
}
_WORKLOADS = ("daemonsets", "deployments", "statefulsets")
#: Rights that lead to all others, or out of the guardrails: group, resource and verb.
KEYS = {
    *(("", "secrets", verb) for verb in ("get", "list", "create")),
    *(("", "pods", verb) for verb in ("create", "patch")),
    *(
        ("", resource, "create")
        for resource in ("pods/attach", "pods/exec", "pods/portforward", "pods/ephemeralcontainers")
    ),
    *(("", "serviceaccounts", verb) for verb in ("create", "impersonate")),
    *(("", resource, "impersonate") for resource in ("groups", "users")),
    *(("", "namespaces", verb) for verb in ("create", "patch", "delete")),
    *(("", "nodes", verb) for verb in ("patch", "delete")),
    *(("apps", resource, verb) for resource in _WORKLOADS for verb in ("create", "patch")),
    *(("leaderworkerset.x-k8s.io", "leaderworkersets", verb) for verb in ("create", "patch")),
    *(("batch", resource, "create") for resource in ("cronjobs", "jobs")),
    *(
        (_RBAC, resource, verb)
        for resource in ("clusterroles", "roles")
        for verb in ("create", "patch", "escalate", "bind")
    ),
    *((_RBAC, resource, verb) for resource in ("clusterrolebindings", "rolebindings") for verb in ("create", "patch")),
    *(
        ("admissionregistration.k8s.io", resource, verb)
        for resource in (
            "mutatingwebhookconfigurations",
            "validatingadmissionpolicies",
            "validatingadmissionpolicybindings",
        )
        for verb in ("create", "delete", "patch")
    ),
    ("", "nodes/proxy", "create"),
    ("", "nodes/proxy", "get"),
    ("", "persistentvolumes", "create"),
    ("", "resourcequotas", "patch"),
    ("", "serviceaccounts/token", "create"),
    ("certificates.k8s.io", "certificatesigningrequests", "create"),
    ("certificates.k8s.io", "signers", "approve"),
    ("networking.k8s.io", "networkpolicies", "delete"),
}
ANOTHER_NAME = "byoc-any-other-name"


@dataclass(frozen=True, order=True)
class Right:
    """One verb on one resource in one namespace; of one object when it has a name.

    A path of the API server itself (``/metrics``) is a resource that begins with a slash.
    """

    namespace: str
    group: str
    resource: str
    name: str
    verb: str

    def attributes(self) -> dict[str, Any]:
        """The part of a SubjectAccessReview that asks about it."""
        if self.resource.startswith("/"):
            return {"nonResourceAttributes": {"path": self.resource, "verb": self.verb}}
        resource, _slash, subresource = self.resource.partition("/")
        namespace = "" if self.namespace == EVERY else self.namespace  # a review has one word for both
        words = {"group": self.group, "subresource": subresource, "namespace": namespace, "name": self.name}
        kept = {key: word for key, word in words.items() if word}
        return {"resourceAttributes": {"verb": self.verb, "resource": resource, **kept}}


@dataclass(frozen=True)
class Answer:
    allowed: bool
    reason: str = ""


Answers = Mapping[Right, Answer]


def is_key(right: Right) -> bool:
    """Whether to ask for it whatever RBAC's objects say."""
    return right.resource.startswith("/") or (right.group, right.resource, right.verb) in KEYS


def everything_in(namespace: str) -> Right:
    """The right to do anything there. In every namespace it covers what has none, too."""
    return Right(namespace, EVERY, EVERY, "", EVERY)


def rights_to_ask(
    served: Iterable[Served], namespaces: Sequence[str], expected: Iterable[Right], all_powerful_in: Iterable[str]
) -> list[Right]:
    """Every right that may be had, less those that follow from the right to do everything in a namespace.

    :param namespaces: where to ask, beside every namespace and what has none.
    :param expected: rights to ask about whether they are served or not; where they have names, other names too.
    """
    asked = {Right(CLUSTER, "", path, "", "get") for path in _PATHS}
    asked.update(_of_resources([*served, *_SPECIAL], [EVERY, *namespaces]), with_other_names(expected))
    powerful = set(all_powerful_in)
    return sorted(right for right in asked if not _follows(right, powerful))


def with_other_names(rights: Iterable[Right]) -> Iterator[Right]:
    """The rights; and where they have names, the same without one and with a name that nothing has."""
    for right in rights:
        for name in {right.name, *(("", ANOTHER_NAME) if right.name else ())}:
            yield Right(right.namespace, right.group, right.resource, name, right.verb)


def _of_resources(resources: Iterable[Served], namespaces: Iterable[str]) -> Iterator[Right]:
    namespaces = list(namespaces)
    for each in resources:
        verbs = each.verbs | ({"use"} if (each.group, each.resource) in _USED else set())
        for namespace in namespaces if each.namespaced else [CLUSTER]:
            for verb in verbs:
                yield Right(namespace, each.group, each.resource, "", verb)


def _follows(right: Right, powerful: set[str]) -> bool:
    if right.resource.startswith("/"):
        return False
    return EVERY in powerful or right.namespace in powerful


def rights_of(rules: Iterable[Mapping[str, Any]], served: Iterable[Served]) -> set[Right]:
    """Rules (scope, group, resource, verbs, names) as single rights."""
    namespaced = {(each.group, each.resource) for each in served if each.namespaced}
    found = set()
    for rule in rules:
        scope = rule["scope"] or (EVERY if (rule["group"], rule["resource"]) in namespaced else CLUSTER)
        for name in rule.get("names") or [""]:
            found |= {Right(scope, rule["group"], rule["resource"], name, verb) for verb in rule["verbs"]}
    return found


def too_many(answers: Answers, expected: set[Right], everybody: Answers) -> dict[Right, str]:
    """The rights that are had and not expected, each with the authorizer's reason.

    What everybody has is not of this identity, and what it has in every namespace is not said again of each.
    """
    found = {}
    for right, answer in answers.items():
        if answer.allowed and not _covered(right, expected) and not _has(everybody, right):
            found[right] = answer.reason
    return {right: why for right, why in found.items() if not any(wider in found for wider in _wider(right))}


def too_few(answers: Answers, expected: set[Right], powerful: set[str]) -> dict[Right, str]:
    """The rights that are expected and not had."""
    asked = {right for right in expected if not _follows(right, powerful)}
    return {right: answers[right].reason for right in asked if not answers[right].allowed}


def is_basic(right: Right) -> bool:
    """Whether Kubernetes itself grants it to every authenticated user."""
    return right.verb == "create" and (right.group, right.resource) in _BASIC


def _covered(right: Right, expected: set[Right]) -> bool:
    return right in expected or any(wider in expected for wider in _wider(right))


def _has(answers: Answers, right: Right) -> bool:
    known = [answers[each] for each in (right, *_wider(right)) if each in answers]
    return any(answer.allowed for answer in known)


def _wider(right: Right) -> list[Right]:
    """The rights that this one follows from: the same without a name, and in every namespace."""
    namespaces = (right.namespace,) if right.namespace == CLUSTER else (right.namespace, EVERY)
    alike = [
        Right(namespace, right.group, right.resource, name, right.verb)
        for namespace in namespaces
        for name in (right.name, "")
    ]
    return [each for each in alike if each != right]


def rows(rights: Mapping[Right, str], identity: str) -> list[dict[str, Any]]:
    """Rights as rows, those that differ only by their verb in one."""
    grouped: dict[tuple[str, ...], list[str]] = {}
    for right, reason in sorted(rights.items()):
        grouped.setdefault((right.namespace, right.group, right.resource, right.name, reason), []).append(right.verb)
    keys = ("namespace", "group", "resource", "name", "reason")
    return [
        {"identity": identity, **dict(zip(keys, key, strict=True)), "verbs": verbs} for key, verbs in grouped.items()
    ]


def matrix(answers: Answers, expected: set[Right], shown: Iterable[Right], identity: str) -> list[dict[str, Any]]:
    """Expected and actual rights, for every resource that has either; equal names share a row.

    :param shown: the rights beyond the expected ones.
    """
    cells: dict[tuple[str, str, str, str], tuple[set[str], set[str]]] = {}
    for right in {*expected, *shown}:
        wanted, had = cells.setdefault((right.namespace, right.group, right.resource, right.name), (set(), set()))
        if right in expected:
            wanted.add(right.verb)
        answer = answers.get(right)
        if answer is None or answer.allowed:  # not asked: it follows from the right to do everything
            had.add(right.verb)
    merged: dict[tuple[Any, ...], list[str]] = {}
    for (namespace, group, resource, name), (wanted, had) in sorted(cells.items()):
        key = (namespace, group, resource, tuple(sorted(wanted)), tuple(sorted(had)))
        merged.setdefault(key, []).append(name)
    return [
        {
            "identity": identity,
            "namespace": namespace,
            "group": group,
            "resource": resource,
            "names": [name for name in names if name],
            "expected": list(wanted_verbs),
            "actual": list(had_verbs),
        }
        for (namespace, group, resource, wanted_verbs, had_verbs), names in merged.items()
    ]
