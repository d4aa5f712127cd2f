# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What applying the prerequisites would change: each field, and in words which identity gains or loses which right."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..contract.bounds import bounds_rows
from ..contract.typed import Contract
from ..names import PREFIX, PRESETUP_SET, SYSTEM_NAMESPACE
from ..presetup_version import ADDED, NEWEST
from .remembered import remembered_bounds

Data = Mapping[str, Any]
Row = dict[str, Any]
_Right = tuple[str, str]
"""A resource with its group, and the name that it is limited to, empty for any."""

_ROLES = ("Role", "ClusterRole")
_RULE = re.compile(r"rules\[(\d+)\](?:\.(\w+))?")
_VERBS = ("get", "list", "watch", "create", "update", "patch", "delete")
_LONGEST = 300


def presetup_plan(
    cluster: str, result: Data, objects: Sequence[Data], applied: int | None = None, contract: Contract | None = None
) -> dict[str, Any]:
    """What would change, as three tables: ``versions``, ``changes`` and ``rights``.

    ``result`` is from ``set_info`` for ``objects``, the set as it would be; ``applied`` is the version that is there;
    ``contract`` is the one whose bounds would bind.
    """
    changes = [row for entry in result["objects"] for row in _changes(entry)]
    changes += _of_the_bounds(result, contract) if contract else ()
    adds = [what for number, what in ADDED.items() if number > applied] if applied else ["everything"]
    version = {
        "cluster": cluster,
        "applied": applied if applied is not None else "none",
        "planned": NEWEST,
        "adds": "; ".join(adds) or "nothing",
    }
    return {
        "versions": [version],
        "changes": [{"cluster": cluster, **row} for row in changes],
        "rights": [{"cluster": cluster, **row} for row in _rights(result["objects"], objects)],
    }


# --- objects and fields -------------------------------------------------------------------------------------------


def _changes(entry: Data) -> Iterator[Row]:
    place = f"{entry['namespace']}/" if entry["namespace"] else ""
    row = {"object": f"{entry['kind']} {place}{entry['name']}", "field": ""}
    whole = {"missing": ("missing", "created"), "extra": ("there", "deleted"), "unreadable": ("unreadable", "unknown")}
    if entry["state"] in whole:
        now, planned = whole[entry["state"]]
        yield {**row, "is": now, "will_be": planned}
    for each in entry.get("differences") or ():
        yield {**row, "field": each["field"], "is": _shown(each["found"]), "will_be": _shown(each["expected"])}


def _of_the_bounds(result: Data, contract: Contract) -> Iterator[Row]:
    """The clauses of the contract that would bind and do not yet, or no more."""
    recorded = remembered_bounds((result.get("set") or {}).get("annotations") or {})
    for one in bounds_rows(recorded, contract):
        yield {
            "object": f"ConfigMap {SYSTEM_NAMESPACE}/{PRESETUP_SET}",
            "field": one["clause"],
            "is": _shown(one["recorded"]),
            "will_be": _shown(one["said"]),
        }


def _shown(value: Any) -> str:
    if value is None:
        return "not there"
    text = value if isinstance(value, str) and value else json.dumps(value)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "… (render_to writes it whole)"


# --- rights -------------------------------------------------------------------------------------------------------


def _rights(entries: Iterable[Data], objects: Iterable[Data]) -> Iterator[Row]:
    found = {_place(entry["kind"], entry["namespace"], entry["name"]): entry for entry in entries}
    for role in objects:
        if role["kind"] in _ROLES:
            yield from _of_role(role, found)
    for entry in found.values():
        if entry["kind"] in _ROLES and entry["state"] == "extra":
            identity = entry["name"].removeprefix("fireworks-")
            yield _row(identity, "loses", f"everything that {entry['kind']} {entry['name']} grants", entry["namespace"])


def _of_role(role: Data, found: Mapping[tuple[str, str, str], Data]) -> Iterator[Row]:
    metadata = role["metadata"]
    namespace, name = metadata.get("namespace", ""), metadata["name"]
    identity = str(metadata["labels"][PREFIX + "identity"])
    entry = found[_place(role["kind"], namespace, name)]
    # A role that the prerequisites bind to nobody is bound by a grant of the customer's.
    binding = found.get(_place(role["kind"] + "Binding", namespace, name))
    when, binding = ("", binding) if binding else (", only while you grant it", entry)
    if "unreadable" in (entry["state"], binding["state"]):
        yield _row(identity, "unknown", f"{role['kind']} {name} or its binding may not be read", namespace)
        return
    now = _verbs([] if "missing" in (entry["state"], binding["state"]) else _live_rules(role["rules"], entry))
    planned = _verbs(role["rules"])
    for change, more, less in (("gains", planned, now), ("loses", now, planned)):
        beyond = {right: verbs - less.get(right, set()) for right, verbs in more.items()}
        yield from (_row(identity, change, words + when, namespace) for words in _in_words(beyond))


def _live_rules(wanted: Sequence[Data], entry: Data) -> list[Data]:
    """The rules that are there: the wanted ones with every difference undone."""
    rules: list[Row] = [dict(rule) for rule in wanted]
    added, dropped = [], set()
    for each in entry.get("differences") or ():
        place = _RULE.fullmatch(each["field"])
        if each["field"] == "rules":
            return list(each["found"] or ())
        if not place:
            continue
        number, key = int(place[1]), place[2]
        if key:
            rules[number] = {**rules[number], key: each["found"] or ()}
        elif each["expected"] is None:
            added.append(each["found"])
        else:
            dropped.add(number)
    return [rule for number, rule in enumerate(rules) if number not in dropped] + added


def _verbs(rules: Iterable[Data]) -> dict[_Right, set[str]]:
    found: dict[_Right, set[str]] = {}
    for rule in rules:
        for group in rule.get("apiGroups") or ("",):
            for resource in rule.get("resources") or ():
                for name in rule.get("resourceNames") or ("",):
                    right = (f"{resource}.{group}" if group else resource, name)
                    found.setdefault(right, set()).update(rule.get("verbs") or ())
    return found


def _in_words(rights: Mapping[_Right, set[str]]) -> Iterator[str]:
    """Rights with the same verbs and names in one text: ``get, list pods, services``."""
    names: dict[tuple[str, str], list[str]] = {}
    for (resource, name), verbs in rights.items():
        if verbs:
            names.setdefault((_listed(verbs), resource), []).append(name)
    resources: dict[tuple[str, str], list[str]] = {}
    for (verbs_text, resource), limited in names.items():
        resources.setdefault((verbs_text, ", ".join(filter(None, limited))), []).append(resource)
    for (verbs_text, limited_to), several in resources.items():
        yield f"{verbs_text} {', '.join(several)}" + (f", only {limited_to}" if limited_to else "")


def _listed(verbs: set[str]) -> str:
    return ", ".join([verb for verb in _VERBS if verb in verbs] + sorted(verbs - set(_VERBS)))


def _row(identity: str, change: str, right: str, namespace: str) -> Row:
    return {"identity": identity, "change": change, "right": right, "where": namespace or "the cluster"}


def _place(kind: str, namespace: str, name: str) -> tuple[str, str, str]:
    return kind, namespace, name
