# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``leftover_info`` found, as rows."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from typing import Any

Data = Mapping[str, Any]
Row = dict[str, str]

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


def _altered(each: Data, cluster: str) -> Row:
    why = f"{each['field']} is {_told(each['found'], 'not there')}; the contract and its release say "
    why += _told(each["expected"], "nothing")
    command = _RESTORE.format(cluster=cluster)
    if each["added"]:  # an apply does not remove what somebody else has set
        command = f"{_edit(str(each['object']))}   # and remove {each['field']}"
    return {
        "cluster": cluster,
        "object": str(each["object"]),
        "made": "",
        "made_by": "",
        "why": why,
        "command": command,
    }


def _told(value: str | None, absent: str) -> str:
    return absent if value is None else value or "empty"


def _edit(told: str) -> str:
    kind, _space, place = told.partition(" ")
    namespace, _slash, name = place.rpartition("/")
    where = f"-n {shlex.quote(namespace)} " if namespace else ""
    return f"kubectl {where}edit {kind.lower()} {shlex.quote(name)}"
