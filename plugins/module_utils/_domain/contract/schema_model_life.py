# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a contract says of one model's life: how it grows and shrinks, and how a new version takes over."""

from __future__ import annotations

from .fields import duration, flag, fraction, listing, section, whole
from .schema_change import window

KV_CACHE_USAGE, WAITING_REQUESTS = "kv_cache_usage", "waiting_requests"
SIGNALS = {KV_CACHE_USAGE: 0.80, WAITING_REQUESTS: 5}
"""Thresholds for each replica unless the contract says others: the share of its KV cache in use, and the requests that
wait in its queue. They are the defaults of llm-d's workload variant autoscaler: scale before the cache is full and
requests are preempted."""

_SIGNALS = section(
    "Signals",
    "Thresholds for one more replica.",
    {
        KV_CACHE_USAGE: fraction(
            "KV cache usage",
            "The part of the KV cache in use, on average over the replicas.",
            minimum=0.05,
            maximum=0.99,
            default=SIGNALS[KV_CACHE_USAGE],
            examples=[0.80],
        ),
        WAITING_REQUESTS: whole(
            "Waiting requests",
            "Requests that wait for a place, on average over the replicas.",
            maximum=10_000,
            default=SIGNALS[WAITING_REQUESTS],
            examples=[5],
        ),
    },
    default={},
    examples=[{"kv_cache_usage": 0.80, "waiting_requests": 5}],
)

_SCHEDULE = window(
    "Scheduled bounds",
    "Other bounds for a recurring period: `weekly` with `start`, or `rrule`.",
    min=whole("Fewest", "The fewest replicas in it.", minimum=0, maximum=10_000, examples=[4]),
    max=whole("Most", "The most replicas in it.", maximum=10_000, examples=[8]),
)

SCALING = section(
    "Scaling",
    "When the model grows and shrinks, between its replicas.min and replicas.max.",
    {
        "signals": _SIGNALS,
        "idle_to_zero": duration(
            "Idle to zero",
            "Time without a request after which the last replica goes. Needs replicas.min: 0. None: never.",
            examples=["15m"],
        ),
        "schedules": listing(
            "Schedules",
            "Other bounds at certain times.",
            _SCHEDULE,
            default=[],
            maxItems=50,
            examples=[_SCHEDULE["examples"]],
        ),
    },
    default={},
    examples=[{"signals": {"kv_cache_usage": 0.80, "waiting_requests": 5}, "idle_to_zero": "15m"}],
)

ROLLOUT = section(
    "Rollout",
    "How a new version takes over.",
    {
        "downtime": flag(
            "Downtime",
            "Whether the old replicas may go before the new ones are there, when no GPU is free for both.",
            default=False,
            examples=[False],
        ),
        "bake": duration(
            "Bake", "How long the new version must stay healthy before the old one goes.", default="2m", examples=["2m"]
        ),
        "deadline": duration(
            "Deadline",
            "After how long an unfinished rollout is rolled back. None: by its load times.",
            examples=["2h"],
        ),
        "history": whole("History", "How many revisions are kept.", maximum=100, default=10, examples=[10]),
    },
    default={},
    examples=[{"downtime": False, "bake": "2m"}],
)

HEALTH_GATE = section(
    "Health gate",
    "What each new replica must show.",
    {
        "canary_request": flag("Canary request", "Whether it is asked for one token.", default=True),
        "heartbeat_grace": duration(
            "Heartbeat grace",
            "How long it may have requests and produce nothing.",
            default="120s",
            examples=["120s"],
        ),
    },
    default={},
    examples=[{"canary_request": True, "heartbeat_grace": "120s"}],
)
