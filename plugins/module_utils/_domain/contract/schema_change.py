# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract's ``change`` section: when changes may be made, and which of them wait for an approval."""

from __future__ import annotations

from typing import Any

from .fields import Schema, choice, duration, flag, listing, section, text, time_zone
from .windows import WEEKDAYS

APPROVALS = ["none", "required"]


def window(title: str, description: str, **more: Schema) -> Schema:
    """A recurring span: ``weekly`` with ``start``, or ``rrule``; and ``more``, what else is said about it."""
    example = {"weekly": ["tue", "thu"], "start": "02:00", "duration": "3h", "time_zone": "Europe/Berlin"}
    properties = {
        "weekly": listing(
            "Weekdays",
            "The days on which it opens.",
            choice("Weekday", "A day of the week.", list(WEEKDAYS)),
            minItems=1,
            uniqueItems=True,
            examples=[["tue", "thu"]],
        ),
        "start": text(
            "Start",
            "The local time at which it opens, in quotes.",
            format="byoc-clock",
            maxLength=5,
            examples=["02:00"],
        ),
        "rrule": text(
            "Rule",
            "When it opens, as an RFC 5545 recurrence rule; BYHOUR is required.",
            maxLength=500,
            examples=["FREQ=MONTHLY;BYDAY=1SA;BYHOUR=22;BYMINUTE=30"],
        ),
        "from": text(
            "First day",
            "The day from which an rrule with INTERVAL counts, in quotes.",
            format="byoc-moment",
            maxLength=19,
            examples=["2026-01-05"],
        ),
        "duration": duration("Duration", "How long it stays open.", examples=["3h"]),
        "time_zone": time_zone(),
    }
    return section(
        title,
        description,
        {**properties, **more},
        required=["duration", "time_zone", *more],
        examples=[{**example, **{key: sub["examples"][0] for key, sub in more.items()}}],
        oneOf=[
            {"required": ["weekly", "start"], "properties": {"rrule": False, "from": False}},
            {"required": ["rrule"], "properties": {"weekly": False, "start": False}},
        ],
    )


_WINDOW = window("Window", "A recurring period in which changes may be made: `weekly` with `start`, or `rrule`.")

_FREEZE = section(
    "Freeze",
    "A period without changes, regardless of windows: drains and repairs of GPU nodes wait for its end too.",
    {
        "from": text(
            "From",
            "Its first moment, in local time.",
            format="byoc-moment",
            maxLength=19,
            examples=["2026-12-18T00:00"],
        ),
        "until": text(
            "Until",
            "The first moment after it, in local time.",
            format="byoc-moment",
            maxLength=19,
            examples=["2027-01-04T06:00"],
        ),
        "time_zone": time_zone(),
        "reason": text("Reason", "Shown to anyone who wants to make a change.", examples=["year-end trading"]),
    },
    required=["from", "until", "time_zone"],
    examples=[
        {
            "from": "2026-12-18T00:00",
            "until": "2027-01-04T06:00",
            "time_zone": "Europe/Berlin",
            "reason": "year-end trading",
        }
    ],
)


def _approval(title: str, what: str) -> Schema:
    return choice(
        title,
        f"Whether {what} waits for the customer's approval. A rollback never does.",
        APPROVALS,
        default="required",
        examples=["required"],
    )


_NODE_ACTION = choice(
    "Node action",
    "Whether a drain or a repair of a GPU node waits for the customer's approval, and so for a window, even where "
    "`actions` says auto. Unless given, `actions` decides. A quarantine, which moves no pod, never waits.",
    APPROVALS,
    examples=["required"],
)


# Without a default, which would be in the bounds that approvals given before it name.
_CONSOLIDATION = choice(
    "Consolidation",
    "Whether moving replicas so that GPUs are free in larger blocks waits for the customer's approval. Unless given, "
    "it does.",
    APPROVALS,
    examples=["required"],
)


def _approvers(description: str, **more: Any) -> Schema:
    address = text("E-mail", "One person's or team's address.", format="byoc-email", examples=["change@acme.example"])
    return listing("Approvers", description, address, uniqueItems=True, examples=[["change@acme.example"]], **more)


_EMERGENCY = section(
    "Emergency",
    "Who may authorize a change outside the windows. Without this, nobody may.",
    {
        "approvers": _approvers("Who may declare an emergency, with a reason.", minItems=1),
        "over_freezes": flag("Over freezes", "Whether an emergency lifts freezes too.", default=False),
    },
    required=["approvers"],
    examples=[{"approvers": ["change@acme.example"]}],
)

CHANGE = section(
    "Change",
    "When changes may be made, and which of them wait for an approval.",
    {
        "windows": listing(
            "Windows",
            "Periods in which changes may be made. None: at any time outside the freezes. What `actions` calls auto "
            "does not wait for one.",
            _WINDOW,
            default=[],
            examples=[_WINDOW["examples"]],
        ),
        "freezes": listing("Freezes", "Periods without changes.", _FREEZE, default=[], examples=[_FREEZE["examples"]]),
        "approvals": section(
            "Approvals",
            "Which kinds of change wait for an approval. Unless given, stack upgrades, changes of models and "
            "consolidations do.",
            {
                "stack_upgrade": _approval("Stack upgrade", "a new release of the serving stack"),
                "model_change": _approval("Model change", "deploying, updating or retiring a model"),
                "node_action": _NODE_ACTION,
                "consolidation": _CONSOLIDATION,
                "approvers": _approvers("Who approves. None: everyone in `contacts`.", default=[]),
                "sources": listing(
                    "Sources",
                    "From where approvals and emergencies count: `cluster` is where only your administrators write "
                    "(`fireworks.byoc.approve`), `file` and `awx` are what a run is given. Unless given, only the "
                    "cluster. Where `[cluster]` is given, its API server refuses a new version without one, too.",
                    choice("Source", "A place where approvals are kept.", ["cluster", "file", "awx"]),
                    minItems=1,
                    uniqueItems=True,
                    examples=[["cluster"]],
                ),
                "valid_for": duration(
                    "Valid for", "The maximum lifetime of an approval.", default="7d", examples=["7d"]
                ),
            },
            default={},
            examples=[{"stack_upgrade": "required", "model_change": "none"}],
        ),
        "emergency": _EMERGENCY,
    },
    default={},
    examples=[{"windows": _WINDOW["examples"]}],
)
