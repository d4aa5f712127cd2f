# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where setup grants live, and what bounds them all: the set ``setup-access``.

RBAC gives a grant its rights cluster-wide, because the namespaces that it makes are not there yet. So admission holds
it to them. It judges every write and every connection (a proxied request, for instance), not reads.
"""

from __future__ import annotations

from typing import Any

from ..identities.needs import CLUSTER, IDENTITIES, RBAC_GROUP
from ..names import APPROVAL_ANNOTATION, FREEZE_ANNOTATION, NAMESPACES, SETUP_NAMESPACE, SETUP_SET, account_user, labels

Manifest = dict[str, Any]

POLICY = SETUP_NAMESPACE
_GROUP = "admissionregistration.k8s.io"
_OURS = ", ".join(f"'{name}'" for name in NAMESPACES)
_ACCOUNTS = account_user("", SETUP_NAMESPACE)


def setup_bounds() -> list[Manifest]:
    """The namespace, in which no pod gets any power, the policy, and the binding that puts it into force."""
    return [
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {
                "name": SETUP_NAMESPACE,
                "labels": {
                    **labels(SETUP_SET, SETUP_NAMESPACE),
                    **{f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")},
                },
            },
        },
        _policy(),
        {
            "apiVersion": f"{_GROUP}/v1",
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": POLICY, "labels": labels(SETUP_SET, POLICY)},
            "spec": {"policyName": POLICY, "validationActions": ["Deny"]},
        },
    ]


def _policy() -> Manifest:
    everything = {"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*/*"], "scope": "*"}
    # Questions to the API server about oneself are written, but to nowhere.
    questions = {
        "apiGroups": ["authentication.k8s.io", "authorization.k8s.io"],
        "apiVersions": ["*"],
        "operations": ["*"],
        "resources": ["*"],
        "scope": "*",
    }
    of_setup = f"request.userInfo.username.startsWith('{_ACCOUNTS}')"
    return {
        "apiVersion": f"{_GROUP}/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": POLICY, "labels": labels(SETUP_SET, POLICY)},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": [everything], "excludeResourceRules": [questions]},
            "matchConditions": [{"name": "setup-accounts", "expression": of_setup}],
            "variables": [
                {"name": "space", "expression": "has(request.namespace) ? request.namespace : ''"},
                {"name": "name", "expression": "has(request.name) ? request.name : ''"},
                {
                    "name": "isRbac",
                    "expression": f"request.resource.group == '{RBAC_GROUP}' && object != null",
                },
                {"name": "plural", "expression": "request.resource.resource"},
                {"name": "givesUp", "expression": _GIVES_UP},
            ],
            "validations": [
                {"expression": _WHERE, "message": _WHERE_SAYS, "reason": "Forbidden"},
                {"expression": _cluster_roles(), "message": _ROLES_SAY, "reason": "Forbidden"},
                {"expression": _BINDINGS, "message": _BINDINGS_SAY, "reason": "Forbidden"},
                {"expression": _CUSTOMERS_WORD, "message": _CUSTOMERS_WORD_SAYS, "reason": "Forbidden"},
            ],
        },
    }


# Whoever has setup access may end it, and nobody else's.
_GIVES_UP = (
    "request.operation == 'DELETE' && request.resource.group == '' && variables.plural == 'serviceaccounts'"
    f" && request.userInfo.username == '{_ACCOUNTS}' + variables.name"
)
# A set whose namespaces are not there yet is dry-run in `default`: nothing is written there, nothing handed out.
_WHERE = (
    "request.resource.group == '' && variables.plural == 'namespaces'"
    f" ? variables.name in [{_OURS}]"
    f" : variables.space != '' ? variables.space in [{_OURS}]"
    " || (variables.space == 'default' && has(request.dryRun) && request.dryRun"
    " && (!has(request.subResource) || request.subResource == ''))"
    f" || (variables.space == '{SETUP_NAMESPACE}' && variables.givesUp)"
    f" : variables.name.startsWith('fireworks-') && !variables.name.startsWith('{SETUP_NAMESPACE}')"
)
_AND = " and ".join(NAMESPACES)
_WHERE_SAYS = f"A setup account works in {_AND}, and on cluster-wide objects named fireworks-..."
_ROLES_SAY = "A setup account hands on no right beyond our namespaces but those of the identities"
_BINDINGS = (
    "!(variables.isRbac && variables.plural.endsWith('rolebindings'))"
    f" || (object.roleRef.name.startsWith('fireworks-') && !object.roleRef.name.startsWith('{SETUP_NAMESPACE}')"
    f" && (!has(object.subjects) || object.subjects.all(s, s.kind == 'ServiceAccount' && s.namespace in [{_OURS}])))"
)
_BINDINGS_SAY = f"A setup account binds the identities' roles, to accounts of {_AND}, and nothing else"


# It may write our namespaces, on which the customer says what is approved and what is frozen.
_CUSTOMERS_WORD = (
    "request.resource.group != '' || variables.plural != 'namespaces' || object == null"
    f" || ['{APPROVAL_ANNOTATION}', '{FREEZE_ANNOTATION}'].all(key, object.?metadata.?annotations[?key].orValue('')"
    " == (oldObject == null ? '' : oldObject.?metadata.?annotations[?key].orValue('')))"
)
_CUSTOMERS_WORD_SAYS = "A setup account approves no change, and sets or lifts no freeze: those are the customer's"


def _cluster_roles() -> str:
    """What holds for every ClusterRole of the identities; so no other can outlive the grant."""
    needs = [need for identity in IDENTITIES for need in identity.needs if need.scope == CLUSTER]
    whole = sorted({resource for need in needs if not need.names for resource in need.resources})
    listed = ", ".join(f"'{resource}'" for resource in whole)
    return (
        "!(variables.isRbac && variables.plural == 'clusterroles') || !has(object.rules) || object.rules.all(r,"
        f" (has(r.resources) && r.resources.all(x, x in [{listed}]))"
        " || (has(r.resourceNames) && size(r.resourceNames) > 0 && r.verbs.all(v, v == 'get')"
        " && r.resourceNames.all(n, n == 'kube-system' || n.startsWith('fireworks-'))))"
    )
