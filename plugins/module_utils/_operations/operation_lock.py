# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation behind ``operation_lock``: one operation on a cluster at a time, by a Lease in the cluster."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from typing import Any

from .._connection import CONNECTION_SPEC, open_session
from .._domain.lock import (
    LONGEST_SECONDS,
    SHORTEST_SECONDS,
    Hold,
    about,
    broken_note,
    hold_of,
    lock_manifest,
    other_refusal,
    refusal,
)
from .._domain.names import LOCK, SYSTEM_NAMESPACE
from .._kube.errors import KubeError
from .._kube.lease import LeasePlace, NoNamespaceError, Seen
from .._kube.session import Session
from .._operation import Context, Operation
from .._vocabulary.operations import OPERATION_NAMES
from .who import who_runs

ARGUMENT_SPEC: dict[str, Any] = {
    "connection": CONNECTION_SPEC,
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "run_id": {"type": "str", "required": True},
    "holder": {"type": "str"},
    "purpose": {"type": "str", "choices": OPERATION_NAMES},
    "duration": {"type": "int", "default": 120},
    "wait_timeout": {"type": "int", "default": 0},
    "break_holder": {"type": "str"},
    "break_reason": {"type": "str"},
}
RULES: dict[str, Any] = {
    "required_if": [("state", "present", ("purpose",))],
    "required_together": [("break_holder", "break_reason")],
}

LOOK_SECONDS = 2.0

Parameters = Mapping[str, Any]


class HeldError(KubeError):
    """Somebody else holds the lock."""

    code = "locked"


def run(parameters: dict[str, Any], context: Context) -> dict[str, Any]:
    """Take, renew or release the lock."""
    if not SHORTEST_SECONDS <= parameters["duration"] <= LONGEST_SECONDS:
        raise KubeError(
            f"`duration` is {parameters['duration']} s, and a lock that is to be renewed in time lasts "
            f"{SHORTEST_SECONDS} s at least, and {LONGEST_SECONDS} s at most",
            next_step="correct it",
        )
    session = open_session(parameters["connection"], context)
    session.require_expected_cluster()
    me = f"{parameters['holder'] or who_runs()}/{parameters['run_id']}"
    place = LeasePlace(session, SYSTEM_NAMESPACE, LOCK)
    if parameters["state"] == "absent":
        return _release(parameters, context, session, place, me)
    try:
        return _take(parameters, context, session, place, me)
    except NoNamespaceError:
        # Nothing of ours is in the cluster yet, or no more: there is nothing to lock, and nowhere to keep a lock.
        return {**_result(session, parameters, me), "why": f"there is no namespace {SYSTEM_NAMESPACE}"}


def _take(parameters: Parameters, context: Context, session: Session, place: LeasePlace, me: str) -> dict[str, Any]:
    deadline = time.monotonic() + (0 if context.check_mode else parameters["wait_timeout"])
    while True:
        asked_at = time.time()
        seen = place.read()
        hold = hold_of(seen.lease)
        why = _why_free(hold, seen, parameters, me)
        if why is not None:
            note = broken_note(hold, me, str(parameters["break_reason"])) if hold and why == _BROKEN else ""
            manifest = lock_manifest(
                seen.lease,
                holder=me,
                purpose=parameters["purpose"],
                now=seen.now,
                seconds=parameters["duration"],
                broken=note,
            )
            if context.check_mode or place.write(manifest):
                return _taken(parameters, context, session, me, hold, hold_of(manifest), why, asked_at)
            # Somebody was first, or it was our own request, sent again because its answer was lost: look.
            time.sleep(random.uniform(0.01, 0.1))  # noqa: S311 (spread, not a secret)
            continue
        left = deadline - time.monotonic()
        if hold and left <= 0:
            _refuse(hold, seen, parameters, session)
        session.waits.on(f"the lock, which {hold.holder} holds" if hold else "the lock")
        time.sleep(max(0.0, min(left, LOOK_SECONDS)))


_FREE, _OURS, _EXPIRED, _BROKEN = "free", "ours", "expired", "broken"


def _why_free(hold: Hold | None, seen: Seen, parameters: Parameters, me: str) -> str | None:
    """Why this run may take the lock now; None when it may not."""
    if hold is None:
        return _FREE
    if hold.holder == me:
        return _OURS
    if hold.expired(seen.now):
        return _EXPIRED
    return _BROKEN if hold.holder == parameters["break_holder"] else None


def _refuse(hold: Hold, seen: Seen, parameters: Parameters, session: Session) -> None:
    meant = parameters["break_holder"]
    what, next_step = other_refusal(hold, meant) if meant else refusal(hold, seen.now)
    raise HeldError(what, where=session.where, next_step=next_step)


def _taken(
    parameters: Parameters,
    context: Context,
    session: Session,
    me: str,
    before: Hold | None,
    after: Hold | None,
    why: str,
    asked_at: float,
) -> dict[str, Any]:
    taken_from = {**about(before), "why": why} if before and why in (_EXPIRED, _BROKEN) else {}
    if taken_from and not context.check_mode:
        ended = "had expired" if why == _EXPIRED else f"was broken: {parameters['break_reason']}"
        context.warn(
            f"{session.where}: the lock of {taken_from['holder']} {ended}. What it was doing may be half done."
        )
    return {
        **_result(session, parameters, me),
        "changed": why != _OURS,
        "held": not context.check_mode,
        "taken_from": taken_from,
        **({**about(after), "known_at": asked_at} if after else {}),
    }


def _release(parameters: Parameters, context: Context, session: Session, place: LeasePlace, me: str) -> dict[str, Any]:
    while True:
        seen = place.read()
        hold = hold_of(seen.lease)
        mine = hold is not None and hold.holder in (me, parameters["break_holder"])
        if hold is None or seen.lease is None or not mine:
            return {**_result(session, parameters, me), "held_by": about(hold) if hold else {}}
        if context.check_mode or place.remove(seen.lease):
            taken_from = {**about(hold), "why": _BROKEN} if hold.holder != me else {}
            return {**_result(session, parameters, me), "changed": True, "taken_from": taken_from}


def _result(session: Session, parameters: Parameters, me: str) -> dict[str, Any]:
    """What is said of the lock whether it is held or not; whoever keeps it needs no more than this and ``known_at``."""
    return {
        "changed": False,
        "held": False,
        "holder": me,
        "purpose": parameters["purpose"] or "",
        "duration": parameters["duration"],
        "cluster_uid": session.expected_uid,
        "taken_from": {},
        "why": "",
    }


OPERATION = Operation(argument_spec=ARGUMENT_SPEC, run=run, rules=RULES)
