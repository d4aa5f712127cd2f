# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation lock as data: who holds it, until when, and what a Lease must say to be held.

One operation works on a cluster at a time. All times are the API server's own: controllers need not agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from .._vocabulary.times import local_time, rfc3339, rfc3339_micro
from .names import BROKEN_ANNOTATION, LOCK, PURPOSE_ANNOTATION, SYSTEM_NAMESPACE, labels

Lease = Mapping[str, Any]

SHORTEST_SECONDS = 5
#: Whoever holds the lock renews it all the time. A Lease that says more was not written by a run of ours.
LONGEST_SECONDS = 3600
SERVER_TIME_STEP = 1.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Hold:
    """That somebody holds the lock.

    :param holder: user@controller/run.
    :param acquired: since when.
    :param renewed: when its holder was last heard of.
    :param expires: when it is free, unless its holder is heard of again.
    :param broken: if it was taken from somebody, from whom, by whom and why.
    """

    holder: str
    purpose: str
    acquired: datetime
    renewed: datetime
    expires: datetime
    broken: str = ""

    def expired(self, now: datetime) -> bool:
        """Whether it is over; also if it was renewed at a time that has not come: no run of ours says that."""
        return now >= self.expires or self.renewed - now > timedelta(seconds=LONGEST_SECONDS)


def is_stale(confirmed_at: float, now: float, duration: float) -> bool:
    """Whether the lock may have expired since it was confirmed, by the clock of whoever holds it, in seconds.

    The server's time, by which it expires, comes in whole seconds, so it may be over one earlier. A clock that was set
    back says nothing of how long ago that was.
    """
    return not 0 <= now - confirmed_at <= duration - SERVER_TIME_STEP


def hold_of(lease: Lease | None) -> Hold | None:
    """Who holds the lock by this Lease; nobody when there is none, or when it names no holder.

    A Lease that somebody wrote by hand may lack its times: then it counts from when it was made, and of one that does
    not even say that, nobody has been heard of since 1970. However long it says it lasts, it lasts no longer than
    :data:`LONGEST_SECONDS`: whoever could once write it does not keep the cluster locked.
    """
    spec = (lease or {}).get("spec") or {}
    holder = str(spec.get("holderIdentity") or "")
    if not holder:
        return None
    metadata = (lease or {}).get("metadata") or {}
    notes = metadata.get("annotations") or {}
    made = _time(metadata.get("creationTimestamp")) or _EPOCH
    acquired = _time(spec.get("acquireTime")) or made
    renewed = _time(spec.get("renewTime")) or acquired
    return Hold(
        holder=holder,
        purpose=str(notes.get(PURPOSE_ANNOTATION, "")),
        acquired=acquired,
        renewed=renewed,
        expires=_after(renewed, min(int(spec.get("leaseDurationSeconds") or 0), LONGEST_SECONDS)),
        broken=str(notes.get(BROKEN_ANNOTATION, "")),
    )


def lock_manifest(
    live: Lease | None, *, holder: str, purpose: str, now: datetime, seconds: int, broken: str = ""
) -> dict[str, Any]:
    """The Lease by which ``holder`` holds the lock from now on for so many seconds.

    Written over ``live`` it carries its resource version, so that of two who write it at once one is refused.

    :param broken: said of whom it was taken from, when it was.
    """
    held = hold_of(live)
    again = held is not None and held.holder == holder
    spec = (live or {}).get("spec") or {}
    notes = {PURPOSE_ANNOTATION: purpose, BROKEN_ANNOTATION: (held.broken if again and held else "") or broken}
    metadata: dict[str, Any] = {
        "name": LOCK,
        "namespace": SYSTEM_NAMESPACE,
        "labels": labels(LOCK, LOCK),
        "annotations": {key: text for key, text in notes.items() if text},
    }
    if live is not None:
        metadata["resourceVersion"] = live["metadata"]["resourceVersion"]
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": metadata,
        "spec": {
            "holderIdentity": holder,
            "leaseDurationSeconds": seconds,
            "acquireTime": spec.get("acquireTime") if again else rfc3339_micro(now),
            "renewTime": rfc3339_micro(now),
            "leaseTransitions": _transitions(int(spec.get("leaseTransitions") or 0) + (0 if again else 1)),
        },
    }


def _transitions(number: int) -> int:
    """How often the lock has changed hands. A Lease counts to 2^31 - 1; then it begins anew, and keeps nobody out."""
    return number if 0 <= number < 2**31 else 1


def refusal(hold: Hold, now: datetime) -> tuple[str, str]:
    """The refusal for a run that cannot acquire the lock because of ``hold``, and its next step."""
    what = (
        f"another operation is at work on this cluster: {hold.holder}{_for(hold)} since {_clock(hold.acquired)} "
        f"({_span(now - hold.acquired)} ago), last heard of {_span(now - hold.renewed)} ago; if it has died, the lock "
        f"is free at {_clock(hold.expires)} (in {_span(hold.expires - now)}); nothing was changed"
    )
    following = (
        "let it finish and run again, or wait for it with -e lock_wait=<seconds>; only if you know that it is dead and "
        f"cannot wait until then: -e break_lock={hold.holder} -e \"break_reason='<why>'\""
    )
    return what, following


def other_refusal(hold: Hold, meant: str) -> tuple[str, str]:
    """What to say to whoever would break the lock of ``meant`` and finds that somebody else holds it by now."""
    what = (
        f"the lock was to be taken from {meant}, and it is {hold.holder} who holds it{_for(hold)} since "
        f"{_clock(hold.acquired)}; nothing was changed"
    )
    return what, "let it finish and run again; whoever was meant holds it no more"


def loss(hold: Hold | None) -> tuple[str, str]:
    """What to say to a run that finds its lock in somebody else's hands, or, after it had time to expire, in none."""
    again = "run again: what was done so far stays, and a run goes on from there"
    if hold is None:
        what = "the lock of this run had time to expire, and is gone: another run may have had it since"
        return f"{what}; this run does nothing more here", again
    how = f" ({hold.broken})" if hold.broken else ""
    what = (
        f"the lock of this run is lost: {hold.holder} holds it{_for(hold)} since {_clock(hold.acquired)}{how}; "
        "this run does nothing more here"
    )
    return what, f"let that run finish, and then {again}"


def broken_note(hold: Hold, by: str, reason: str) -> str:
    """Who took the lock from whom, and why: for the Lease and the record."""
    return f"taken by {by} from {hold.holder}: {reason}"


def about(hold: Hold) -> dict[str, str]:
    """A hold as data, for results and tables."""
    return {
        "holder": hold.holder,
        "purpose": hold.purpose,
        "since": rfc3339(hold.acquired),
        "expires": rfc3339(hold.expires),
    }


def _for(hold: Hold) -> str:
    return f", for {hold.purpose}," if hold.purpose else ","


def _time(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _after(moment: datetime, seconds: int) -> datetime:
    try:
        return moment + timedelta(seconds=seconds)
    except OverflowError:
        return moment  # at the end of all time


def _clock(moment: datetime) -> str:
    return local_time(moment, seconds=True)


def _span(length: timedelta) -> str:
    """A span of time for people, rounded down."""
    seconds = max(0, int(length.total_seconds()))
    for unit, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * unit:
            return f"{seconds // unit} {name}"
    return f"{seconds} s"
