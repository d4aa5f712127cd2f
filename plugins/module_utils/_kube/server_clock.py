# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What time it is where a cluster is: the clock of a controller may be wrong, and two of them differ."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from .session import Session


def server_time(headers: Mapping[str, str]) -> datetime:
    """The server's clock by its answer; ours if a proxy has dropped it."""
    try:
        return parsedate_to_datetime(headers.get("Date", "")).astimezone(UTC)
    except ValueError:
        return datetime.now(tz=UTC)


def now_at(session: Session) -> datetime:
    """The time by the clock of the API server. Errors as for ``Session.exchange``."""
    return server_time(session.exchange("GET", "/version").headers)
