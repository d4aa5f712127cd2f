# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit of access: rights too many, rights too few, and the verdict."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..._vocabulary.listing import amount
from ..._vocabulary.wording import action_required
from ..contract.typed import Contract
from ..names import NAMESPACES, SYSTEM_NAMESPACE
from ..preflight.item import Item
from .presetup_check import refusal

Data = Mapping[str, Any]
Row = dict[str, str]
_SHOWN = 3
FINDING_CODES = {
    "too many": "rights_too_many",
    "too few": "rights_too_few",
    "not granted": "right_not_granted",
    "foreign binding": "foreign_binding",
    "left behind": "left_behind",
}
"""By what is found, what programs and the runbooks call it."""
_DIFFERS = "prerequisites_differ"
_GIVEN_BY = re.compile(
    r'(ClusterRoleBinding|RoleBinding) "([^"/]+)(?:/([^"]+))?" of (\w+) "([^"]+)" to (\w+) "([^"]+)"'
)
_NOT_A_CUSTOMERS = ("", "*", *NAMESPACES)


def access_findings(result: Data, cluster: str) -> list[Row]:
    """Unexpected results of ``access_info``: a row for each identity, namespace and reason.

    ``command`` fixes it; it is empty if fixing the prerequisites or the foreign binding's own row does.
    """
    foreign = {str(each["name"]) for each in result["foreign_bindings"]}
    found = [
        _finding(cluster, identity, finding, f"{_some(rights)} {_place(namespace)}", *_cause(identity, reason, foreign))
        for finding in ("too many", "too few")
        for (identity, namespace, reason), rights in _grouped(result[finding.replace(" ", "_")]).items()
        if finding == "too many" or namespace in _NOT_A_CUSTOMERS
    ]
    lacking = [each for each in result["too_few"] if each["namespace"] not in _NOT_A_CUSTOMERS]
    found += [_not_granted(each, cluster) for each in lacking]
    return [*found, *(_binding(each, cluster) for each in result["foreign_bindings"])]


def access_summary(result: Data, cluster: str) -> list[dict[str, Any]]:
    """A row for each identity: how many rights it should have, and how many too many or too few it has."""
    everybody = {"identity": "everybody", **result["everybody"], "too_few": 0}
    columns = ("identity", "expected", "too_many", "too_few")
    return [{"cluster": cluster, **{key: each[key] for key in columns}} for each in [*result["summary"], everybody]]


def audit_verdict(
    contract: Contract, drift: Sequence[Data], findings: Sequence[Data], left: Sequence[Data] = ()
) -> dict[str, Any]:
    """Whether access is as the contract says, as one item with one message, and the code of the first difference.

    ``drift`` are the rows of the presetup, ``findings`` those of the rights, ``left`` those of what is left behind.
    """
    cluster = str(contract["identity"]["name"])
    counts = (
        (len(drift), "difference", " in the prerequisites"),
        (sum(each["finding"] == "too many" for each in findings), "group", " of rights too many"),
        (sum(each["finding"] == "too few" for each in findings), "group", " of rights too few"),
        (sum(each["finding"] == "not granted" for each in findings), "right", " that the customer has not granted"),
        (sum(each["finding"] == "foreign binding" for each in findings), "foreign binding", ""),
        (len(left), "object", " left behind"),
    )
    found = ", ".join(f"{amount(count, thing)}{more}" for count, thing, more in counts if count)
    item = Item(
        "access", not found, found or "as the contract says", "exactly what the contract says", topic="security"
    )
    codes = [_DIFFERS] * bool(drift) + [FINDING_CODES[each["finding"]] for each in [*findings, *map(_left, left)]]
    given = {**item.as_dict(contract), "code": next(iter(codes), "")}
    return (
        given
        if item.ok
        else {**given, "message": _message(cluster, drift, [*findings, *map(_left, left)], contract, given)}
    )


def _left(each: Data) -> Row:
    return {"identity": str(each["object"]), "finding": "left behind", "what": "", **each}


