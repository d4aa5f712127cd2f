# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""By which names we keep what we remember in a cluster, and who of us may write which: RBAC cannot limit a creation to
a name."""

from __future__ import annotations

from ..._vocabulary.applyset_keys import TOOL, TOOLING_ANNOTATION
from ..guardrail_names import NAMES_GUARDRAIL
from ..identities.needs import DEPLOYER, OPERATOR, UPGRADER
from ..kept_names import INCIDENTS, LEASE, UPGRADES
from ..names import (
    INCIDENT_PREFIX,
    NAME_LABEL,
    PART_OF_LABEL,
    PRESETUP_SET,
    RECORDS,
    REVISION_OF_LABEL,
    ROUTER_MODELS,
    STACK_SET,
    account_user,
    model_set,
)
from .ours import BY_SETUP, BY_US, OF_A_MODEL, OF_THE_STACK, in_our_namespaces, only
from .policy import Policy, Rule, literal

_WHY = (
    "Fireworks writes ConfigMaps only in fireworks-system: the records of its operations, incidents (operator), the "
    "sets and settings of its stack (operator and upgrader), and the sets of models (operator and deployer). Its only "
    "Lease is the operation lock, and its only ControllerRevisions are those of models."
)
_KINDS = [
    ("", "*", "configmaps"),
    ("coordination.k8s.io", "*", "leases"),
    ("apps", "*", "controllerrevisions"),
]
_MODEL_SET = literal(model_set(""))


def _by(*identities: str) -> str:
    """Whether one of these asks. A setup grant onboards: it brings the stack and the models."""
    return f"({BY_SETUP} || request.userInfo.username in {literal([account_user(name) for name in identities])})"


def names_policy() -> Policy:
    """The guardrail ``fireworks-names``."""
    return Policy(
        name=NAMES_GUARDRAIL,
        why=_WHY,
        match=in_our_namespaces(_KINDS, ("CREATE", "UPDATE", "DELETE")),
        conditions=BY_US,
        variables={
            "kind": "request.resource.resource",
            "it": "object == null ? dyn(oldObject) : dyn(object)",
            "name": "variables.it.metadata.?name.orValue('')",
            "labels": "variables.it.metadata.?labels.orValue({})",
            "partOf": f"variables.labels[?{literal(PART_OF_LABEL)}].orValue('')",
            "component": f"variables.labels[?{literal(NAME_LABEL)}].orValue('')",
            "ofAnUpgrade": f"variables.name.matches({literal(f'^{UPGRADES}$')})",
            "byContent": (
                "variables.name.startsWith(variables.component + '-')"
                " && variables.name.substring(variables.component.size()).matches('^-[0-9a-f]{10}$')"
            ),
            "ofTheStack": _OF_THE_STACK,
            # The parent of a set is part of none.
            "ofAModel": f"variables.name.startsWith({_MODEL_SET}) && variables.partOf == ''",
            "ofAnIncident": (
                f"variables.name.matches({literal(f'^{INCIDENTS}$')})"
                f" && request.userInfo.username == {literal(account_user(OPERATOR))}"
            ),
            "ofTheRouter": f"variables.name == {literal(ROUTER_MODELS)}",
            "model": f"variables.labels[?{literal(REVISION_OF_LABEL)}].orValue('')",
        },
        rules=_RULES,
    )


# A component keeps its settings by its name and a digest of them, so that other settings are another name, which only
# another pod template can tell: that is a new version, and the API server's clock holds it. What an older release kept
# by the component's name alone may only be deleted.
_OF_THE_STACK = (
    f"variables.name == {literal(STACK_SET)}"
    " || variables.ofAnUpgrade"
    f" || (variables.partOf == {literal(STACK_SET)} && variables.component != ''"
    f" && ![{_MODEL_SET}, {literal(INCIDENT_PREFIX)}].exists(other, variables.name.startsWith(other))"
    f" && !(variables.component in {literal([RECORDS, PRESETUP_SET, STACK_SET])})"
    " && (variables.byContent || (request.operation == 'DELETE' && variables.name == variables.component)))"
)

_RULES = (
    Rule(
        f"variables.kind != 'configmaps' || ({OF_THE_STACK} && (variables.name == {literal(RECORDS)}"
        f" || variables.ofAnIncident || (variables.ofTheStack && {_by(OPERATOR, UPGRADER)})"
        f" || (variables.ofTheRouter && ({_by(OPERATOR, UPGRADER)}"
        f" || (request.operation == 'UPDATE' && {_by(DEPLOYER)})))"
        f" || (variables.ofAModel && {_by(OPERATOR, DEPLOYER)})))",
        "Fireworks writes no ConfigMap of that name: only its records and incidents (operator), the sets and settings"
        " of the stack (operator, upgrader), and the sets of models (operator, deployer), in fireworks-system.",
        "request.userInfo.username + ' writes no ConfigMap ' + request.namespace + '/' + variables.name + ': only the"
        " records of operations, incidents (operator), those of the stack (operator, upgrader) and the sets of models"
        " (operator, deployer)'",
    ),
    Rule(
        # What has a fixed name and could not be changed any more would stay in everybody's way.
        "variables.kind != 'configmaps' || request.operation == 'DELETE' || !variables.it.?immutable.orValue(false)"
        " || variables.ofAnUpgrade || (variables.ofTheStack && variables.byContent)",
        "Fireworks lets no ConfigMap be immutable but the backup of an upgrade and settings named by a digest.",
    ),
    Rule(
        "variables.kind != 'configmaps' || request.operation != 'UPDATE' || !variables.ofTheStack"
        " || ['data', 'binaryData'].all(part,"
        " dyn(object)[?part].orValue({}) == dyn(oldObject)[?part].orValue({}))",
        "The settings of a component and the backup of an upgrade do not change: other settings have another name.",
    ),
    Rule(
        "variables.kind != 'configmaps' || request.operation == 'DELETE'"
        f" || !(variables.ofAModel || variables.name == {literal(STACK_SET)})"
        " || ['data', 'binaryData'].all(part, !(part in variables.it))",
        "The sets of Fireworks hold no data: what belongs to one is said by annotations and labels.",
    ),
    Rule(
        # What says that it is another tool's, neither we nor an administrator with our playbooks would remove.
        "variables.kind != 'configmaps' || request.operation == 'DELETE'"
        f" || !(variables.ofAModel || variables.name == {literal(STACK_SET)})"
        f" || variables.it.metadata.?annotations[?{literal(TOOLING_ANNOTATION)}].orValue('')"
        f".startsWith({literal(TOOL + '/')})",
        "The sets of Fireworks say that they are its own, and no other tool's.",
    ),
    Rule(
        f"variables.kind != 'leases' || ({OF_THE_STACK} && variables.name == {literal(LEASE)})",
        f"The only Lease of Fireworks is {LEASE} in fireworks-system.",
    ),
    Rule(
        f"variables.kind != 'controllerrevisions' || ({OF_A_MODEL} && variables.model != ''"
        f" && variables.partOf == {_MODEL_SET} + variables.model"
        " && variables.name == variables.model + '-' + string(variables.it.revision)"
        " && (request.operation != 'UPDATE'"
        f" || dyn(oldObject).metadata.?labels[?{literal(REVISION_OF_LABEL)}].orValue('') == variables.model)"
        f" && {only('variables.it.?data.orValue({})', ('objects',))})",
        "The only ControllerRevisions of Fireworks are the recorded ones of a model, named after it and their number.",
    ),
)
