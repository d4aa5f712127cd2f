# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A setup grant: temporary access for onboarding with a grantee, a reason and an expiry."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ..._vocabulary.times import rfc3339, stamp
from ..contract.durations import parse_duration
from ..contract.rules import SHORTEST_TOKEN
from ..names import SETUP_SET

LONGEST = timedelta(days=7)

_PREFIX = "setup-"
_NAME_LENGTH = 56  # so that the name of its set fits into a label too
_GRANTEE_LENGTH = 20


@dataclass(frozen=True)
class Grant:
    """One grant. Its name is that of its ServiceAccount; ``seconds`` is how long it still lives.

    :param lifetime: for how long it was asked for; empty where its end was named. Without it a rerun would see another
        grant in each minute.
    :param tokens: whether it could issue tokens of other accounts once: an older version of this collection made it.
    """

    name: str
    grantee: str
    reason: str
    until: str
    seconds: int
    lifetime: str = ""
    tokens: bool = False

    @property
    def set(self) -> str:
        """The ApplySet that holds it."""
        return f"{SETUP_SET}-{self.name.removeprefix(_PREFIX)}"

    @property
    def role(self) -> str:
        """The name of its ClusterRole and of the binding."""
        return f"fireworks-{self.name}"


def grant_end(until: str, now: str) -> str:
    """When a grant ends. ``until`` is a span from ``now`` (``8h``), or a time with its zone.

    Raises ValueError when it is neither.
    """
    text = until.strip()
    try:
        return rfc3339(as_moment(text))
    except ValueError:
        pass
    try:
        return rfc3339(as_moment(now) + parse_duration(text))
    except ValueError:
        raise ValueError(
            f"until: '{until}' is not an expiry: write a duration like 8h, or a time with its zone like "
            "2026-11-24T18:00+01:00"
        ) from None


def lifetime_of(until: str) -> str:
    """How long a grant is to live where ``until`` is a span, and nothing where it is a time."""
    try:
        return f"{int(parse_duration(until.strip()).total_seconds())}s"
    except ValueError:
        return ""


def setup_grant(grantee: str, reason: str, until: str, now: str, lifetime: str = "") -> Grant:
    """The grant for ``grantee``. Both times are texts with their zone.

    Raises ValueError if the grantee or the reason is missing, or if the expiry is not between ten minutes and seven
    days from now.
    """
    for key, text in (("grantee", grantee), ("reason", reason)):
        if not _slug(text):
            raise ValueError(f"{key}: '{text}' is empty: a setup grant needs a grantee and a reason")
    end = as_moment(until)
    left = end - as_moment(now)
    if left <= timedelta():
        raise ValueError(f"until: {rfc3339(end)} is in the past")
    if left < SHORTEST_TOKEN:
        raise ValueError(f"until: {rfc3339(end)} is too soon: a token lives for at least 10 minutes")
    if left > LONGEST:
        raise ValueError(f"until: {rfc3339(end)} is too late: a setup grant lives for at most 7 days")
    return Grant(
        name=_name(grantee, reason, end),
        grantee=spaced(grantee),
        reason=spaced(reason),
        until=rfc3339(end),
        seconds=int(left.total_seconds()),
        lifetime=lifetime,
    )


def spaced(text: str) -> str:
    """A name or a reason as a grant keeps it: in one line."""
    return " ".join(text.split())


def _name(grantee: str, reason: str, end: datetime) -> str:
    ending = f"-{stamp(end)}"
    head = f"{_PREFIX}{_slug(grantee)[:_GRANTEE_LENGTH].rstrip('-')}-{_slug(reason)}"
    return head[: _NAME_LENGTH - len(ending)].rstrip("-") + ending


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def as_moment(text: str) -> datetime:
    """A time with its zone, in UTC."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"'{text}' has no time zone")
    return moment.astimezone(UTC)
