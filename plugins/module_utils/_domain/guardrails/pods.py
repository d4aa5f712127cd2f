# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What our accounts may do with a single pod: orphan it while its replacement starts, and run a canary."""

from __future__ import annotations

from ..._vocabulary.annotations import REPLACED_ANNOTATION
from ..counted import CANARY_PRIORITY
from ..names import CANARY_LABEL, MANAGED_BY_LABEL, MOVED_ANNOTATION, priority_class
from .policy import Rule, literal

TEMPLATE_LABEL = "pod-template-hash"
_POD = "request.resource.resource == 'pods' && request.?subResource.orValue('') == ''"
_UPDATE = f"{_POD} && request.operation == 'UPDATE'"
_CREATE = f"{_POD} && request.operation == 'CREATE'"
_DELETE = f"{_POD} && request.operation == 'DELETE'"
_LONGEST = 3600
"""Seconds that a canary may run."""
#: What the API server itself keeps, and what is ruled key by key.
_RULED = literal(["labels", "annotations", "managedFields", "resourceVersion", "generation"])


def _same_but(part: str, ruled: str) -> str:
    """Whether a map is the same on both sides, less these keys."""
    new, old = f"dyn(object).metadata.?{part}.orValue({{}})", f"dyn(oldObject).metadata.?{part}.orValue({{}})"
    return (
        f"{new}.all(key, key in {ruled} || (key in {old} && {new}[key] == {old}[key]))"
        f" && {old}.all(key, key in {ruled} || key in {new})"
    )


def _marked(side: str) -> str:
    return f"dyn({side}).metadata.?labels[?{literal(CANARY_LABEL)}].orValue('')"


_SPEC = "dyn(object).spec"
_CANARY = (
    f"{_marked('object')} == 'true'",
    # Services, budgets and controllers find a pod by its labels: it has no others.
    f"dyn(object).metadata.labels.all(key, key in {literal([CANARY_LABEL, MANAGED_BY_LABEL])})",
    "dyn(object).metadata.?ownerReferences.orValue([]).size() == 0",
    f"{_SPEC}.containers.size() == 1",
    *(f"{_SPEC}.?{key}.orValue([]).size() == 0" for key in ("initContainers", "volumes")),
    f"{_SPEC}.containers.all(c, c.?envFrom.orValue([]).size() == 0 && c.?env.orValue([]).all(e, !has(e.valueFrom)))",
    f"!{_SPEC}.?automountServiceAccountToken.orValue(true)",
    f"{_SPEC}.restartPolicy == 'Never'",
    f"{_SPEC}.?activeDeadlineSeconds.orValue({_LONGEST + 1}) <= {_LONGEST}",
)
# It waits for room and does not preempt models.
_NO_PRIORITY = f"!{_SPEC}.?priorityClassName.orValue('').startsWith('fireworks-')"
# Where GPUs are counted by product it has the class that preempts nobody; the guardrail of products says whose.
_PUSHES_NOBODY = f"({_NO_PRIORITY} || {_SPEC}.priorityClassName.startsWith({literal(priority_class(CANARY_PRIORITY))}))"
_NO_NODE = f"!has({_SPEC}.nodeName)"


def pod_rules(*, by_product: bool, moves: bool) -> tuple[Rule, ...]:
    """Rules for the scope guardrail, which checks everything that our accounts write.

    :param by_product: whether the GPUs of each product are counted apart.
    :param moves: whether moves are noted on pods.
    """
    notes = [REPLACED_ANNOTATION, *([MOVED_ANNOTATION] if moves else [])]
    canary = (*_CANARY, _PUSHES_NOBODY if by_product else _NO_PRIORITY, _NO_NODE)
    return (
        Rule(
            f"!({_UPDATE}) || (dyn(object).spec == dyn(oldObject).spec"
            f" && {_same_but('labels', literal([TEMPLATE_LABEL]))}"
            f" && {_same_but('annotations', literal(notes))}"
            f" && dyn(object).metadata.all(key, key in {_RULED} || (key in dyn(oldObject).metadata"
            " && dyn(object).metadata[key] == dyn(oldObject).metadata[key])))",
            "Fireworks changes only the ownership of a pod, while its replacement starts: the label"
            f" {TEMPLATE_LABEL}, and the annotation {' and '.join(notes)}.",
        ),
        Rule(
            f"!({_CREATE}) || ({' && '.join(canary)})",
            "The only bare pod that Fireworks creates is a canary: one container without volumes, token or secrets,"
            " that gets no requests and ends by itself.",
        ),
        Rule(
            f"!({_DELETE}) || {_marked('oldObject')} == 'true'",
            "The only pod that Fireworks deletes is a canary: others leave by eviction, which respects their budgets.",
        ),
    )


def _of(side: str, part: str, key: str) -> str:
    return f"dyn({side}).metadata.?{part}[?{literal(key)}].orValue('')"


HASH, HASH_BEFORE = _of("object", "labels", TEMPLATE_LABEL), _of("oldObject", "labels", TEMPLATE_LABEL)
_SAID, _SAID_BEFORE = (_of(side, "annotations", REPLACED_ANNOTATION) for side in ("object", "oldObject"))

KEPT_RULES = (
    Rule(
        f"!({_DELETE}) || dyn(oldObject).metadata.?ownerReferences.orValue([]).size() == 0",
        "The only pod that Fireworks deletes is a canary, which has no owner.",
    ),
    Rule(
        f"!({_UPDATE}) || {HASH} == {HASH_BEFORE} || {HASH} != '' || {_SAID} != ''",
        f"Fireworks takes a pod from its owner only with the note {REPLACED_ANNOTATION}, by which it returns.",
    ),
    Rule(
        f"!({_UPDATE}) || dyn(oldObject).metadata.all(key, key in {_RULED} || key in dyn(object).metadata)",
        "Fireworks takes nothing from a pod's metadata, neither owners nor finalizers.",
    ),
    # An owner that wants fewer pods than it has deletes one without asking any budget, so a pod goes back to its own
    # owner only: the note is made while that owns it, and not changed afterwards.
    Rule(
        f"!({_UPDATE}) || {_SAID} in ['', {_SAID_BEFORE}]"
        " || dyn(oldObject).metadata.?ownerReferences.orValue([]).exists(owner,"
        f" owner.?controller.orValue(false) && {_SAID}.startsWith(owner.kind + ' ' + owner.name + ' '))",
        f"Fireworks notes of a pod, in {REPLACED_ANNOTATION}, only the owner that it has.",
    ),
    Rule(
        f"!({_UPDATE}) || {HASH} in ['', {HASH_BEFORE}]"
        f" || ({HASH_BEFORE} == '' && (({_SAID_BEFORE} + '  ').split(' ')[1]).endsWith('-' + {HASH}))",
        f"Fireworks returns a pod only to the owner that it was taken from, by {REPLACED_ANNOTATION}.",
    ),
)
"""What the rules above left open until the second version of the prerequisites."""
