# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit of access: what the identities may do and should not, or should and may not, and the verdict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..people import whose_move
from ..preflight.item import Item
from .presetup_check import refusal

Data = Mapping[str, Any]
Row = dict[str, str]
_SHOWN = 6


def access_findings(result: Data, cluster: str) -> list[Row]:
    """What ``access_info`` found that is not as expected: a row for each identity, namespace and reason."""
    return [
        *_rights(result["too_many"], cluster, "too many"),
        *_rights(result["too_few"], cluster, "too few"),
        *(_binding(each, cluster) for each in result["foreign_bindings"]),
    ]


def access_summary(result: Data, cluster: str) -> list[dict[str, Any]]:
    """A row for each identity: how many rights it should have, and how many too many or too few it has."""
    everybody = {"identity": "everybody", **result["everybody"], "too_few": 0}
    columns = ("identity", "expected", "too_many", "too_few")
    return [{"cluster": cluster, **{key: each[key] for key in columns}} for each in [*result["summary"], everybody]]


def audit_verdict(contract: Data, drift: Sequence[Data], findings: Sequence[Data]) -> dict[str, Any]:
    """Whether access is as the contract says, as one item with one message.

    ``drift`` are the rows of the presetup, ``findings`` those of the rights.
    """
    cluster = str(contract["identity"]["name"])
    counts = (
        (len(drift), "differences in what governs us"),
        (sum(each["finding"] == "too many" for each in findings), "groups of rights too many"),
        (sum(each["finding"] == "too few" for each in findings), "groups of rights too few"),
        (sum(each["finding"] == "foreign binding" for each in findings), "foreign bindings"),
    )
    found = ", ".join(f"{count} {what}" for count, what in counts if count)
    item = Item(
        "access", not found, found or "as the contract says", "exactly what the contract says", topic="security"
    )
    given = item.as_dict(contract)
    return given if item.ok else {**given, "message": _message(cluster, drift, findings, contract, given)}


def _message(cluster: str, drift: Sequence[Data], findings: Sequence[Data], contract: Data, item: Data) -> str:
    if not findings:
        return refusal(cluster, drift, contract)
    lines = [f"{cluster}: access is not as the contract says; nothing was changed."]
    for each in findings:
        lines.append(f"{each['identity']}, {each['finding']}: {each['what']} ({each['why']}).")
    lines += ["To mend it:", *dict.fromkeys(f"  {each['command']}" for each in findings)]
    return "\n".join([*lines, refusal(cluster, drift, contract) or whose_move(item)])


def _rights(rights: Iterable[Data], cluster: str, finding: str) -> list[Row]:
    grouped: dict[tuple[str, str, str], list[str]] = {}
    for each in rights:
        key = (each["identity"], each["namespace"], each["reason"])
        grouped.setdefault(key, []).append(_spoken(each))
    return [
        _finding(cluster, identity, finding, f"{_some(whats)} {_place(namespace)}", *_cause(finding, reason))
        for (identity, namespace, reason), whats in grouped.items()
    ]


def _cause(finding: str, reason: str) -> tuple[str, str]:
    if finding == "too few":
        return reason or "nothing gives it", "mend what governs us, as said below"
    return reason or "the API server does not say why", "take back what gives it, which the API server names"


def _binding(each: Data, cluster: str) -> Row:
    where = f"-n {each['namespace']} " if each["namespace"] else ""
    verb, rest = ("edit", f"   # and take out {each['subject']}") if each["others"] else ("delete", "")
    command = f"kubectl {where}{verb} {str(each['kind']).lower()} {each['name']}{rest}"
    place = f"{each['namespace']}/" if each["namespace"] else ""
    why = f"{each['kind']} {place}{each['name']} is not of the contract"
    return _finding(cluster, str(each["subject"]), "foreign binding", f"gets {each['role']}", why, command)


def _finding(cluster: str, identity: str, finding: str, what: str, why: str, command: str) -> Row:
    row = {"cluster": cluster, "identity": identity, "finding": finding}
    return {**row, "what": what, "why": why, "command": command}


def _spoken(each: Data) -> str:
    if each["resource"] == "*":
        return "everything"
    name = f" {each['name']}" if each["name"] else ""
    group = f".{each['group']}" if each["group"] else ""
    return f"{', '.join(each['verbs'])} {each['resource']}{group}{name}"


def _some(whats: Sequence[str]) -> str:
    more = f" and {len(whats) - _SHOWN} more" if len(whats) > _SHOWN else ""
    return "; ".join(whats[:_SHOWN]) + more


def _place(namespace: str) -> str:
    return {"": "in the cluster", "*": "in every namespace"}.get(namespace, f"in {namespace}")
