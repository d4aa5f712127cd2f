# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.grant import GrantError, setup_grant
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.identities.permissions import setup_needs
from tests.unit.domain.agreed import contract

NOW = "2026-11-24T10:00:00.123456+00:00"


def grant(**more: Any) -> dict[str, Any]:
    given = {"who": "Jane Doe", "reason": "Onboarding, phase 1", "valid": "8h", "now": NOW, **more}
    return setup_grant(contract(), **given)


def test_the_account_says_for_whom_for_what_and_until_when() -> None:
    found = grant()
    assert found["name"] == "setup-jane-doe-onboarding-phase-1-20261124-1800"
    assert (found["lifetime"], found["until"]) == (8 * 3600, "2026-11-24T18:00:00Z")
    [account] = [o for o in found["objects"] if o["kind"] == "ServiceAccount"]
    assert account["metadata"]["annotations"]["byoc.fireworks.ai/who"] == "Jane Doe"
    assert account["metadata"]["annotations"]["byoc.fireworks.ai/contract"] == "acme-eu-1"
    assert "Onboarding, phase 1" in found["notes"][0]


def test_the_name_is_never_too_long() -> None:
    assert len(grant(who="x" * 90, reason="y" * 90)["name"]) <= 63
    assert grant(who="Ünïcode", reason="!!!")["name"].startswith("setup-n-code-x-")


def test_its_rights_are_what_setup_needs_and_no_more() -> None:
    [role] = [o for o in grant()["objects"] if o["kind"] == "ClusterRole"]
    given = {
        (rule["apiGroups"][0], resource, verb)
        for rule in role["rules"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    needed = {
        (n.group, resource, verb) for n in setup_needs(contract()) for resource in n.resources for verb in n.verbs
    }
    assert given == needed
    assert not {word for right in given for word in right} & {"*", "escalate", "bind", "impersonate", "secrets"}


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"who": " "}, "-e who=<name> -e reason=<words>"),
        ({"reason": ""}, "-e who=<name> -e reason=<words>"),
        ({"valid": "soon"}, "valid: 'soon' is not a duration"),
        ({"valid": "5m"}, "valid: 5m is not between 10m and 7d"),
        ({"valid": "8d"}, "valid: 8d is not between 10m and 7d"),
    ],
)
def test_what_cannot_be_granted_is_refused_in_one_sentence(more: dict[str, Any], message: str) -> None:
    with pytest.raises(GrantError) as refused:
        grant(**more)
    assert message in str(refused.value)
