# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Revisions: each accepted change of a model, whole, as a ControllerRevision that nothing changes any more.

Its ``data`` and its number never change. What becomes of it (pending, good, failing, failed) is an annotation.
Going back to an older unit is a change like any other: it gets a number of its own and names the one that it restores,
so that the list says truly who did what, why and when.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..names import MODELS_NAMESPACE, PREFIX, REVISION_OF_LABEL, labels, model_set
from .unit import Unit, digest

PENDING, GOOD, FAILING, FAILED = "pending", "good", "failing", "failed"
"""Being rolled out; has passed its gate; has not, and the one before is being restored; is no more."""

_REQUESTED_BY, _REASON, _WHEN = PREFIX + "requested-by", PREFIX + "reason", PREFIX + "when"
_STATE, _FAILURE, _DIGEST = PREFIX + "state", PREFIX + "failure", PREFIX + "unit"
_RESTORES, _STRATEGY = PREFIX + "restores", PREFIX + "strategy"
_KIND = {"apiVersion": "apps/v1", "kind": "ControllerRevision"}


class UnknownRevisionError(ValueError):
    """There is no such revision to go back to."""


@dataclass(frozen=True)
class Revision:
    """One revision of a model, as recorded in the cluster.

    :param when: in UTC, RFC 3339.
    :param restores: the number of the revision whose unit this is again; 0 where it is new.
    :param strategy: how it is, or was, rolled out, as plain data: a resumed run does the same.
    :param requested_by, reason: who asked for it, and why. :param failure: why it failed.
    :param uid, version: of its ControllerRevision as it was read.
    """

    model: str
    number: int
    unit: Unit
    digest: str
    state: str
    requested_by: str = ""
    reason: str = ""
    when: str = ""
    restores: int = 0
    strategy: Mapping[str, Any] = field(default_factory=dict)
    failure: str = ""
    uid: str = ""
    version: str = ""

    @property
    def name(self) -> str:
        return f"{self.model}-{self.number}"

    @property
    def seen(self) -> dict[str, Any]:
        """What a write over it, and over no newer one of its name, has to know of its ControllerRevision."""
        metadata = {"name": self.name, "namespace": MODELS_NAMESPACE, "uid": self.uid, "resourceVersion": self.version}
        return {**_KIND, "metadata": metadata}


def record(revision: Revision) -> dict[str, Any]:
    """The ControllerRevision of a revision that is about to be rolled out."""
    given = labels(model_set(revision.model), revision.model, model=revision.model)
    return {
        **_KIND,
        "metadata": {
            "name": revision.name,
            "namespace": MODELS_NAMESPACE,
            "labels": {**given, REVISION_OF_LABEL: revision.model},
            "annotations": {
                _REQUESTED_BY: revision.requested_by,
                _REASON: revision.reason,
                _WHEN: revision.when,
                _STATE: revision.state,
                _DIGEST: revision.digest,
                _STRATEGY: json.dumps(dict(revision.strategy), sort_keys=True),
                **({_RESTORES: str(revision.restores)} if revision.restores else {}),
            },
        },
        "revision": revision.number,
        "data": {"objects": revision.unit},
    }


def decided(state: str, failure: str = "") -> dict[str, Any]:
    """The merge patch that says what became of a revision."""
    return {"metadata": {"annotations": {_STATE: state, _FAILURE: failure or None}}}


def parse(recorded: Mapping[str, Any]) -> Revision:
    """A revision from its ControllerRevision."""
    metadata = recorded.get("metadata") or {}
    notes = metadata.get("annotations") or {}
    unit = list((recorded.get("data") or {}).get("objects") or ())
    return Revision(
        model=str((metadata.get("labels") or {}).get(REVISION_OF_LABEL, "")),
        number=int(recorded.get("revision", 0)),
        unit=unit,
        digest=str(notes.get(_DIGEST) or digest(unit)),
        state=str(notes.get(_STATE, FAILED)),
        requested_by=str(notes.get(_REQUESTED_BY, "")),
        reason=str(notes.get(_REASON, "")),
        when=str(notes.get(_WHEN, "")),
        restores=int(notes.get(_RESTORES) or 0),
        strategy=json.loads(notes.get(_STRATEGY) or "{}"),
        failure=str(notes.get(_FAILURE) or ""),
        uid=str(metadata.get("uid", "")),
        version=str(metadata.get("resourceVersion", "")),
    )


def by_model(recorded: Iterable[Mapping[str, Any]]) -> dict[str, list[Revision]]:
    """All revisions, oldest first, by the name of their model."""
    found: dict[str, list[Revision]] = {}
    for revision in sorted(map(parse, recorded), key=lambda r: r.number):
        found.setdefault(revision.model, []).append(revision)
    return found


def next_number(revisions: Sequence[Revision]) -> int:
    return max((revision.number for revision in revisions), default=0) + 1


def current(revisions: Sequence[Revision]) -> Revision | None:
    """The newest revision that did not fail: the one that runs, or is on its way in or out."""
    return _newest(r for r in revisions if r.state != FAILED)


def last_good(revisions: Sequence[Revision], before: int | None = None) -> Revision | None:
    """The newest good revision; with ``before``, of those with a lower number."""
    return _newest(r for r in revisions if r.state == GOOD and (before is None or r.number < before))


def to_restore(revisions: Sequence[Revision], wanted: str) -> Revision:
    """The revision that somebody wants back, by its number; where it is kept no more, the newest that restored it.

    :raises UnknownRevisionError: there is none; the message says which there are.
    """
    found = _newest(r for r in revisions if str(r.number) == wanted)
    found = found or _newest(r for r in revisions if r.restores and str(r.restores) == wanted)
    if found is None:
        known = ", ".join(f"{r.number} ({r.state})" for r in revisions) or "none"
        raise UnknownRevisionError(f"there is no revision {wanted}; there are {known}")
    return found


def before(revisions: Sequence[Revision]) -> int | None:
    """The number of the revision to go back to from what runs now, unless somebody names another.

    It is the last good one that is not the same. What a rollback has replaced is not wanted back: of what was restored
    counts what was before it when it was new, and a rollback that is under way is gone on with.
    """
    now = current(revisions)
    if now is None:
        return None
    if now.restores and now.state != GOOD:
        return now.restores
    by_number, first = {r.number: r for r in revisions}, now.number
    while (found := by_number.get(first)) and found.restores:
        first = found.restores
    earlier = _newest(r for r in revisions if r.state == GOOD and r.number < first and r.digest != now.digest)
    return earlier.number if earlier else None


def expendable(revisions: Sequence[Revision], history: int) -> list[Revision]:
    """What goes so that ``history`` revisions are left, oldest first; never what runs, nor what would be restored."""
    kept = {revision.number for revision in (current(revisions), last_good(revisions)) if revision}
    oldest = sorted((r for r in revisions if r.number not in kept), key=lambda r: r.number)
    return oldest[: max(0, len(revisions) - max(history, len(kept)))]


def _newest(revisions: Iterable[Revision]) -> Revision | None:
    return max(revisions, key=lambda r: r.number, default=None)
