# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is left of the error budgets of a cluster's models, as our telemetry tells it."""

from __future__ import annotations

from .._domain.contract.typed import Contract
from .._domain.health.prometheus_text import NoResultError
from .._domain.objectives.budget import RECORDED, SINCE, Budget, budgets
from .._domain.objectives.indicators import promises
from .._kube.errors import KubeError
from .._kube.session import Session
from .health_metrics import TELEMETRY_SERVICE, instant_query


def read_budgets(session: Session, contract: Contract) -> list[Budget]:
    """What is left of the objectives' budgets; nobody is asked where there are none.

    Errors as for ``instant_query``.
    """
    if not any(promises(contract)):
        return []
    recorded, since = session.in_parallel(
        lambda query: instant_query(session, TELEMETRY_SERVICE, query), (RECORDED, SINCE)
    )
    return budgets(contract, recorded, since)


def budgets_or_none_measured(session: Session, contract: Contract) -> list[Budget]:
    """The same; where telemetry does not tell, or this identity may not ask it, none of them is measured."""
    try:
        return read_budgets(session, contract)
    except (KubeError, NoResultError):
        return budgets(contract, None)
