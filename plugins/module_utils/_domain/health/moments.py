# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moments as Kubernetes writes them (``2026-11-25T21:00:00Z``), and as seconds since 1970."""

from __future__ import annotations

from datetime import UTC, datetime


def moment(text: object) -> float | None:
    """The seconds since 1970 at a moment in RFC 3339; None where there is none that can be read."""
    if not isinstance(text, str) or not text:
        return None
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return None
    return parsed.timestamp() if parsed.tzinfo else parsed.replace(tzinfo=UTC).timestamp()


def shown_moment(seconds: float | None) -> str:
    """The moment in RFC 3339 and UTC, to the second; empty where there is none."""
    return "" if seconds is None else datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
