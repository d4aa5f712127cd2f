# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many replicas a model may have, whoever asks: we, an autoscaler, or somebody by hand."""

from __future__ import annotations

from ..contract.typed import Contract
from ..names import LWS_GROUP, LWS_PLURAL, MODELS_NAMESPACE
from .policy import Policy, Rule

_WHY = "In fireworks-models no model has more replicas than scaling.max_replicas_per_model. This applies to all users."
_MATCH = {
    "namespaceSelector": {
        "matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "In", "values": [MODELS_NAMESPACE]}]
    },
    "resourceRules": [
        {
            "apiGroups": [group],
            "apiVersions": ["*"],
            "resources": [kind, f"{kind}/scale"],
            "operations": ["CREATE", "UPDATE"],
        }
        for group, kind in (("apps", "deployments"), (LWS_GROUP, LWS_PLURAL))
    ],
}


def replicas_policy(contract: Contract) -> Policy:
    """The guardrail ``fireworks-replicas``."""
    most = int(contract["scaling"]["max_replicas_per_model"])
    return Policy(
        name="fireworks-replicas",
        why=_WHY,
        match=_MATCH,
        variables={
            "now": "dyn(object).spec.?replicas.orValue(1)",
            # More than that may be there from before the contract became stricter.
            "before": "request.operation == 'UPDATE' ? dyn(oldObject).spec.?replicas.orValue(1) : 0",
        },
        rules=(
            Rule(
                f"variables.now <= {most} || variables.now <= variables.before",
                f"A model has at most {most} replicas (scaling.max_replicas_per_model).",
                f"string(variables.now) + ' replicas of ' + request.name + ' are more than {most}"
                " (scaling.max_replicas_per_model)'",
            ),
        ),
    )
