# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a contract promises of one model: which share of its requests is answered, and how fast."""

from __future__ import annotations

from typing import Final

from .fields import Schema, choice, fraction, section

AVAILABILITY: Final = "availability"
TIME_TO_FIRST_TOKEN: Final = "time_to_first_token"  # noqa: S105
INTER_TOKEN_LATENCY: Final = "inter_token_latency"  # noqa: S105
# The bounds at which engines count, so that none is guessed between two of them.
FIRST_TOKEN_BOUNDS = ["100ms", "250ms", "500ms", "750ms", "1s", "2.5s", "5s", "7.5s", "10s", "20s", "40s"]
TOKEN_BOUNDS = [
    *("10ms", "25ms", "50ms", "75ms", "100ms", "150ms", "200ms", "300ms", "400ms", "500ms", "750ms", "1s"),
]


def _share(what: str) -> Schema:
    return fraction("Share", f"The part of all {what}.", minimum=0.5, maximum=0.9999, examples=[0.95])


def _latency(title: str, description: str, what: str, bounds: list[str], example: str) -> Schema:
    return section(
        title,
        description,
        {"within": choice("Within", "In which time, a bound at which engines count.", bounds), "share": _share(what)},
        required=["within", "share"],
        examples=[{"within": example, "share": 0.95}],
    )


OBJECTIVES = section(
    "Objectives",
    "What is promised of it. Alerts tell when its error budget is used up too fast.",
    {
        AVAILABILITY: fraction(
            "Availability",
            "The part of all requests that are not answered by an error of ours (5xx).",
            minimum=0.5,
            maximum=0.9999,
            examples=[0.999],
        ),
        TIME_TO_FIRST_TOKEN: _latency(
            "Time to first token",
            "How soon answers begin.",
            "requests whose first token comes in time",
            FIRST_TOKEN_BOUNDS,
            "1s",
        ),
        INTER_TOKEN_LATENCY: _latency(
            "Inter-token latency",
            "How fast the next token follows.",
            "tokens that follow the one before in time",
            TOKEN_BOUNDS,
            "100ms",
        ),
    },
    examples=[{"availability": 0.999, "time_to_first_token": {"within": "1s", "share": 0.95}}],
)