def _message(cluster: str, drift: Sequence[Data], findings: Sequence[Data], contract: Contract, item: Data) -> str:
    if not findings:
        return refusal(cluster, drift, contract)
    lines = [f"{cluster}: access is not as the contract says; nothing was changed."]
    for each in findings:
        what = f": {each['what']}" if each["what"] else ""
        lines.append(f"{each['identity']}, {each['finding']}{what} ({each['why']}) [{FINDING_CODES[each['finding']]}].")
    commands = dict.fromkeys(f"  {each['command']}" for each in findings if each["command"])
    lines += ["To fix it:", *commands] if commands else []
    return "\n".join([*lines, refusal(cluster, drift, contract) or action_required(item["owner"], item["contact"])])


def _grouped(rights: Iterable[Data]) -> dict[tuple[str, str, str], list[Data]]:
    found: dict[tuple[str, str, str], list[Data]] = {}
    for each in rights:
        found.setdefault((each["identity"], each["namespace"], each["reason"]), []).append(each)
    return found


def _cause(identity: str, reason: str, foreign: set[str]) -> tuple[str, str]:
    """The cause, and the command that fixes it."""
    given = _GIVEN_BY.search(reason)
    if not given or given[2] in foreign:
        return reason or "nothing grants it", ""
    where = f"-n {given[3]} " if given[3] else ""
    role, binding = shlex.quote(given[5]), shlex.quote(given[2])
    if given[2] == f"fireworks-{identity}":
        if (given[3] or "") in _NOT_A_CUSTOMERS:
            return reason, ""
        # The customer's own grant, wider than the contract: the presetup does not fix it.
        return reason, f"kubectl {where}edit {given[4].lower()} {role}   # and keep only what the contract implies"
    return reason, f"kubectl {where}edit {given[1].lower()} {binding}   # and remove {given[6]} {given[7]}"


def _not_granted(each: Data, cluster: str) -> Row:
    """A right in a namespace of the customer, which only the customer can grant."""
    identity, namespace = str(each["identity"]), str(each["namespace"])
    limited = f", resourceNames {each['name']}" if each["name"] else ""
    why = (
        f"the customer has not granted it: in {namespace} it needs a Role fireworks-{identity} with "
        f"{', '.join(each['verbs'])} on {each['resource']}{limited}, and a RoleBinding fireworks-{identity} of it to "
        f"the ServiceAccount {identity} of {SYSTEM_NAMESPACE}; docs/health.md shows both"
    )
    return _finding(cluster, identity, "not granted", f"{_some([each])} {_place(namespace)}", why, "")


def _binding(each: Data, cluster: str) -> Row:
    where = f"-n {each['namespace']} " if each["namespace"] else ""
    verb, rest = ("edit", f"   # and remove {each['subject']}") if each["others"] else ("delete", "")
    name = shlex.quote(str(each["name"]))  # RBAC's names may hold what a shell would run
    command = f"kubectl {where}{verb} {str(each['kind']).lower()} {name}{rest}"
    place = f"{each['namespace']}/" if each["namespace"] else ""
    why = f"{each['kind']} {place}{each['name']} is not from the contract"
    return _finding(cluster, str(each["subject"]), "foreign binding", f"gets {each['role']}", why, command)


def _finding(cluster: str, identity: str, finding: str, what: str, why: str, command: str) -> Row:
    row = {"cluster": cluster, "identity": identity, "finding": finding}
    return {**row, "code": FINDING_CODES[finding], "what": what, "why": why, "command": command}


def _some(rights: Iterable[Data]) -> str:
    """The rights as text: verbs, and the first few resources."""
    by_verbs: dict[str, list[str]] = {}
    for each in rights:
        group = f".{each['group']}" if each["group"] else ""
        name = f" {each['name']}" if each["name"] else ""
        by_verbs.setdefault(", ".join(each["verbs"]), []).append(f"{each['resource']}{group}{name}")
    if "*" in by_verbs:
        return "everything"
    parts = [f"{verbs} {_first(resources)}" for verbs, resources in by_verbs.items()]
    return "; ".join(parts[:_SHOWN]) + (f"; and {len(parts) - _SHOWN} more such" if len(parts) > _SHOWN else "")


def _first(words: Sequence[str]) -> str:
    return ", ".join(words[:_SHOWN]) + (f" and {len(words) - _SHOWN} more" if len(words) > _SHOWN else "")


def _place(namespace: str) -> str:
    return {"": "in the cluster", "*": "in every namespace"}.get(namespace, f"in {namespace}")
