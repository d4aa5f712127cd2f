# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where setup grants live, and what bounds them all: the set ``setup-access``.

RBAC gives a grant no more than this. The policy holds where a grant was given more by mistake, or by an older version,
which gave each of them the rights of an administrator cluster-wide.
"""

from __future__ import annotations

from typing import Any

from ..contract.typed import Contract
from ..guardrails.policy import Policy, Rule, from_accounts_of, literal, manifests
from ..guardrails.scope import (
    EVERY_WRITE,
    NO_ORPHANS_RULE,
    ONE_BY_ONE_RULE,
    PRESETUP_RULE,
    ROUTER_MODELS_RULE,
    scope_rules,
    scope_variables,
    writes_of,
)
from ..identities.permissions import onboarding_needs
from ..names import SETUP_NAMESPACE, SETUP_SET, account_user, labels

Manifest = dict[str, Any]

_WHY = (
    "A setup grant of Fireworks writes what onboarding writes in fireworks-system and fireworks-models, whatever roles "
    "it is bound to: no prerequisites, no accounts, roles or tokens, and nothing cluster-wide."
)


def setup_bounds(contract: Contract) -> list[Manifest]:
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
        *manifests(_policy(contract)),
    ]


def _policy(contract: Contract) -> Policy:
    writes = writes_of(onboarding_needs(contract))
    return Policy(
        name=SETUP_NAMESPACE,
        why=_WHY,
        match=EVERY_WRITE,
        conditions={"setup-accounts": from_accounts_of(SETUP_NAMESPACE), "not-giving-up": f"!({_GIVES_UP})"},
        variables=scope_variables(writes),
        rules=(
            *scope_rules(writes),
            PRESETUP_RULE,
            ONE_BY_ONE_RULE,
            NO_ORPHANS_RULE,
            ROUTER_MODELS_RULE,
            Rule(
                f"object == null || ({' && '.join(map(_as_before, ('finalizers', 'ownerReferences')))})",
                "A setup grant sets and removes no finalizers and no owners: they would keep or hide what it leaves.",
            ),
        ),
        part_of=SETUP_SET,
    )


# Whoever has setup access may end it, and nobody else's.
_GIVES_UP = " && ".join(
    (
        "request.operation == 'DELETE'",
        "request.resource.?group.orValue('') == ''",
        "request.resource.resource == 'serviceaccounts'",
        "request.?subResource.orValue('') == ''",
        f"request.?namespace.orValue('') == {literal(SETUP_NAMESPACE)}",
        f"request.userInfo.username == {literal(account_user('', SETUP_NAMESPACE))} + request.?name.orValue('')",
    )
)


def _as_before(marks: str) -> str:
    """Whether an object has the marks that it had, and no others."""

    def of(side: str) -> str:
        return f"dyn({side}).?metadata.?{marks}.orValue([])"

    return f"{of('object')} == (oldObject == null ? [] : {of('oldObject')})"
