# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a name in our namespaces leads: to the pods of the model or component that it is the name of."""

from __future__ import annotations

from ..guardrail_names import SERVICES_GUARDRAIL
from ..model import ANY_MODEL
from ..model.exposure import RETIRED, service
from ..names import COMPONENT_LABEL, MODEL_LABEL
from .ours import OF_A_MODEL, mixed, only, policy_of_specs
from .policy import Policy, Rule, literal

_WHY = (
    "Fireworks makes services that select the pods of the model or component that they are named after, inside the "
    "cluster: none stands for another name or address, or asks for a load balancer; those of models are headless, and "
    "those of components are not."
)
# What the API server itself fills in is among them.
_FIELDS = (
    "type",
    "selector",
    "ports",
    "clusterIP",
    "clusterIPs",
    "ipFamilies",
    "ipFamilyPolicy",
    "internalTrafficPolicy",
    "sessionAffinity",
)
_PORT_FIELDS = ("name", "protocol", "port", "targetPort")
_OF_A_MODEL = service(ANY_MODEL)["spec"]["ports"]


def _selects(label: str) -> str:
    return f"variables.selector == {{{literal(label)}: variables.name}}"


def services_policy() -> Policy:
    """The guardrail ``fireworks-services``."""
    return policy_of_specs(
        SERVICES_GUARDRAIL,
        _WHY,
        [("", "*", "services")],
        (
            Rule(
                f"{OF_A_MODEL} ? {_selects(MODEL_LABEL)} || variables.selector == {literal(RETIRED)}"
                f" : {_selects(COMPONENT_LABEL)}",
                "A service selects exactly the pods of the model or component that it is named after.",
            ),
            Rule(
                f"{OF_A_MODEL} ? variables.ports == {mixed(_OF_A_MODEL)} : variables.ports.all(port,"
                f" {only('port', _PORT_FIELDS)} && port.?protocol.orValue('TCP') == 'TCP')",
                "A service has the ports of its model, or TCP ports of its component, and no port of a node.",
            ),
            Rule(
                f"{only('variables.spec', _FIELDS)}"
                f" && (variables.spec.?clusterIP.orValue('') == 'None') == ({OF_A_MODEL})"
                " && variables.spec.?internalTrafficPolicy.orValue('Cluster') == 'Cluster'"
                " && variables.spec.?sessionAffinity.orValue('None') == 'None'",
                "A service is a plain one: no external name or address, no load balancer, headless if it is a model's"
                " and only then, and only pods that are ready.",
            ),
        ),
        {
            "selector": "variables.spec.?selector.orValue({})",
            "ports": "variables.spec.?ports.orValue([])",
        },
    )
