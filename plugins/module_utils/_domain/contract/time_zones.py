# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Time zones by their names in the IANA database."""

from __future__ import annotations

from datetime import tzinfo
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from .names import nearest

# Real keys on some machines, but each means another zone elsewhere.
_AMBIENT = frozenset({"localtime", "posixrules", "Factory"})
# The same zones once more, the second by clocks that count leap seconds; an API server knows neither.
_COPIES = ("posix/", "right/")


@cache
def time_zone(name: str) -> tzinfo:
    """The zone called ``name``. Raises ValueError with the nearest known name."""
    if name in _AMBIENT:
        raise ValueError("means another time zone on another machine: write its name, like Europe/Berlin or UTC")
    if name.startswith(_COPIES):
        raise ValueError(f"is not known by every machine: did you mean '{name.partition('/')[2]}'?")
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        # ValueError: a path outside the database; OSError: a directory such as "Europe".
        pass
    known = available_timezones() - _AMBIENT
    meant = nearest(name, known) or nearest(name, _cities(known))
    raise ValueError(
        f"is not a time zone: did you mean '{_cities(known).get(meant, meant)}'?"
        if meant
        else "is not a time zone: write a name of the IANA database, like Europe/Berlin or UTC"
    )


def _cities(zones: set[str]) -> dict[str, str]:
    return {zone.rpartition("/")[2]: zone for zone in sorted(zones) if "/" in zone}
