# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a run had the credential of an identity that is not meant for it."""

from __future__ import annotations

from ..contract.typed import Contract
from ..dropped_rights import by_place, refusals_in
from ..names import account_user
from .needs import CLUSTER, CONNECTING, IDENTITIES, granted


def identity_of(user: str) -> str:
    """Which of our identities, of those that connect from outside, a user is; empty for anybody else."""
    return next((name for name in CONNECTING if user == account_user(name)), "")


def meant_instead(contract: Contract, refusal: str) -> str:
    """Which of our identities have the right that another of ours lacks by the contract; empty where it should have it.

    :param refusal: the API server's words, whatever is around them.
    """
    for user, verb, (namespace, group, resource) in refusals_in(refusal):
        places = ((namespace, group, resource), (CLUSTER, group, resource))
        having = []
        for each in IDENTITIES:
            rights = by_place(granted(contract, each)) if each.connects and each.applies(contract) else {}
            if any(verb in rights.get(place, ()) for place in places):
                having.append(each.name)
        asked = identity_of(user)
        if asked and having and asked not in having:
            return f"this right is not of the identity {asked}, but of {', '.join(having)}"
    return ""
