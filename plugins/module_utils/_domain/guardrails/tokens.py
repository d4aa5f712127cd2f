# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tokens are issued in our namespaces, whoever asks for them: for whom, for how long, and good where.

Who may ask at all is RBAC's and the scope's. Kubelets ask for the tokens of pods, and are left alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..access.lifetimes import OF_SETUP, token_lifetime
from ..contract.typed import Contract
from ..guardrail_names import TOKENS_GUARDRAIL
from ..identities.needs import identities_of
from ..names import NAMESPACES, SETUP_NAMESPACE, account_user
from .policy import Policy, Rule, literal

_WHY = (
    "In fireworks-system and fireworks-models tokens are issued only for the accounts of the contract, only for the "
    "API server itself, and for no longer than access.token_lifetime of the contract. This applies to all users but "
    "kubelets, which request the tokens of pods."
)
_MATCH = {
    "namespaceSelector": {
        "matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "In", "values": list(NAMESPACES)}]
    },
    "resourceRules": [
        {"apiGroups": [""], "apiVersions": ["*"], "resources": ["serviceaccounts/token"], "operations": ["CREATE"]}
    ],
}
_NOT_A_KUBELET = '!("system:nodes" in request.?userInfo.?groups.orValue([]))'
# The API server fills both in before it asks a policy: a request without them is not one that it would grant.
_LONGER_THAN_ANY = 2**31


def tokens_policy(contract: Contract, audiences: Sequence[str]) -> Policy:
    """The guardrail ``fireworks-tokens``.

    ``audiences`` are the API server's own, read from it. Where they are not known no token is issued: any other choice
    would be a guess at which of them somebody else would accept.
    """
    most = token_lifetime(contract)
    return Policy(
        name=TOKENS_GUARDRAIL,
        why=_WHY,
        match=_MATCH,
        conditions={"not-a-kubelet": _NOT_A_KUBELET},
        variables={
            "accounts": literal(_accounts(contract, connecting=False)),
            "connecting": literal(_accounts(contract, connecting=True)),
            "bySetup": f"request.userInfo.username.startsWith({literal(account_user('', SETUP_NAMESPACE))})",
            "most": f"variables.bySetup ? {min(most, OF_SETUP)} : {most}",
            "seconds": f"dyn(object).spec.?expirationSeconds.orValue({_LONGER_THAN_ANY})",
            "audiences": "dyn(object).spec.?audiences.orValue([])",
        },
        rules=(*_RULES, _for_the_api_server(audiences)),
    )


def _accounts(contract: Contract, *, connecting: bool) -> dict[str, list[str]]:
    """Our accounts by namespace; of those that connect from outside, or all."""
    return {
        namespace: [
            identity.name
            for identity in identities_of(contract)
            if identity.home == namespace and (identity.connects or not connecting)
        ]
        for namespace in NAMESPACES
    }


_RULES = (
    Rule(
        "request.name in variables.accounts[request.namespace]",
        "Tokens are issued only for the accounts of the contract.",
        "'tokens in ' + request.namespace + ' are issued only for the accounts of the contract, and '"
        " + request.name + ' is none'",
    ),
    Rule(
        "!variables.bySetup || request.name in variables.connecting[request.namespace]",
        "A setup grant requests tokens only for the accounts that connect from outside.",
    ),
    Rule(
        "variables.seconds <= variables.most",
        "Tokens live no longer than the contract says (access.token_lifetime), and those that a setup grant requests"
        " no longer than an hour.",
        "'a token lives at most ' + string(variables.most) + ' s (access.token_lifetime'"
        " + (variables.bySetup ? '; a setup grant requests none for longer than an hour' : '')"
        " + '), not ' + string(variables.seconds) + ' s'",
    ),
)


def _for_the_api_server(audiences: Sequence[str]) -> Rule:
    if not audiences:
        return Rule(
            "false",
            "No token is issued: when the prerequisites were made, it was not known whom the API server takes for"
            " itself in a token. Run fireworks.byoc.presetup as an administrator.",
        )
    known = literal(sorted(audiences))
    return Rule(
        f"variables.audiences.size() > 0 && variables.audiences.all(audience, audience in {known})",
        "Tokens are issued only for the API server itself.",
        f"'tokens are issued only for the API server itself, ' + {known}.join(', ') + ', not for '"
        f" + variables.audiences.filter(audience, !(audience in {known})).join(', ')",
    )
