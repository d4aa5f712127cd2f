# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects that an operation wrote: each of them once, whatever happened to it and however the operation ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from .._vocabulary.actions import CREATED, DELETED, RECREATED, TOKEN_ISSUED

Data = Mapping[str, Any]
#: ``kind``, ``namespace``, ``name``, ``action``.
Written = dict[str, str]

_KEYS = ("kind", "namespace", "name", "action")


def written_once(writes: Iterable[Data]) -> list[Written]:
    """Each object once, in the order of the first write to it, with what all writes to it come to."""
    found: dict[tuple[str, ...], Written] = {}
    for write in writes:
        one = {key: str(write.get(key) or "") for key in _KEYS}
        place = tuple(one[key] for key in _KEYS[:3])
        before = found.get(place)
        found[place] = {**one, "action": _together(before["action"], one["action"])} if before else one
    return list(found.values())


def _together(first: str, then: str) -> str:
    if first in (CREATED, RECREATED) and then != DELETED:
        return first  # that it was changed or given a token after it was made is part of making it
    if first == DELETED and then == CREATED:
        return RECREATED
    return first if then == TOKEN_ISSUED else then


def changes(results: Iterable[Data]) -> list[Data]:
    """The objects that tasks changed, or in check mode would have, by their results; of a loop by all its turns."""
    return [each for result in results for each in _changes(result)]


def _changes(result: Data) -> list[Data]:
    if "results" in result:
        return changes(result["results"])
    if "user" in result:
        return [_account(str(result["user"]))] if result.get("changed") else []
    objects = [*(result.get("objects") or ()), *(result.get("also") or ())]
    return [each for each in objects if each.get("action", "unchanged") != "unchanged"]


def _account(user: str) -> Written:
    """The account to which a token is issued: ``system:serviceaccount:<namespace>:<name>``."""
    namespace, name = ["", *user.split(":")][-2:]
    return {"kind": "ServiceAccount", "namespace": namespace, "name": name, "action": TOKEN_ISSUED}


def called(one: Data) -> str:
    """An object as records name it."""
    return " ".join((str(one["kind"]), "/".join(filter(None, (str(one["namespace"]), str(one["name"]))))))


def counted(written: Iterable[Data]) -> dict[str, int]:
    """How many objects, by action."""
    return dict(Counter(str(one["action"]) for one in written))


def counted_by_kind(written: Iterable[Data]) -> list[dict[str, Any]]:
    """How many objects of each kind, by action."""
    counts = Counter((str(one["kind"]), str(one["action"])) for one in written)
    return [{"kind": kind, "action": action, "count": count} for (kind, action), count in sorted(counts.items())]
