# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What scales a model, on what, and how far: by our own telemetry, within the contract."""

from __future__ import annotations

from ..capacity import approved
from ..contract.model_rules import CANDIDATE
from ..contract.typed import Contract
from ..guardrail_names import SCALERS_GUARDRAIL
from ..identities.needs import KEDA_GROUP
from ..names import LWS_API, LWS_KIND
from ..scaling.signals import ADAPTED_METRICS, PROMETHEUS
from .ours import OF_A_MODEL, only, policy_of_specs
from .policy import Policy, Rule, literal
from .scope import MOST_OF_A_COMPONENT

_WHY = (
    "Fireworks makes autoscalers that scale the model or component that they are named after, on what its own "
    "telemetry says, and no further than scaling and capacity.gpus of the contract allow. They have no credentials."
)
# As autoscaling/v2 whatever was asked for: the API server converts it first.
_KINDS = [("autoscaling", "v2", "horizontalpodautoscalers"), (KEDA_GROUP, "*", "scaledobjects")]
_SPEC = {
    True: (
        "scaleTargetRef",
        "pollingInterval",
        "cooldownPeriod",
        "initialCooldownPeriod",
        "idleReplicaCount",
        "minReplicaCount",
        "maxReplicaCount",
        "advanced",
        "triggers",
    ),
    False: ("scaleTargetRef", "minReplicas", "maxReplicas", "metrics", "behavior"),
}
"""The fields of a ScaledObject, and of a HorizontalPodAutoscaler."""
_ADVANCED = ("restoreToOriginalReplicaCount", "horizontalPodAutoscalerConfig")
_METRICS = literal(sorted(ADAPTED_METRICS))


def most_replicas(contract: Contract) -> int:
    """The most replicas that any model may have: each has one GPU at least."""
    scaling = contract["scaling"]
    most = max(approved(contract).values(), default=0)
    return min(most, scaling["max_replicas_per_model"], scaling["max_gpus_per_model"])


def scalers_policy(contract: Contract) -> Policy:
    """The guardrail ``fireworks-scalers``."""
    sleeps = bool(contract["scaling"].get("scale_to_zero"))
    return policy_of_specs(
        SCALERS_GUARDRAIL,
        _WHY,
        _KINDS,
        (*_TARGET, _most(), _LEAST, *(() if sleeps else (_AWAKE,)), _TRIGGERS, _KEDA, _MODEL_METRICS, _STACK_METRICS),
        {
            "keda": "request.resource.resource == 'scaledobjects'",
            "ours": OF_A_MODEL,
            "target": "variables.spec.?scaleTargetRef.orValue({})",
            "most": f"variables.ours ? {most_replicas(contract)} : {MOST_OF_A_COMPONENT}",
            "asked": (
                "variables.keda ? variables.spec.?maxReplicaCount.orValue(100) : variables.spec.?maxReplicas.orValue(0)"
            ),
            "metrics": "variables.spec.?metrics.orValue([])",
            "advanced": "variables.spec.?advanced.orValue({})",
        },
    )


def _is(api_version: str, kind: str) -> str:
    return (
        f"variables.target == {{'apiVersion': {literal(api_version)}, 'kind': {literal(kind)}, 'name': variables.name}}"
    )


_TARGET = (
    Rule(
        f"{_is('apps/v1', 'Deployment')} || (variables.ours && {_is(LWS_API, LWS_KIND)})",
        "An autoscaler scales the workload of the model or component that it is named after, and nothing else.",
    ),
    Rule(
        f"!variables.ours || !variables.name.contains({literal(CANDIDATE)})",
        "A candidate has one replica, and nothing scales it (scaling.max_replicas_per_model).",
    ),
    Rule(
        f"variables.keda ? {only('variables.spec', _SPEC[True])} : {only('variables.spec', _SPEC[False])}",
        "An autoscaler has only fields that a model's or a component's has: no fallback and no formula.",
    ),
)


_LEAST = Rule(
    "!variables.keda || [variables.spec.?minReplicaCount.orValue(0), variables.spec.?idleReplicaCount.orValue(0)]"
    ".all(least, least >= 0 && least <= variables.asked)",
    "A ScaledObject's least replicas are no more than its most.",
)


def _most() -> Rule:
    return Rule(
        "variables.asked <= variables.most",
        "An autoscaler asks for no more replicas than the contract allows (scaling, capacity.gpus).",
        "string(variables.asked) + ' replicas are more than the ' + string(variables.most) + ' that '"
        " + (variables.ours ? 'the contract allows a model (scaling, capacity.gpus)' : 'a component may have')",
    )


_AWAKE = Rule(
    "!variables.ours || (variables.keda ? variables.spec.?minReplicaCount.orValue(0) > 0"
    " && !has(variables.spec.idleReplicaCount) : variables.spec.?minReplicas.orValue(1) > 0)",
    "No model is scaled to zero (scaling.scale_to_zero).",
)
_TRIGGERS = Rule(
    "!variables.keda || (variables.spec.?triggers.orValue([]).size() > 0 && variables.spec.triggers.all(trigger,"
    " trigger.?type.orValue('') == 'prometheus'"
    f" && {only('trigger', ('type', 'name', 'metricType', 'metadata'))}"
    f" && {only('trigger.?metadata.orValue({})', ('serverAddress', 'query', 'threshold', 'ignoreNullValues'))}"
    f" && trigger.?metadata.?serverAddress.orValue('') == {literal(PROMETHEUS)}))",
    f"A ScaledObject is triggered by our telemetry only, {PROMETHEUS}, and has no credentials.",
)
_KEDA = Rule(
    f"!variables.keda || ({only('variables.advanced', _ADVANCED)}"
    " && !variables.advanced.?restoreToOriginalReplicaCount.orValue(false)"
    f" && {only('variables.advanced.?horizontalPodAutoscalerConfig.orValue({})', ('behavior',))})",
    "A ScaledObject says how quickly it scales, and nothing else: no other name, no formula, and replicas stay when it"
    " goes.",
)
_MODEL_METRICS = Rule(
    "variables.keda || !variables.ours || (variables.metrics.size() > 0 && variables.metrics.all(metric,"
    f" metric.?type.orValue('') == 'Pods' ? metric.?pods.?metric.?name.orValue('') in {_METRICS}"
    f" : metric.?type.orValue('') == 'External' && metric.?external.?metric.?name.orValue('') in {_METRICS}))",
    f"A model is scaled on its own metrics only: {', '.join(sorted(ADAPTED_METRICS))}.",
)
_STACK_METRICS = Rule(
    "variables.keda || variables.ours || (variables.metrics.size() > 0 && variables.metrics.all(metric,"
    " metric.?type.orValue('') == 'Resource' && metric.?resource.?name.orValue('') in ['cpu', 'memory']))",
    "A component is scaled on the CPU and memory that it uses.",
)
