# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What everything that we write carries: our labels, so that it is known as ours, and nothing that others act on."""

from __future__ import annotations

from ..._vocabulary import applyset_keys
from ..contract.model_rules import CANDIDATE
from ..guardrail_names import OBJECTS_GUARDRAIL
from ..names import (
    CANARY_LABEL,
    CANDIDATE_LABEL,
    GROUP_LABEL,
    INCIDENTS,
    LOCK,
    LWS_PLURAL,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    MODEL_LABEL,
    NAME_LABEL,
    PART_OF_LABEL,
    PREFIX,
    RECORDS,
    STACK_SET,
    STAGES_LABEL,
    model_set,
)
from .ours import BY_SETUP, BY_US, OF_A_MODEL, in_our_namespaces
from .pods import TEMPLATE_LABEL
from .policy import Policy, Rule, literal
from .workloads import LWS_MARKS

_WHY = (
    "Fireworks gives what it makes in fireworks-system and fireworks-models its labels, by which it is found and "
    "removed, no finalizer or owner, and no labels or annotations of other prefixes, on which others' software may "
    "act. It deletes nothing without its labels."
)
_LABELS = (MANAGED_BY_LABEL, PART_OF_LABEL, NAME_LABEL, applyset_keys.ID_LABEL, applyset_keys.PART_OF_LABEL)
_ANNOTATIONS = (
    applyset_keys.TOOLING_ANNOTATION,
    applyset_keys.GROUP_KINDS_ANNOTATION,
    applyset_keys.NAMESPACES_ANNOTATION,
    "validations.keda.sh/hpa-ownership",
)


def _map(side: str, what: str) -> str:
    return f"({side} == null ? {{}} : dyn({side}).metadata.?{what}.orValue({{}}))"


def _others(what: str, ours: tuple[str, ...]) -> str:
    """The keys that are not ours and were added or changed."""
    now, before = f"variables.{what}", _map("oldObject", what)
    return (
        f"{now}.filter(key, !key.startsWith({literal(PREFIX)}) && !(key in {literal(list(ours))})"
        f" && !(key in {before} && {before}[key] == {now}[key]))"
    )


def _as_before(what: str) -> str:
    def of(side: str) -> str:
        return f"dyn({side}).metadata.?{what}.orValue([])"

    return f"{of('object')} == (oldObject == null ? [] : {of('oldObject')})"


_TEMPLATES = "dyn(object).spec.?leaderWorkerTemplate"
_OF_WORKLOADS = {
    "workload": (
        f"variables.written && {OF_A_MODEL} && request.resource.resource in {literal(['deployments', LWS_PLURAL])}"
        " && (oldObject == null || dyn(object).spec != dyn(oldObject).spec)"
    ),
    "name": "object == null ? '' : string(dyn(object).metadata.?name.orValue(''))",
    "model": f"variables.partOf.startsWith({literal(model_set(''))})"
    f" ? variables.partOf.substring({len(model_set(''))}) : ''",
    # The labels that its pods get.
    "made": (
        "(!variables.workload ? []"
        " : request.resource.resource == 'deployments' ? [dyn(object).spec.?template.orValue({})]"
        f" : [{_TEMPLATES}.?leaderTemplate.orValue({{}}), {_TEMPLATES}.?workerTemplate.orValue({{}})])"
        ".filter(made, made.size() > 0).map(made, made.?metadata.?labels.orValue({}))"
    ),
}
_LIMITED = (
    f"variables.made.all(made, made[?{literal(PART_OF_LABEL)}].orValue('') == variables.partOf"
    f" && !{literal([STAGES_LABEL, CANARY_LABEL])}.exists(mark, mark in made)"
    f" && !made.exists(mark, mark.startsWith({literal(LWS_MARKS)}))"
)


def _selects(label: str) -> str:
    """Whether a Deployment has exactly the pods with its name: no other's, and no fewer than it is counted by."""
    return (
        "(request.resource.resource != 'deployments' ||"
        f" dyn(object).spec.?selector.orValue({{}}) == {{'matchLabels': {{{literal(label)}: variables.name}}}})"
    )


