# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a write meets when its run's lock may have expired. On real API servers: test_operation_lock.py."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._connection import open_session
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.lock import lock_manifest
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.errors import KubeError, UnreachableError
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.lease import NoNamespaceError, Seen
from ansible_collections.fireworks.byoc.plugins.module_utils._operation import Context, Operation, StopError
from ansible_collections.fireworks.byoc.plugins.module_utils._operations import lock_keeper

ME, OTHER, UID = "alice@ctl-1/one", "bob@ctl-2/two", "0f5c"
SECONDS = 3000
CONNECTION = {"cluster_uid": UID}
GONE = NoNamespaceError("gone", status=404)


class Place:
    """The place of a Lease, as ``LeasePlace``: who holds it, or what happens to whoever reads it."""

    def __init__(self, holder: str = ME, error: KubeError | None = None, conflicts: int = 0) -> None:
        self.holder, self.error, self.conflicts, self.reads = holder, error, conflicts, 0

    def read(self) -> Seen:
        self.reads += 1
        if self.error:
            raise self.error
        now = datetime.now(UTC)
        lease = lock_manifest(None, holder=self.holder, purpose="upgrade", now=now, seconds=SECONDS)
        lease["metadata"]["resourceVersion"] = "1"
        return Seen(lease if self.holder else None, now)

    def write(self, _manifest: Any) -> bool:
        self.conflicts -= 1
        return self.conflicts < 0


