# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.durations import past_durations


def line(started: str, ended: str, operation: str = "upgrade", result: str = "done") -> str:
    day = "2026-11-25T"
    return json.dumps(
        {"operation": operation, "result": result, "started": f"{day}{started}Z", "ended": f"{day}{ended}Z"}
    )


def test_only_what_was_carried_out_to_its_end_counts_oldest_first() -> None:
    lines = [
        line("12:00:00", "12:10:00"),
        line("09:00:00", "09:05:30"),
        line("10:00:00", "10:00:01", result="failed"),
        line("10:00:00", "10:00:01", result="nothing changed"),
        line("10:00:00", "10:00:01", operation="onboard"),
    ]
    assert past_durations(lines, "upgrade") == [330.0, 600.0]


def test_what_is_no_record_is_left_out() -> None:
    odd = ["", "{", "[]", "3", '{"operation": "a"}', line("soon", "12:00:00", operation="a")]
    without_zone = json.dumps({"operation": "a", "result": "done", "started": "2026-11-25", "ended": "2026-11-26"})
    assert past_durations([*odd, without_zone], "a") == []
