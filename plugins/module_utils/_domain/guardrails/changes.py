# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a new version of anything may begin in our namespaces, whoever asks: the contract's windows, freezes, approvals.

A new version is the creation of a ReplicaSet or a ControllerRevision, whose ``creationTimestamp`` is the API server's
own clock. A rollback, scaling and a replaced pod create neither, and are never held. See docs/decisions/0027.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..._vocabulary.times import day
from ..contract.typed import Contract
from ..guardrail_names import CHANGES_GUARDRAIL
from ..names import (
    EMERGENCY_ANNOTATION,
    FREEZE_ANNOTATION,
    INSTALL_ANNOTATION,
    LWS_KIND,
    MODELS_NAMESPACE,
    NAMESPACES,
    RELEASE_LABEL,
    REVISION_ANNOTATION,
    REVISION_OF_LABEL,
    SYSTEM_NAMESPACE,
    VERSIONS_ANNOTATION,
    labels,
)
from ..rollout.approval import enforced_kinds
from .clock import freezes_of, frozen_at, listed_until, open_at, windows_in_words
from .policy import Policy, Rule, literal

_WHY = (
    "In fireworks-system and fireworks-models a new version of a model or a component begins only when the contract"
    " lets it (change.windows, change.freezes, change.approvals), and not while the annotation"
    " byoc.fireworks.ai/freeze of fireworks-system holds. This applies to all users. Rollbacks, scaling and replaced"
    " pods are never held."
)
_MATCH = {
    "namespaceSelector": {
        "matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "In", "values": list(NAMESPACES)}]
    },
    "resourceRules": [
        {"apiGroups": [group], "apiVersions": ["*"], "resources": resources, "operations": operations}
        for group, resources, operations in (
            ("apps", ["replicasets"], ["CREATE", "UPDATE"]),
            ("", ["replicationcontrollers"], ["CREATE", "UPDATE"]),
            ("apps", ["controllerrevisions"], ["CREATE"]),
        )
    ],
}
INSTALL_DAYS = 7
"""So long after an administrator made the namespace, what is not there yet may be installed at any time."""
_PARAMETER = {"apiVersion": "v1", "kind": "Namespace", "name": SYSTEM_NAMESPACE}
_LWS = "leaderworkerset.sigs.k8s.io/"
_OWNERS = "dyn(object).metadata.?ownerReferences.orValue([])"
_LABELS = "dyn(object).metadata.?labels.orValue({})"
_TEMPLATE = "dyn(object).spec.?template.?metadata"
_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}"
_ZONE = "(Z|[+-][0-9]{2}:[0-9]{2})"


def changes_policy(contract: Contract) -> Policy:
    """The guardrail ``fireworks-changes``."""
    return Policy(
        name=CHANGES_GUARDRAIL,
        why=_WHY,
        match=_MATCH,
        parameter=_PARAMETER,
        variables={**_VARIABLES, "lifted": _lifted(contract)},
        rules=(_SAME_TEMPLATE, *_freezes(contract), *_windows(contract), *_approvals(contract)),
    )


def _seconds(text: str) -> str:
    return f"int(timestamp({text}))"


def _noted(annotation: str) -> str:
    return f"variables.notes[?{literal(annotation)}].orValue('')"


# A list of at most one, since CEL has no null for seconds: when the customer's freeze ends.
_FREEZE_ENDS = (
    f"(variables.freeze.startsWith('{{') && variables.freeze.endsWith('}}') ? [variables.freeze] : [])"
    f""".map(text, text.find('"until"[ ]*:[ ]*"{_DAY}(:[0-9]{{2}}([.][0-9]+)?)?{_ZONE}"'))"""
    f".filter(text, text != '').map(text, text.find('{_DAY}.*[^\"]'))"
    f".map(text, text.matches('^{_DAY}{_ZONE}$') ? text.substring(0, 16) + ':00' + text.substring(16) : text)"
    f".map(text, {_seconds('text')})"
)

