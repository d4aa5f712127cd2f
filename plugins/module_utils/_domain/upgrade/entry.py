# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an upgrade leaves in the cluster: a backup of the set as it was, which nothing changes, and what became of it.

An entry is an immutable ConfigMap: its data, the backup, the API server itself keeps; its annotations say the rest.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..names import PREFIX, STACK_SET, SYSTEM_NAMESPACE, UPGRADE_LABEL, labels

Manifest = dict[str, Any]

PENDING, GOOD, FAILING, FAILED = "pending", "good", "failing", "failed"
"""Being brought; is there; has not passed, and what was before is being restored; is no more."""
WITHDRAWING, WITHDRAWN = "withdrawing", "withdrawn"
"""Somebody wants what was before, though nothing was wrong; it is there again."""
SUPERSEDED = "superseded"
"""It did not come to its end, and something else was brought instead."""
UNDER_WAY = (PENDING, FAILING, WITHDRAWING)
ENDS = {FAILING: FAILED, WITHDRAWING: WITHDRAWN}

_FROM, _TO, _DIGEST = PREFIX + "from", PREFIX + "to", PREFIX + "release-digest"
_STATE, _FAILURE = PREFIX + "state", PREFIX + "failure"
_REQUESTED_BY, _REASON = PREFIX + "requested-by", PREFIX + "reason"
_WHEN, _ENDED = PREFIX + "when", PREFIX + "ended"
_BEFORE, _RESTORES = PREFIX + "before", PREFIX + "restores"
_KIND = {"apiVersion": "v1", "kind": "ConfigMap"}


class UnfitBackupError(ValueError):
    """Objects that cannot be kept as a backup."""


@dataclass(frozen=True)
class Entry:
    """One upgrade, or one rollback, of the stack.

    :param source: the release that was there. :param target: the one that it brings. :param digest: of that release.
    :param objects: the whole set as it was before.
    :param restores: of a rollback, the number of the entry that it undoes; 0 of an upgrade.
    :param before: how what runs was before, as plain data (see ``gate``).
    :param when, ended: in UTC, RFC 3339. :param uid, version: of its ConfigMap as it was read.
    """

    number: int
    source: str
    target: str
    digest: str
    objects: Sequence[Manifest]
    state: str = PENDING
    failure: str = ""
    requested_by: str = ""
    reason: str = ""
    when: str = ""
    ended: str = ""
    before: Mapping[str, Any] = field(default_factory=dict)
    restores: int = 0
    uid: str = ""
    version: str = ""

    @property
    def name(self) -> str:
        return f"stack-upgrade-{self.number}"

    @property
    def seen(self) -> Manifest:
        """What a write over it, and over no newer one of its name, has to know of its ConfigMap."""
        metadata = {"name": self.name, "namespace": SYSTEM_NAMESPACE, "uid": self.uid, "resourceVersion": self.version}
        return {**_KIND, "metadata": metadata}


def record(entry: Entry) -> Manifest:
    """The ConfigMap of an entry that is about to be carried out.

    :raises UnfitBackupError: a Secret is among its objects: whoever may read ConfigMaps would read it.
    """
    secrets = [str(one["metadata"]["name"]) for one in entry.objects if one["kind"] == "Secret"]
    if secrets:
        raise UnfitBackupError(f"a backup is in the clear and holds no Secret; the set has {', '.join(secrets)}")
    return {
        **_KIND,
        "metadata": {
            "name": entry.name,
            "namespace": SYSTEM_NAMESPACE,
            "labels": {**labels(STACK_SET, entry.name), UPGRADE_LABEL: str(entry.number)},
            "annotations": {
                _FROM: entry.source,
                _TO: entry.target,
                _DIGEST: entry.digest,
                _STATE: entry.state,
                _REQUESTED_BY: entry.requested_by,
                _REASON: entry.reason,
                _WHEN: entry.when,
                _BEFORE: json.dumps(dict(entry.before), sort_keys=True),
                **({_RESTORES: str(entry.restores)} if entry.restores else {}),
            },
        },
        "immutable": True,
        "data": {"objects": json.dumps(list(entry.objects), sort_keys=True)},
    }


def decided(state: str, failure: str = "", ended: str = "") -> Manifest:
    """The merge patch that says what became of an entry."""
    notes = {_STATE: state, _FAILURE: failure or None, _ENDED: ended or None}
    return {"metadata": {"annotations": notes}}


def parse(recorded: Mapping[str, Any]) -> Entry:
    """An entry from its ConfigMap."""
    metadata = recorded["metadata"]
    notes = metadata.get("annotations") or {}
    number = (metadata.get("labels") or {}).get(UPGRADE_LABEL)
    return Entry(
        number=int(number or 0),
        source=str(notes.get(_FROM, "")),
        target=str(notes.get(_TO, "")),
        digest=str(notes.get(_DIGEST, "")),
        objects=json.loads((recorded.get("data") or {}).get("objects") or "[]"),
        state=str(notes.get(_STATE, SUPERSEDED)),
        failure=str(notes.get(_FAILURE) or ""),
        requested_by=str(notes.get(_REQUESTED_BY, "")),
        reason=str(notes.get(_REASON, "")),
        when=str(notes.get(_WHEN, "")),
        ended=str(notes.get(_ENDED) or ""),
        before=json.loads(notes.get(_BEFORE) or "{}"),
        restores=int(notes.get(_RESTORES) or 0),
        uid=str(metadata.get("uid", "")),
        version=str(metadata.get("resourceVersion", "")),
    )


def in_order(recorded: Iterable[Mapping[str, Any]]) -> list[Entry]:
    """All entries, oldest first."""
    return sorted(map(parse, recorded), key=lambda entry: entry.number)


def expendable(entries: Sequence[Entry], history: int) -> list[Entry]:
    """What goes so that ``history`` entries are left, oldest first; never what is under way, nor the last good one."""
    good = max((entry.number for entry in entries if entry.state == GOOD), default=0)
    oldest = [entry for entry in entries if entry.state not in UNDER_WAY and entry.number != good]
    return oldest[: max(0, len(entries) - max(history, len(entries) - len(oldest)))]
