# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The next step of one node: from what the node says, its faults, the budget and the contract to a plan as data.

suspect → quarantined → drained → repairing → validating → in service again, or handed over to a human or the customer.
Nothing but a validated repair, or a human, ever returns a node: a fault that a reboot makes invisible is not repaired.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..._vocabulary.owner import Owner
from ..contract.typed import Contract
from . import out_of_service
from .case import Case
from .faults import Fault
from .in_service import begin
from .journey import DRAINED, HANDED_OVER, QUARANTINED, REPAIRING, VALIDATING, Node, put_back
from .safety import Budget
from .step import OBSERVE, RELEASE, WAIT, Seen, Step


def next_step(node: Node, faults: Sequence[Fault], budget: Budget, contract: Contract, now: float, seen: Seen) -> Step:
    """What to do with a node now.

    :param node: as the API server has it at this moment.
    :param faults: of this node, the strongest first.
    :param budget: of the cluster; what is planned with it is counted in it.
    """
    case = Case(node, faults, budget, contract, now, seen)
    journey = case.journey
    if journey.maintenance:
        return case.plan(OBSERVE, "somebody works on it (the label byoc.fireworks.ai/maintenance)")
    if journey.undone_by_hand:
        patch = put_back(node, journey, now, released=now, released_of=",".join(journey.faults))
        return case.plan(RELEASE, "somebody returned it by hand, and that is respected", patch=patch)
    if journey.state == HANDED_OVER:
        return case.plan(WAIT, f"it was handed over: {journey.reason}", owner=Owner.CUSTOMER)
    by_state: dict[str, Callable[[Case], Step]] = {
        QUARANTINED: out_of_service.empty,
        DRAINED: out_of_service.repair,
        REPAIRING: out_of_service.repairing,
        VALIDATING: out_of_service.return_to_service,
    }
    return by_state.get(journey.state, begin)(case)
