# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What our telemetry knows of models that counts for a plan: spent error budgets, and what traffic needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .._domain.contract.typed import Contract
from .._domain.health.prometheus_text import NoResultError
from .._domain.objectives.budget import spent
from .._domain.placement.models import Learned
from .._domain.placement.traffic import MEASURED, PEAKS, needed
from .._kube.errors import KubeError
from .._kube.session import Session
from .budget_reading import budgets_or_none_measured
from .health_metrics import TELEMETRY_SERVICE, instant_query


def learned(session: Session, contract: Contract, wanted: Mapping[str, float]) -> dict[str, Learned]:
    """By model, what is known. What telemetry does not tell, or this identity may not ask it, nobody knows.

    All of it is asked at once, so that a telemetry that hangs costs one deadline.

    :param wanted: how often models want another replica, as parts of a whole.
    """
    reads: list[Callable[[Session, Contract], Any]] = [budgets_or_none_measured, _needed]
    budgets, needs = session.in_parallel(lambda read: read(session, contract), reads)
    gone = spent(row.to_dict() for row in budgets)
    return {
        name: Learned(
            needed=needs.get(name),
            wanted=wanted.get(name),
            budget_spent=f"its error budget is spent ({gone[name]})" if name in gone else "",
        )
        for name in {*gone, *needs, *wanted}
    }


def _needed(session: Session, contract: Contract) -> dict[str, int]:
    queries = [*PEAKS.values(), MEASURED]
    try:
        *peaks, measured = session.in_parallel(lambda query: instant_query(session, TELEMETRY_SERVICE, query), queries)
        return needed(contract, dict(zip(PEAKS, peaks, strict=True)), measured)
    except (KubeError, NoResultError):
        return {}
