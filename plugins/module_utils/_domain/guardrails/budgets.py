# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much of ours may be away at once: one budget for each model and component, with exactly its pods.

A budget with an empty selector, or with none of its pods to spare, stops the customer's own drains.
"""

from __future__ import annotations

from ..guardrail_names import BUDGETS_GUARDRAIL
from ..model import ANY_MODEL
from ..model.exposure import budget
from ..names import COMPONENT_LABEL, GROUP_LABEL, MODEL_LABEL
from .ours import OF_A_MODEL, only, policy_of_specs
from .policy import Policy, Rule, literal

_WHY = (
    "Fireworks makes one disruption budget for each model and component, which selects its pods and no others, and "
    "lets one of them be away at a time, so that no budget stops a drain while all of its replicas are ready."
)
_SPEC = budget(ANY_MODEL)["spec"]
_AWAY, _UNHEALTHY = _SPEC["maxUnavailable"], _SPEC["unhealthyPodEvictionPolicy"]


def _selects(label: str) -> str:
    return f"variables.selector == {{'matchLabels': {{{literal(label)}: variables.name}}}}"


def budgets_policy() -> Policy:
    """The guardrail ``fireworks-budgets``."""
    return policy_of_specs(
        BUDGETS_GUARDRAIL,
        _WHY,
        [("policy", "*", "poddisruptionbudgets")],
        (
            Rule(
                f"{OF_A_MODEL} ? {_selects(MODEL_LABEL)} || {_selects(GROUP_LABEL)} : {_selects(COMPONENT_LABEL)}",
                "A disruption budget selects exactly the pods of the model or component that it is named after.",
            ),
            Rule(
                f"variables.spec.?maxUnavailable.orValue(0) == {_AWAY}"
                f" && variables.spec.?unhealthyPodEvictionPolicy.orValue('') == {literal(_UNHEALTHY)}"
                f" && {only('variables.spec', _SPEC)}",
                f"A disruption budget lets {_AWAY} pod be away, and those that are not ready always"
                f" (maxUnavailable: {_AWAY}, unhealthyPodEvictionPolicy: {_UNHEALTHY}), and says nothing else.",
            ),
        ),
        {"selector": "variables.spec.?selector.orValue({})"},
    )