_SERVES = (
    f"{_selects(MODEL_LABEL)}"
    # By this one the pods of a group may reach each other.
    f" && (request.resource.resource == {literal(LWS_PLURAL)}"
    f" || variables.made.all(made, !({literal(GROUP_LABEL)} in made)))"
    f" && {_LIMITED} && !({literal(CANDIDATE_LABEL)} in made)"
    f" && {literal([MODEL_LABEL, GROUP_LABEL])}.exists(mark, mark in made)"
    f" && {literal([MODEL_LABEL, GROUP_LABEL])}.all(mark, made[?mark].orValue(variables.model) == variables.model))"
)
_TRIES = (
    f"request.resource.resource == 'deployments' && variables.name.startsWith(variables.model + {literal(CANDIDATE)})"
    f" && variables.name.substring(variables.model.size()).matches({literal(f'^{CANDIDATE}[0-9a-f]{{8}}$')})"
    f" && dyn(object).spec.?replicas.orValue(1) <= 1 && {_selects(CANDIDATE_LABEL)} && {_LIMITED}"
    f" && made[?{literal(CANDIDATE_LABEL)}].orValue('') == variables.name"
    f" && !{literal([MODEL_LABEL, GROUP_LABEL])}.exists(mark, mark in made))"
)
_NAMED_AFTER_ITS_MODEL = Rule(
    f"!variables.workload || (variables.name == variables.model ? {_SERVES} : {_TRIES})",
    "A model has one workload, which is named after it, and a candidate of one replica that gets no requests"
    " (scaling.max_replicas_per_model); its pods have the labels of its set, and none of the Job that fetches its"
    " weights (compliance.egress).",
)
"""Else a second workload would have as many replicas again, and pods that connect to nowhere a way out."""


def objects_policy() -> Policy:
    """The guardrail ``fireworks-objects``."""
    ours = f"[?{literal(MANAGED_BY_LABEL)}].orValue('') == {literal(MANAGED_BY)}"
    return Policy(
        name=OBJECTS_GUARDRAIL,
        why=_WHY,
        match=in_our_namespaces([("*", "*", "*")], ("CREATE", "UPDATE", "DELETE")),
        conditions=BY_US,
        variables={
            "bySetup": BY_SETUP,
            "written": "request.operation != 'DELETE'",
            # Whose a pod is, is changed on its way out, and what its labels are is its template's business.
            "labelled": "variables.written && !(request.resource.resource == 'pods' && request.operation == 'UPDATE')",
            "labels": _map("object", "labels"),
            "annotations": _map("object", "annotations"),
            "partOf": f"variables.labels[?{literal(PART_OF_LABEL)}].orValue('')",
            # By that one a pod goes back to its owner; the scope says to which.
            "otherLabels": (
                f"{_others('labels', _LABELS)}"
                f".filter(key, request.resource.resource != 'pods' || key != {literal(TEMPLATE_LABEL)})"
            ),
            "otherAnnotations": _others("annotations", _ANNOTATIONS),
            **_OF_WORKLOADS,
        },
        rules=(
            _NAMED_AFTER_ITS_MODEL,
            Rule(
                f"variables.written || {_map('oldObject', 'labels')}{ours}",
                f"Fireworks deletes only what has its label, {MANAGED_BY_LABEL}: {MANAGED_BY}.",
            ),
            Rule(
                # Else it would give its label to somebody else's, and delete that. There is one Lease, by its name.
                "!variables.labelled || oldObject == null || request.resource.resource == 'leases'"
                f" || {_map('oldObject', 'labels')}{ours}",
                f"Fireworks changes only what has its label, {MANAGED_BY_LABEL}: {MANAGED_BY}. Another one is somebody"
                " else's.",
            ),
            Rule(
                # The bounds of setup grants say the same of them, and are proved to be in force by it alone.
                "!variables.written || variables.bySetup"
                f" || ({_as_before('finalizers')} && {_as_before('ownerReferences')})",
                "Fireworks sets and removes no finalizers and no owners: they would keep or hide what it leaves.",
            ),
            Rule(
                f"!variables.labelled || variables.labels{ours}",
                f"What Fireworks writes has the label {MANAGED_BY_LABEL}: {MANAGED_BY}.",
            ),
            Rule(
                # A canary is of no set; the parent of a set has its ID instead.
                "!variables.labelled || request.resource.resource == 'pods' || "
                f"({literal(applyset_keys.ID_LABEL)} in variables.labels && request.resource.resource == 'configmaps')"
                f" || variables.partOf.startsWith({literal(model_set(''))})"
                f" || (!({OF_A_MODEL}) && variables.partOf in {literal([STACK_SET, RECORDS, LOCK, INCIDENTS])})",
                f"What Fireworks writes is part of the stack or of a model, by the label {PART_OF_LABEL}.",
            ),
            Rule(
                "!variables.written || (variables.otherLabels.size() == 0 && variables.otherAnnotations.size() == 0)",
                f"Fireworks sets only its own labels and annotations, which begin with {PREFIX}: others' software acts"
                " on others.",
                f"'Fireworks sets only its own labels and annotations, which begin with {PREFIX}, not '"
                " + (variables.otherLabels + variables.otherAnnotations).join(', ')",
            ),
        ),
    )
