# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``leftover_info`` found, as rows, and until when what a grant issued may work."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from .grant import as_moment
from .tokens import as_text

Data = Mapping[str, Any]
Row = dict[str, str]

TOKENS_OF_GRANTS = timedelta(hours=1)
"""No token that was issued with a grant lives longer."""
_END = re.compile(r"-([0-9]{8}-[0-9]{4})")
_RESTORE = "ansible-playbook fireworks.byoc.onboard -i <inventory> -e clusters={cluster} -e stack_force_conflicts=true"


def leftover_rows(result: Data, cluster: str, foreign: Iterable[Data] = ()) -> list[Row]:
    """A row for each object that nothing accounts for, and for each field that the stack's release says otherwise.

    :param foreign: bindings that are told elsewhere, of ``access_info``.
    """
    told = {(each["kind"], each["namespace"], each["name"]) for each in foreign}
    left = [
        {"cluster": cluster, **{key: str(each[key]) for key in ("object", "made", "made_by", "why", "command")}}
        for each in result["left_behind"]
        if (each["kind"], each["namespace"], each["name"]) not in told
    ]
    return [*left, *(_altered(each, cluster) for each in result["altered"])]


def last_token_ends(grant: str, ended: str) -> str:
    """When the last token that was issued with a grant stops working: an hour after the grant itself did.

    :param grant: its name, which says in which minute it ends. :param ended: when its account was found gone.
    """
    moment, said = as_moment(ended), _END.findall(grant)
    if said:
        end = datetime.strptime(said[-1], "%Y%m%d-%H%M").replace(tzinfo=UTC) + timedelta(minutes=1)
        moment = min(moment, end)
    return as_text(moment + TOKENS_OF_GRANTS)


def _altered(each: Data, cluster: str) -> Row:
    why = f"{each['field']} is {each['found']}; the contract and its release say {each['expected']}"
    command = _RESTORE.format(cluster=cluster)
    return {
        "cluster": cluster,
        "object": str(each["object"]),
        "made": "",
        "made_by": "",
        "why": why,
        "command": command,
    }
