# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The prerequisites in a cluster compared with the contract: each difference, and the command that fixes it."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from ..._vocabulary.listing import amount
from ..._vocabulary.owner import Owner
from ..._vocabulary.wording import action_required
from ..contract.bounds import bounds_rows
from ..contract.typed import Contract
from ..names import BOUNDS_ANNOTATION, PRESETUP_ANNOTATION, PRESETUP_SET, SYSTEM_NAMESPACE
from ..people import contact
from ..presetup.remembered import remembered_bounds

Data = Mapping[str, Any]
Row = dict[str, Any]

ABSENT, PARTIAL, STALE, EDITED = "absent", "partial", "stale", "edited"
_SAID = {
    ABSENT: "are missing",
    PARTIAL: "are incomplete",
    STALE: "are from another version of the contract",
    EDITED: "were edited",
}
_SHOWN = 20
_PLAY = "ansible-playbook fireworks.byoc.presetup"
_FORCE = " -e presetup_force_conflicts=true"
_PARENT = f"ConfigMap {SYSTEM_NAMESPACE}/{PRESETUP_SET}"
_STEP = re.compile(r"\.?([^.\[\]]+)|\[([^\]]+)\]")


def presetup_rows(result: Data, contract: Contract, annotations: Data) -> list[Row]:
    """One row for each difference from the contract.

    ``result`` is from ``set_info``, ``annotations`` are those of a set compiled now. ``state`` describes the whole set:
    absent, partial, stale (compiled from another version of the contract) or edited.
    """
    bounds = _bounds(result, contract, annotations)
    state = _state(result, annotations, bounds)
    play = f"{_PLAY} -i <inventory> -e clusters={contract['identity']['name']} -e admin_kubeconfig=<your kubeconfig>"
    if state == ABSENT:
        missing = result["counts"]["missing"]
        rows = [_row("presetup", "", amount(missing, "object"), "nothing", "The whole presetup is missing.", play)]
    else:
        rows = [row for entry in result["objects"] for row in _rows_of(entry, play, stale=state == STALE)]
        rows += [_row(_PARENT, one["field"], one["expected"], one["found"], _message(one), play) for one in bounds]
    cluster = str(contract["identity"]["name"])
    return [{"cluster": cluster, **row, "state": state} for row in [*rows, *_unread(result)]]


def refusal(cluster: str, rows: Sequence[Data], contract: Contract) -> str:
    """The differences from the contract, the commands that fix them, and who has to act; empty if there are none."""
    if not rows:
        return ""
    lines = [f"{cluster}: the prerequisites {_SAID[rows[0]['state']]}; nothing was changed."]
    lines += [f"{row['object']}: {row['message']}" for row in rows[:_SHOWN]]
    if len(rows) > _SHOWN:
        lines.append(f"And {len(rows) - _SHOWN} more.")
    commands = dict.fromkeys(row["command"] for row in rows)
    # The forced command includes the plain one. Fields that others have added are removed first.
    kept = [command for command in commands if command + _FORCE not in commands]
    lines += ["To fix it:", *(f"  {command}" for command in sorted(kept, key=lambda each: _PLAY in each))]
    lines.append(action_required(Owner.CUSTOMER, contact(contract, "security")))
    return "\n".join(lines)


def _bounds(result: Data, contract: Contract, annotations: Data) -> list[Row]:
    """The clauses of the contract that differ from what is remembered, where this version remembers any."""
    if BOUNDS_ANNOTATION not in annotations or (result.get("set") or {}).get("state") == "unreadable":
        return []
    clauses = bounds_rows(remembered_bounds((result.get("set") or {}).get("annotations") or {}), contract)
    return [{"field": one["clause"], "found": one["recorded"], "expected": one["said"]} for one in clauses]


def _state(result: Data, annotations: Data, bounds: Sequence[Data]) -> str:
    counts = result["counts"]
    if counts["missing"] and not (counts["same"] or counts["differs"]):
        return ABSENT
    made_from = ((result.get("set") or {}).get("annotations") or {}).get(PRESETUP_ANNOTATION)
    if bounds or (made_from and made_from != annotations[PRESETUP_ANNOTATION]):
        return STALE
    return PARTIAL if counts["missing"] else EDITED


def _rows_of(entry: Data, play: str, *, stale: bool) -> list[Row]:
    name = _name(entry)
    if entry["state"] == "missing":
        return [_row(name, "", "there", "missing", "It is missing.", play)]
    if entry["state"] == "extra":
        said = "It is in the set presetup, but not in the contract."
        return [_row(name, "", "nothing", "there", said, play if stale else _kubectl("delete", entry))]
    return [
        _row(
            name,
            each["field"],
            each["expected"],
            each["found"],
            _message(each),
            _command(entry, each, play, stale=stale),
        )
        for each in entry.get("differences") or ()
    ]


def _unread(result: Data) -> list[Row]:
    unread = [_name(entry) for entry in result["objects"] if entry["state"] == "unreadable"]
    if not unread:
        return []
    said = f"This identity may not read {', '.join(unread)}, so their state is unknown."
    command = "run it again with an identity that may get each of them"
    return [_row(amount(len(unread), "object"), "", "readable", "unreadable", said, command)]


def _row(name: str, field: str, expected: Any, found: Any, message: str, command: str) -> Row:
    row = {"object": name, "field": field, "expected": expected, "found": found}
    return {**row, "message": message, "command": command}


def _message(each: Data) -> str:
    if each["found"] is None:
        return f"{each['field']} is gone; it should be {_shown(each['expected'])}."
    if each["expected"] is None:
        return f"{each['field']} is {_shown(each['found'])}; it should not be there."
    return f"{each['field']} is {_shown(each['found'])}; it should be {_shown(each['expected'])}."


def _command(entry: Data, each: Data, play: str, *, stale: bool) -> str:
    """The smallest command that fixes one field; the playbook if there is none, or if the whole set is outdated."""
    path = [first or second for first, second in _STEP.findall(each["field"])]
    if path[0] == "roleRef":  # immutable
        return f"{_kubectl('delete', entry)} && {play}"
    if any(step.isdecimal() for step in path):
        return play + _FORCE
    if each["expected"] is None:  # an apply does not remove fields of others
        pointer = "/" + "/".join(step.replace("~", "~0").replace("/", "~1") for step in path)
        return _kubectl("patch", entry, f"--type=json -p {_quoted([{'op': 'remove', 'path': pointer}])}")
    if stale or isinstance(each["expected"], (Mapping, list)):
        return play + _FORCE
    if path[:2] == ["metadata", "labels"]:
        return _kubectl("label", entry, f"{path[2]}={each['expected']} --overwrite")
    value: Any = each["expected"]
    for step in reversed(path):
        value = {step: value}
    return _kubectl("patch", entry, f"--type=merge -p {_quoted(value)}")


def _kubectl(verb: str, entry: Data, rest: str = "") -> str:
    where = f"-n {entry['namespace']} " if entry["namespace"] else ""
    return f"kubectl {where}{verb} {str(entry['kind']).lower()} {shlex.quote(str(entry['name']))} {rest}".rstrip()


def _quoted(value: Any) -> str:
    return shlex.quote(json.dumps(value))


def _name(entry: Data) -> str:
    place = f"{entry['namespace']}/" if entry["namespace"] else ""
    return f"{entry['kind']} {place}{entry['name']}"


def _shown(value: Any) -> str:
    return value if isinstance(value, str) and value else json.dumps(value)
