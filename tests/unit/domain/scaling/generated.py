# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Contracts for property tests: any number of products, models, priorities, limits and schedules."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from tests.unit.domain.agreed import contract, model

PRODUCTS = ("A", "B", "C")
PRIORITIES = ("critical", "standard", "batch")

_EARLIEST = datetime(2026, 1, 1)  # noqa: DTZ001  (hypothesis gives it the time zone)
_LATEST = datetime(2027, 12, 31)  # noqa: DTZ001  (likewise)
moments = st.datetimes(_EARLIEST, _LATEST, timezones=st.just(UTC))
_schedules = st.builds(
    lambda days, hour, hours, fewest, more: {
        "weekly": days,
        "start": f"{hour:02}:00",
        "duration": f"{hours}h",
        "time_zone": "Europe/Berlin",
        "min": fewest,
        "max": max(1, fewest + more),
    },
    st.lists(st.sampled_from(["mon", "tue", "wed", "sat", "sun"]), min_size=1, max_size=5, unique=True),
    st.integers(0, 23),
    st.integers(1, 48),
    st.integers(0, 4),
    st.integers(0, 12),
)


@st.composite
def _models(draw: Any) -> list[dict[str, Any]]:
    made = []
    for number in range(draw(st.integers(0, 7))):
        fewest = draw(st.integers(0, 4))
        scaling: dict[str, Any] = {"schedules": draw(st.lists(_schedules, max_size=1))}
        if draw(st.booleans()):
            scaling["idle_to_zero"] = "30m"
        made.append(
            model(
                f"m{number}",
                gpu={"product": draw(st.sampled_from(PRODUCTS)), "per_replica": draw(st.integers(1, 8))},
                replicas={"min": fewest, "max": max(1, fewest + draw(st.integers(0, 20)))},
                priority=draw(st.sampled_from(PRIORITIES)),
                scaling=scaling,
            )
        )
    return made


@st.composite
def contracts(draw: Any) -> dict[str, Any]:
    """A contract that may or may not have room for its models."""
    approved = draw(st.lists(st.integers(8, 120), min_size=len(PRODUCTS), max_size=len(PRODUCTS)))
    return contract(
        capacity={"gpus": [{"product": name, "count": count} for name, count in zip(PRODUCTS, approved, strict=True)]},
        scaling={
            "max_replicas_per_model": draw(st.integers(4, 20)),
            "max_gpus_per_model": draw(st.integers(8, 64)),
            "scale_to_zero": draw(st.booleans()),
        },
        models=draw(_models()),
    )
