# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A setup grant: an administrative account for one person, one reason and a few hours.

Its rights are what setup needs and no more, and an admission policy keeps its writes to what is ours. It is still
administrative: whoever may make roles and workloads in our namespaces could give himself every right in there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from ..contract.durations import parse_duration
from ..identities import rule_of
from ..identities.needs import CLUSTER, RBAC_GROUP, Need
from ..identities.permissions import setup_needs
from ..names import NAMESPACES, PREFIX, SETUP_NAMESPACE, SETUP_SET, account_user, labels

Manifest = dict[str, Any]

SHORTEST, LONGEST = timedelta(minutes=10), timedelta(days=7)
_NAME = "fireworks-setup"
_WORD = 20
"""So many letters of who and why are part of the account's name, which may have 63."""


class GrantError(ValueError):
    """The grant cannot be made as it is asked for; says what to say instead."""


def setup_grant(contract: Mapping[str, Any], who: str, reason: str, valid: str, now: str) -> dict[str, Any]:
    """The grant as data: the account's ``name``, ``user``, ``lifetime`` in seconds, ``until``, ``objects``, ``notes``.

    ``valid`` is a duration, as in a contract; ``now`` is the moment it begins (ISO 8601, UTC).

    :raises GrantError: it is too long, too short, or does not say for whom and what for.
    """
    if not who.strip() or not reason.strip():
        raise GrantError("A setup grant says for whom and what for: -e who=<name> -e reason=<words>.")
    try:
        span = parse_duration(valid)
    except ValueError as error:
        raise GrantError(f"valid: '{valid}' {error}.") from None
    if not SHORTEST <= span <= LONGEST:
        raise GrantError(f"valid: {valid} is not between 10m and 7d.")
    until = (datetime.fromisoformat(now) + span).replace(microsecond=0)
    name = f"setup-{_word(who)}-{_word(reason)}-{until:%Y%m%d-%H%M}"
    facts = {
        "who": who.strip(),
        "reason": reason.strip(),
        "until": f"{until:%Y-%m-%dT%H:%M:%SZ}",
        "contract": str(contract["identity"]["name"]),
        "cluster": str(contract["identity"]["uid"]),
    }
    return {
        "name": name,
        "user": account_user(name, SETUP_NAMESPACE),
        "lifetime": int(span.total_seconds()),
        "until": facts["until"],
        "objects": _objects(contract, name, facts),
        "notes": [
            f"Setup access of {facts['who']} to {facts['contract']}, until {facts['until']}: {facts['reason']}.",
            f"To end it at once: delete the ServiceAccount {name} in {SETUP_NAMESPACE}, or run revoke_setup_access.",
        ],
    }


def _word(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.strip().lower())[:_WORD].strip("-") or "x"


def _objects(contract: Mapping[str, Any], name: str, facts: Mapping[str, str]) -> list[Manifest]:
    annotations = {PREFIX + key: value for key, value in facts.items()}
    subject = {"kind": "ServiceAccount", "name": name, "namespace": SETUP_NAMESPACE}
    role_ref = {"apiGroup": RBAC_GROUP, "kind": "ClusterRole", "name": _NAME}
    # Our namespaces do not exist yet, so the rights inside them are given in all; the policy takes back the rest.
    rules = _merged(Need(CLUSTER, need.group, need.resources, need.verbs, need.names) for need in setup_needs(contract))
    return [
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {
                "name": SETUP_NAMESPACE,
                # No pod can use the account: none is let in.
                "labels": {**_labels(SETUP_NAMESPACE), "pod-security.kubernetes.io/enforce": "restricted"},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": "no-pods", "namespace": SETUP_NAMESPACE, "labels": _labels("no-pods")},
            "spec": {"hard": {"pods": "0"}},
        },
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {
                "name": name,
                "namespace": SETUP_NAMESPACE,
                "labels": _labels(name),
                "annotations": annotations,
            },
            "automountServiceAccountToken": False,
        },
        {
            "apiVersion": f"{RBAC_GROUP}/v1",
            "kind": "ClusterRole",
            "metadata": {"name": _NAME, "labels": _labels(_NAME)},
            "rules": [rule_of(need) for need in rules],
        },
        {
            "apiVersion": f"{RBAC_GROUP}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": name, "labels": _labels(name), "annotations": annotations},
            "roleRef": role_ref,
            "subjects": [subject],
        },
        *_bounds(),
    ]


def _merged(needs: Any) -> list[Need]:
    """One rule for each group, kind and names, with all its verbs."""
    verbs: dict[tuple[str, tuple[str, ...], tuple[str, ...]], dict[str, None]] = {}
    for need in needs:
        for resource in need.resources:
            verbs.setdefault((need.group, (resource,), need.names), {}).update(dict.fromkeys(need.verbs))
    return [Need(CLUSTER, group, resources, tuple(found), names) for (group, resources, names), found in verbs.items()]


def _bounds() -> list[Manifest]:
    """The policy that keeps setup accounts' writes to our namespaces, and to cluster-wide objects of our names."""
    ours = ", ".join(f"'{namespace}'" for namespace in NAMESPACES)
    prefix = f"system:serviceaccount:{SETUP_NAMESPACE}:"
    everything = {"apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*/*"], "scope": "*"}
    return [
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": _NAME, "labels": _labels(_NAME)},
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": {
                    "matchPolicy": "Equivalent",
                    "resourceRules": [{**everything, "operations": ["CREATE", "UPDATE", "DELETE", "CONNECT"]}],
                },
                "matchConditions": [
                    {"name": "setup-accounts", "expression": f"request.userInfo.username.startsWith('{prefix}')"}
                ],
                "variables": [
                    {"name": "place", "expression": "has(request.namespace) ? request.namespace : ''"},
                    {
                        "name": "called",
                        "expression": "has(request.name) && request.name != '' ? request.name : (object != null && "
                        "has(object.metadata) && has(object.metadata.name) ? object.metadata.name : '')",
                    },
                    {
                        # A dry run writes nothing; and whoever has setup access may give it up.
                        "name": "harmless",
                        "expression": "(has(request.dryRun) && request.dryRun) || (request.operation == 'DELETE' && "
                        "request.resource.resource == 'serviceaccounts'"
                        f" && request.userInfo.username == '{prefix}' + variables.called)",
                    },
                ],
                "validations": [
                    {
                        "expression": f"variables.harmless || variables.place == '' || variables.place in [{ours}]",
                        "message": f"Setup access writes only in {' and '.join(NAMESPACES)}.",
                    },
                    {
                        "expression": "variables.harmless || variables.place != '' || "
                        "(variables.called.startsWith('fireworks-') && "
                        f"!variables.called.startsWith('{_NAME}'))",
                        "message": "Elsewhere setup access writes fireworks-* only, and not its own bounds.",
                    },
                ],
            },
        },
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": _NAME, "labels": _labels(_NAME)},
            "spec": {"policyName": _NAME, "validationActions": ["Deny"]},
        },
    ]


def _labels(name: str) -> dict[str, str]:
    return labels(SETUP_SET, name)
