# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a moment is written: for people with its time zone, for machines in RFC 3339. Nowhere else is one formatted."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

_EVERY_SECOND = "%Y-%m-%dT%H:%M:%S"


def local_time(moment: datetime, zone: tzinfo = UTC, *, seconds: bool = False) -> str:
    """For people: the moment (with a time zone) as the clocks of a zone show it, and which zone that is."""
    clock = f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S}"
    return f"{clock if seconds else clock[:-3]} {zone}"


def upcoming(moment: str | None, now: str) -> str:
    """For people: a moment to come in UTC, ``now`` where it is no later, and a dash where there is none (ISO 8601)."""
    if not moment:
        return "-"
    coming = datetime.fromisoformat(moment)
    return local_time(coming) if coming > datetime.fromisoformat(now) else "now"


def day(moment: datetime) -> str:
    """For people: the day of a moment (with a time zone), in UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%d}"


def rfc3339(moment: datetime) -> str:
    """For machines: in UTC, to the second, as Kubernetes writes a ``Time``."""
    return f"{moment.astimezone(UTC):{_EVERY_SECOND}}Z"


def rfc3339_micro(moment: datetime) -> str:
    """For machines: in UTC, to the microsecond, as Kubernetes writes a ``MicroTime``."""
    return f"{moment.astimezone(UTC):{_EVERY_SECOND}.%f}Z"


def stamp(moment: datetime) -> str:
    """For names: in UTC, to the minute, of digits and a dash."""
    return f"{moment.astimezone(UTC):%Y%m%d-%H%M}"
