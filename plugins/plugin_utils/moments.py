# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A moment as a play says it."""

from __future__ import annotations

from datetime import UTC, datetime

from ansible.errors import AnsibleFilterError


def as_moment(text: str) -> datetime | None:
    """A moment from its text; one without an offset is taken as UTC, and an empty one is none.

    :raises AnsibleFilterError: it is no moment.
    """
    if not text:
        return None
    try:
        said = datetime.fromisoformat(text)
    except ValueError:
        raise AnsibleFilterError(f"{text!r} is not a moment: write it like 2026-11-25T08:00:00+01:00") from None
    return said if said.tzinfo else said.replace(tzinfo=UTC)
