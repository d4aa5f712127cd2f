# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps a run's lock while one of its operations works: docs/decisions/0011.

The heartbeat is a thread of the very worker that does the work, so it beats exactly as long as something is done, and
dies with it. Nothing has to be started, watched or stopped beside the run. A worker whose run was killed would go on
working, and beating, until its task ends: Ansible's workers are in sessions of their own. The thread ends it. A worker
that was paused for longer than the lock lasts finds out before its next write: :meth:`LockKeeper.require`.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .._connection import open_session
from .._domain.lock import Hold, hold_of, is_stale, lock_manifest, loss
from .._domain.names import LOCK, SYSTEM_NAMESPACE
from .._domain.outcome import LOCK_LOST
from .._kube.errors import KubeError
from .._kube.lease import LeasePlace, NoNamespaceError, Seen
from .._operation import Context, Operation, StopError

#: Renewed when this share of its life has passed, so two attempts may fail before it is over.
RENEW_AFTER = 1 / 3
_AGAIN_SECONDS = 2.0
#: An answer that does not come is not waited for longer than this once the work is done.
_LAST_WORD_SECONDS = 5.0
_RUN_SECONDS = 1.0
"""How often to see whether the run is still there."""
_ATTEMPTS = 5
"""How often to write a lock over which somebody else writes, before it is said that this is not possible."""

Held = Mapping[str, Any]


class LockLostError(KubeError):
    """Somebody else holds the lock that this run was given."""

    code = LOCK_LOST


class LockKeeper:
    """Looks after one held lock.

    :param held: the result of ``operation_lock`` by which it was taken.
    """

    def __init__(self, connection: Mapping[str, Any], held: Held) -> None:
        self._held = held
        self._connection = connection
        self._place: LeasePlace | None = None
        self._where = ""
        self._confirmed_at = float(held["known_at"])
        self._look_at = self._confirmed_at + held["duration"] * RENEW_AFTER
        self._trouble: KubeError | None = None
        self._missing = False
        self._run = os.getppid()
        self._stop = threading.Event()
        self._looking = threading.Lock()
        self._thread = threading.Thread(target=self._beat, name="operation-lock", daemon=True)
        self.lost: LockLostError | None = None

    def start(self) -> None:
        """Look at once if nobody has for a while, and then from time to time until :meth:`stop`."""
        if self._due() <= 0:
            self.look()
        if not self.lost:
            self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(_LAST_WORD_SECONDS)

    def require(self) -> None:
        """To be called before each write: look, if the lock was last confirmed longer ago than it lasts.

        :raises StopError: it is lost. :raises KubeError: whether it is cannot be found out now.
        """
        attempts = 0
        while self.lost or self._is_stale():
            with self._looking:  # of many writers one looks
                if not self.lost and self._is_stale():
                    self._look(writing=True)
                    attempts += 1
            if self.lost:
                raise StopError
            if self._trouble:
                raise self._trouble
            if attempts > _ATTEMPTS:
                raise KubeError("the lock of this run cannot be renewed: others write it", where=self._where)

    def require_while_waiting(self) -> None:
        """To be called at each turn of a wait: what it waits for, the next holder may have undone.

        :raises StopError: the lock is lost.
        """
        if self._missing and not self.lost:
            self.lost = self._lost(None)
        if self.lost:
            raise StopError

    def look(self) -> None:
        """Renew the lock, or find that it is lost.

        It is lost if somebody else is seen to hold it. That it expired while nobody looked, or that it was deleted
        while it was known to be held, takes it from nobody: it is renewed. If it had time to expire and is gone,
        somebody may have taken it, done what they wanted, and released it: it is not renewed, and it is lost once
        something is to be written or waited for. What cannot be asked now is asked again.
        """
        with self._looking:
            self._look()

    def _look(self, *, writing: bool = False) -> None:
        asked_at, self._trouble, self._missing = time.time(), None, False
        had_time, gone = self._is_stale(), False
        try:
            if self._place is None:
                session = open_session(self._connection, None)
                self._where, self._place = session.where, LeasePlace(session, SYSTEM_NAMESPACE, LOCK)
            seen = self._place.read()
            gone = self._missing = had_time and hold_of(seen.lease) is None
            confirmed = not gone and self._renew(self._place, seen)
        except NoNamespaceError:
            gone = had_time
            confirmed = not gone  # this run has removed it, and the lock with it
        except KubeError as error:
            # The operation meets the same trouble and tells it better; a credential without this right renews nothing.
            confirmed, self._trouble = False, error
        if gone and writing:
            self.lost = self._lost(None)
        if confirmed:
            self._confirmed_at = asked_at
        self._look_at = asked_at + self._held["duration"] * RENEW_AFTER if confirmed else time.time() + _AGAIN_SECONDS

    def _renew(self, place: LeasePlace, seen: Seen) -> bool:
        hold = hold_of(seen.lease)
        if hold is not None and hold.holder != self._held["holder"]:
            self.lost = self._lost(hold)
            return False
        return place.write(
            lock_manifest(
                seen.lease,
                holder=self._held["holder"],
                purpose=self._held["purpose"],
                now=seen.now,
                seconds=self._held["duration"],
            )
        )

    def _lost(self, hold: Hold | None) -> LockLostError:
        what, next_step = loss(hold)
        return LockLostError(what, where=self._where, next_step=next_step)

    def _is_stale(self) -> bool:
        return is_stale(self._confirmed_at, time.time(), self._held["duration"])

    def _due(self) -> float:
        """In how many seconds to look again."""
        return float(self._look_at - time.time())

    def _beat(self) -> None:
        while not self.lost and not self._stop.wait(min(max(0.1, self._due()), _RUN_SECONDS)):
            if os.getppid() != self._run:
                os._exit(1)  # nobody hears the result, and the lock is somebody else's soon
            if self._due() <= 0:
                self.look()


def has_answered(connection: Mapping[str, Any], known: Any) -> bool:
    """Whether this run had an answer from this very cluster already: it asked for the lock there.

    :param known: what the run knows of its lock, held or not.
    """
    uid = connection.get("cluster_uid")
    return isinstance(known, Mapping) and bool(uid) and known.get("cluster_uid") == uid


def attempt_under_lock(operation: Operation, parameters: dict[str, Any], context: Context, held: Any) -> dict[str, Any]:
    """As ``operation.attempt``, with the run's lock kept meanwhile. An operation whose lock is lost fails.

    :param held: what the run knows of its lock; anything but a lock on this very cluster keeps nothing.
    """
    connection = parameters.get("connection") or {}
    if not (has_answered(connection, held) and held.get("held")):
        return operation.attempt(parameters, context)
    keeper = LockKeeper(connection, held)
    keeper.start()
    try:
        waits = context.waits.looking(keeper.require_while_waiting)
        guarded = replace(context, before_write=keeper.require, waits=waits)
        result = {"changed": False} if keeper.lost else operation.attempt(parameters, guarded)
    except StopError:
        result = context.told({"changed": False})
    finally:
        keeper.stop()
    return {**result, **_failed(keeper.lost, result)} if keeper.lost else result


def _failed(lost: LockLostError, result: Mapping[str, Any]) -> dict[str, Any]:
    told = lost.as_result()
    also = f"\n{result['msg']}" if result.get("failed") else ""
    return {**told, "msg": f"{told['msg']}{also}"}
