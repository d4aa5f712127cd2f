# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Access for a limited time: setup grants, and the credentials that are renewed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access import grant as grants
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.eviction_grant import grant_line
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.lifetimes import (
    lifetime_doubts,
    token_lifetime,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.open_grants import (
    beside,
    issued_tokens,
    notes_of,
    open_grants,
    taken_up,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.rotation import (
    connecting_identities,
    credential_file,
    credential_files,
    rotation_rows,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.setup_access import setup_access_objects
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.setup_bounds import setup_bounds
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract.typed import Contract
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.private_file import path_doubts


def _grant_end(until: str, now: str) -> str:
    try:
        return grants.grant_end(str(until), now)
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from None


def _setup_grant(
    contract: Contract,
    grantee: str,
    reason: str,
    until: str,
    now: str,
    asked: str = "",
    there: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    try:
        wanted = grants.setup_grant(str(grantee), str(reason), until, now, grants.lifetime_of(str(asked)))
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from None
    known = open_grants(there)
    grant, others = taken_up(wanted, known, now)
    return {
        **_set_of(contract, grant),
        "in_the_way": [{"name": one.name, "until": one.until} for one in others],
        "taken_up": grant.name in {one.name for one in known},
        "until": grant.until,
        "seconds": grant.seconds,
        "bounds": setup_bounds(contract),
        "beside": [_set_of(contract, other) for other in beside(grant, known)],
    }


def _set_of(contract: Contract, grant: grants.Grant) -> dict[str, Any]:
    objects = setup_access_objects(contract, grant)
    return {"name": grant.name, "set": grant.set, "annotations": notes_of(grant), "objects": objects}


class FilterModule:
    """Filters over a contract, and over what was renewed."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "connecting_identities": connecting_identities,
            "credential_file": credential_file,
            "credential_files": credential_files,
            "eviction_grant_line": grant_line,
            "grant_end": _grant_end,
            "issued_tokens": issued_tokens,
            "lifetime_doubts": lifetime_doubts,
            "path_doubts": path_doubts,
            "rotation_rows": rotation_rows,
            "setup_grant": _setup_grant,
            "token_lifetime": token_lifetime,
        }