_VARIABLES = {
    # Given only where an object is created; an update that comes first is ruled by itself.
    "now": _seconds("dyn(object).metadata.creationTimestamp"),
    "notes": "dyn(params).metadata.?annotations.orValue({})",
    # Our own record of a model's revision. Nobody's controller would run it: it owns no template, and nothing owns it.
    "record": (
        f"request.resource.resource == 'controllerrevisions' && {literal(REVISION_OF_LABEL)} in {_LABELS}"
        f" && {_LABELS}.all(key, key in {literal(sorted({*labels('x', 'x', model='x'), REVISION_OF_LABEL}))})"
        f" && {_OWNERS}.size() == 0 && has(dyn(object).data.objects)"
    ),
    # The workers of one group, whose version was admitted with the LeaderWorkerSet's: groups come and go with scaling.
    "member": (
        "request.resource.resource == 'controllerrevisions'"
        f" && {literal(_LWS + 'name')} in {_LABELS} && {literal(_LWS + 'group-index')} in {_LABELS}"
        f" && {_OWNERS}.exists(owner, owner.kind == 'StatefulSet')"
    ),
    "first": (
        "(request.resource.resource == 'replicasets'"
        f" && {_OWNERS}.exists(owner, owner.kind == 'Deployment')"
        " && dyn(object).metadata.?annotations[?'deployment.kubernetes.io/revision'].orValue('') == '1')"
        " || (request.resource.resource == 'controllerrevisions' && dyn(object).?revision.orValue(0) == 1"
        f" && {_OWNERS}.exists(owner, owner.kind in ['StatefulSet', 'DaemonSet', {literal(LWS_KIND)}]))"
    ),
    "installing": (
        f"variables.now < ({_noted(INSTALL_ANNOTATION)} == ''"
        f" ? {_seconds('dyn(params).metadata.creationTimestamp')} + {INSTALL_DAYS * 86400}"
        f" : {_seconds(_noted(INSTALL_ANNOTATION))})"
    ),
    "isNew": (
        "request.operation == 'CREATE' && !variables.record && !variables.member"
        " && !(variables.first && variables.installing)"
    ),
    "freeze": f"{_noted(FREEZE_ANNOTATION)}.trim()",
    "freezeEnds": _FREEZE_ENDS,
    "emergency": (f"{_noted(EMERGENCY_ANNOTATION)} != '' && variables.now < {_seconds(_noted(EMERGENCY_ANNOTATION))}"),
    "kind": f"request.namespace == {literal(MODELS_NAMESPACE)} ? 'model_change' : 'stack_upgrade'",
    # By what its pods are marked with; what a ControllerRevision is of, no mark says.
    "version": (
        "variables.kind + '/' + (request.resource.resource == 'controllerrevisions' ? ''"
        f" : request.namespace == {literal(MODELS_NAMESPACE)}"
        f" ? {_TEMPLATE}.?annotations[?{literal(REVISION_ANNOTATION)}].orValue('unmarked')"
        f" : {_TEMPLATE}.?labels[?{literal(RELEASE_LABEL)}].orValue('unmarked'))"
    ),
    "what": "request.resource.resource + ' ' + request.name",
}

_SAME_TEMPLATE = Rule(
    "request.operation != 'UPDATE' || dyn(object).spec.?template == dyn(oldObject).spec.?template",
    "The pods of a ReplicaSet stay what they are: a new version is a new ReplicaSet.",
)
_NEXT = "; a rollback to a recorded revision, scaling and replaced pods are not held"


def _lifted(contract: Contract) -> str:
    """Whether an emergency that an administrator declared in the cluster lifts the windows."""
    return "variables.emergency" if (contract.get("change") or {}).get("emergency") else "false"


def _over_freezes(contract: Contract) -> str:
    emergency = (contract.get("change") or {}).get("emergency", {})
    return "variables.lifted" if emergency.get("over_freezes") else "false"


def _freezes(contract: Contract) -> Iterator[Rule]:
    yield Rule(
        f"!variables.isNew || {_over_freezes(contract)} || variables.freeze == ''"
        " || variables.freezeEnds.exists(end, end <= variables.now)",
        f"Frozen by the annotation {FREEZE_ANNOTATION} of {SYSTEM_NAMESPACE}.",
        f"'held: ' + variables.what + ' is a new version, and the annotation {FREEZE_ANNOTATION} of {SYSTEM_NAMESPACE}"
        f" holds{_NEXT}; your administrators lift it'",
    )
    if freezes_of(contract):
        yield Rule(
            f"!variables.isNew || {_over_freezes(contract)} || !{frozen_at(contract, 'variables.now')}",
            "Frozen by the contract (change.freezes).",
            "'held: ' + variables.what + ' is a new version, and the contract freezes changes now (change.freezes)"
            f"{_NEXT}'",
        )


def _windows(contract: Contract) -> Iterator[Rule]:
    opened = windows_in_words(contract)
    if not opened:
        return
    end = listed_until(contract)
    until = f"; those of an rrule are listed until {day(end)}" if end else ""
    told = literal(f" is a new version, and no window is open: {'; '.join(opened)} (change.windows){until}{_NEXT}")
    yield Rule(
        f"!variables.isNew || variables.lifted || {open_at(contract, 'variables.now')}",
        "Outside the windows of the contract (change.windows).",
        f"'held: ' + variables.what + {told}",
    )


def _approvals(contract: Contract) -> Iterator[Rule]:
    kinds = enforced_kinds(contract)
    if kinds:
        yield Rule(
            f"!variables.isNew || !(variables.kind in {literal(kinds)})"
            f" || {_noted(VERSIONS_ANNOTATION)}.split(' ').exists(one,"
            " (request.resource.resource == 'controllerrevisions' ? one.startsWith(variables.version)"
            " : one.startsWith(variables.version + '@'))"
            " && variables.now < int(timestamp(one.split('@')[1])))",
            "Not approved in the cluster (change.approvals).",
            "'held: ' + variables.what + ' is a new version, and no approval in the cluster that is valid covers '"
            " + variables.version + ' (change.approvals: fireworks.byoc.approve)"
            f"{_NEXT}; your administrators give it'",
        )
