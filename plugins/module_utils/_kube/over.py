# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes over what was read, and over nothing else: docs/decisions/0011.

A request of a run that was paused may reach the API server when the cluster is somebody else's already. It names the
object and the version that it was decided by, so that the API server refuses it. What the cluster writes itself (the
status, a count of replicas) moves the version too, and takes nothing from the decision: then it is sent again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .applied import applied_part
from .compare import differences
from .errors import ConflictError, KubeError, NotFoundError
from .objects import Manifest, Ref
from .session import APPLY_PATCH, FIELD_MANAGER, Session

MERGE_PATCH = "application/merge-patch+json"
FOREGROUND, ORPHAN = "Foreground", "Orphan"
"""What becomes of what a deleted object owns: it goes first, or stays."""
_TRIES = 12
_NAMED = ("uid", "resourceVersion")

Live = Mapping[str, Any]


class ChangedError(KubeError):
    """What was to be written over is not what it was decided by."""

    code = "changed_meanwhile"


def apply_over(session: Session, path: str, manifest: Manifest, seen: Live, query: Mapping[str, object]) -> Manifest:
    """Apply a manifest over an object, and return it as it is then.

    :param seen: the object as the decision was made. :param query: with the field manager that applies.
    :raises ConflictError: fields belong to another manager.
    :raises ChangedError: another run has applied it since, or it is gone.
    """

    def apply(version: Live) -> Manifest:
        body = {**manifest, "metadata": {**manifest["metadata"], **version}}
        return session.request("PATCH", path, query=query, body=body, content_type=APPLY_PATCH)

    def is_done(live: Live) -> bool:
        # That the values are right is not enough: a field may be another's still, or one of ours be too many.
        applied_since = not is_as_decided(seen, live)
        return applied_since and not differences(manifest, live, manager=str(query["fieldManager"]))

    return _over(session, path, seen, apply, is_done) or {}


def patch_over(session: Session, path: str, patch: Manifest, seen: Live) -> Manifest:
    """Merge a patch of annotations into an object of ours, and return it as it is then. Errors as above."""
    wanted: Mapping[str, Any] = patch["metadata"]["annotations"]

    def merge(version: Live) -> Manifest:
        body = {**patch, "metadata": {**patch["metadata"], **version}}
        return session.request("PATCH", path, body=body, content_type=MERGE_PATCH)

    def is_done(live: Live) -> bool:
        notes = live["metadata"].get("annotations") or {}
        return all(notes.get(key) == text for key, text in wanted.items())

    return _over(session, path, seen, merge, is_done) or {}


def delete_over(
    session: Session, path: str, seen: Live, *, propagation: str = FOREGROUND, dry_run: bool = False
) -> None:
    """Delete an object, with all that it owns. One that is gone or going, or a newer one of its name, is left alone.

    :param propagation: :data:`ORPHAN` leaves what it owns.
    :param dry_run: only ask whether it would be deleted.

    :raises ChangedError: another run has applied it since.
    """

    # What the body says counts, and the query is what an audit log shows.
    asked: dict[str, Any] = {"dryRun": ["All"]} if dry_run else {}

    def delete(version: Live) -> Manifest:
        body = {
            **asked,
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": propagation,
            "preconditions": dict(version),
        }
        return session.request("DELETE", path, query={key: value[0] for key, value in asked.items()}, body=body)

    def is_done(live: Live) -> bool:
        metadata = live["metadata"]
        return bool(metadata.get("deletionTimestamp")) or metadata["uid"] != seen["metadata"]["uid"]

    _over(session, path, seen, delete, is_done, gone_is_done=True)


def _over(
    session: Session,
    path: str,
    seen: Live,
    write: Callable[[Live], Manifest],
    is_done: Callable[[Live], bool],
    *,
    gone_is_done: bool = False,
) -> Manifest | None:
    live, left = seen, _TRIES
    while True:
        left -= 1
        try:
            return write({key: live["metadata"][key] for key in _NAMED})
        except NotFoundError:
            if gone_is_done:
                return None
            raise
        except ConflictError as error:
            if (error.body.get("details") or {}).get("causes") or not left:
                raise
        try:
            now = session.get(path)
        except NotFoundError:
            if gone_is_done:
                return None
            raise _changed(session, seen, "is gone") from None
        if is_done(now):  # by our own request, too, whose answer was lost
            return now
        if not is_as_decided(seen, now):
            raise _changed(session, seen, "was written by another run")
        live = now


def is_as_decided(seen: Live, now: Live) -> bool:
    """Whether an object is still what a decision was made by: the same one, and applied as it was then.

    :param seen: where its version is not the one of ``now``, the whole object; else its name and version will do.
    """
    (uid, version), (uid_now, version_now) = ([one["metadata"][key] for key in _NAMED] for one in (seen, now))
    if uid != uid_now:
        return False
    return version == version_now or applied_part(seen, FIELD_MANAGER) == applied_part(now, FIELD_MANAGER)


def _changed(session: Session, seen: Live, how: str) -> ChangedError:
    return ChangedError(
        f"{Ref.of(seen)} {how} since this run looked; it was left as it is",
        where=session.where,
        next_step="let the other run finish, then run again: it continues from what is there then",
    )