@pytest.fixture
def pause(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run an operation that writes, is paused for so long, and writes again; its result, and what it wrote."""

    def run(place: Place, seconds: float) -> tuple[dict[str, Any], list[str]]:
        monkeypatch.setattr(lock_keeper, "open_session", lambda *_given: SimpleNamespace(where="acme-eu-1"))
        monkeypatch.setattr(lock_keeper, "LeasePlace", lambda *_given: place)
        began, later, wrote = time.time(), [0.0], []
        monkeypatch.setattr(lock_keeper.time, "time", lambda: began + later[0])

        def work(_parameters: dict[str, Any], context: Context) -> dict[str, Any]:
            for number in ("before", "after", "again"):
                try:
                    assert context.before_write
                    context.before_write()
                    wrote.append(number)
                except UnreachableError as error:  # as what retries does
                    wrote.append(error.what)
                later[0] = seconds
            return {"ended": True}

        held = {"held": True, "holder": ME, "purpose": "upgrade", "duration": SECONDS, "cluster_uid": UID}
        operation = Operation({}, work, {})
        context = Context(False, False, print)
        given = {"connection": CONNECTION}
        return lock_keeper.attempt_under_lock(operation, given, context, {**held, "known_at": began}), wrote

    return run


@pytest.mark.parametrize(
    ("place", "seconds", "wrote", "reads"),
    [
        # Within the time for which it was confirmed nobody looks for a write's sake.
        (Place(OTHER), 0.2 * SECONDS, ["before", "after", "again"], 0),
        # Nobody took it meanwhile: it is renewed, by one look.
        (Place(), 2 * SECONDS, ["before", "after", "again"], 1),
        (Place(conflicts=2), 2 * SECONDS, ["before", "after", "again"], 3),
        # This run has removed the namespace.
        (Place(error=GONE), 0.2 * SECONDS, ["before", "after", "again"], 0),
        # A clock that was set back says nothing.
        (Place(), -SECONDS, ["before", "after", "again"], 1),
        # What cannot be found out is no leave to write, and is asked again.
        (Place(error=UnreachableError("no answer")), 2 * SECONDS, ["before", "no answer", "no answer"], 2),
    ],
)
def test_a_write_is_let_through_while_the_lock_is_known_to_be_held(
    pause: Any, place: Place, seconds: float, wrote: list[str], reads: int
) -> None:
    result, found = pause(place, seconds)
    assert (result.get("ended"), found, place.reads) == (True, wrote, reads)


@pytest.mark.parametrize("seconds", [SECONDS - 0.5, SECONDS, 100 * SECONDS, -1.0])
def test_nothing_is_written_once_the_lock_is_somebody_elses(pause: Any, seconds: float) -> None:
    result, wrote = pause(Place(OTHER), seconds)
    assert wrote == ["before"]
    assert (result["failed"], result["code"], result["owner"]) == (True, "lock_lost", "operator")
    assert f"{OTHER} holds it, for upgrade, since" in result["msg"]


@pytest.mark.parametrize("place", [Place(holder=""), Place(error=GONE)])
def test_nothing_is_written_once_the_lock_had_time_to_expire_and_is_gone(pause: Any, place: Place) -> None:
    """Who took it may have done what they wanted, and released it."""
    result, wrote = pause(place, 2 * SECONDS)
    assert (wrote, place.reads) == (["before"], 1)
    assert (result["failed"], result["code"]) == (True, "lock_lost")
    assert "had time to expire, and is gone: another run may have had it since" in result["msg"]


def test_what_only_reads_needs_no_lock_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock_keeper, "open_session", lambda *_given: SimpleNamespace(where="acme-eu-1"))
    monkeypatch.setattr(lock_keeper, "LeasePlace", lambda *_given: Place(holder=""))
    held = {"holder": ME, "purpose": "upgrade", "duration": SECONDS, "known_at": time.time() - 2 * SECONDS}
    keeper = lock_keeper.LockKeeper(CONNECTION, held)
    keeper.look()
    assert keeper.lost is None
    with pytest.raises(StopError):
        keeper.require()
    assert keeper.lost


@pytest.mark.parametrize(
    ("place", "ends"),
    [
        (Place(), False),
        (Place(OTHER), True),
        (Place(holder=""), True),
        (Place(error=GONE), False),  # it removed the namespace, and waits for it to be gone
        (Place(error=UnreachableError("no answer")), False),
    ],
)
def test_a_wait_ends_once_what_it_waits_for_may_be_undone(
    monkeypatch: pytest.MonkeyPatch, place: Place, ends: bool
) -> None:
    monkeypatch.setattr(lock_keeper, "open_session", lambda *_given: SimpleNamespace(where="acme-eu-1"))
    monkeypatch.setattr(lock_keeper, "LeasePlace", lambda *_given: place)
    held = {"held": True, "holder": ME, "purpose": "upgrade", "duration": SECONDS, "cluster_uid": UID}
    waited = []

    def wait(_parameters: dict[str, Any], context: Context) -> dict[str, Any]:
        for turn in range(3):
            context.waits.on("a pod")
            waited.append(turn)
        return {"ended": True}

    known = {**held, "known_at": time.time() - 2 * SECONDS}  # paused so long: it is looked at once at the start
    context = Context(False, False, print)
    result = lock_keeper.attempt_under_lock(Operation({}, wait, {}), {"connection": CONNECTION}, context, known)
    assert waited == ([] if ends else [0, 1, 2])
    assert result.get("code") == ("lock_lost" if ends else None)


def test_a_lock_that_others_write_without_end_is_no_leave_to_write(pause: Any) -> None:
    result, wrote = pause(Place(conflicts=1000), 2 * SECONDS)
    assert wrote == ["before"]
    assert (result["failed"], result["what"]) == (True, "the lock of this run cannot be renewed: others write it")


@pytest.mark.parametrize(
    ("connection", "lock", "answered"),
    [
        (CONNECTION, {"held": True, "cluster_uid": UID}, True),
        (CONNECTION, {"held": False, "cluster_uid": UID}, True),  # it had no namespace for a lock, and said so
        (CONNECTION, {"held": True, "cluster_uid": "another"}, False),
        ({"cluster_uid": None}, {"held": True, "cluster_uid": None}, False),
        ({}, {}, False),
        (CONNECTION, {}, False),
        (CONNECTION, {"failed": True, "msg": "no answer"}, False),
        (CONNECTION, None, False),
    ],
)
def test_a_cluster_is_known_to_have_answered_where_the_run_asked_for_its_lock(
    connection: dict[str, Any], lock: Any, answered: bool
) -> None:
    assert lock_keeper.has_answered(connection, lock) is answered
    context = Context(False, False, print, has_answered=answered)
    offline = {
        "current-context": "a",
        "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
        "clusters": [{"name": "a", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "a", "user": {"token": "x"}}],
    }
    given = {"kubeconfig": json.dumps(offline), **connection}
    assert open_session(given, context)._has_answered is answered
    assert open_session(given, None)._has_answered, "who renews a lock has had an answer"
