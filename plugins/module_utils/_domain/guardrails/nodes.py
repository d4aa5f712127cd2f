# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What our accounts may change on nodes: our own metadata on GPU nodes, and scheduling if the contract allows it."""

from __future__ import annotations

from ..capacity import approved
from ..contract.typed import Contract
from ..identities.conditions import action, may_act_on_nodes
from ..names import CORDONED_ANNOTATION, GPU, GPU_PRESENT_LABEL, GPU_PRODUCT_LABEL, MAINTENANCE_LABEL, PREFIX
from ..presetup_version import NEWEST
from .policy import FROM_OUR_ACCOUNTS, Policy, Rule, literal

_WHY = (
    "Fireworks changes only its own labels, annotations and taints (byoc.fireworks.ai/) on GPU nodes, "
    "and takes one out of scheduling only where actions.cordon of the contract allows it. It never makes or deletes a "
    "node."
)
_MATCH = {
    "resourceRules": [
        {
            "apiGroups": [""],
            "apiVersions": ["*"],
            "resources": ["nodes", "nodes/*"],
            "operations": ["CREATE", "UPDATE", "DELETE", "CONNECT"],
        }
    ]
}
_OURS = literal(PREFIX)

# Nothing is known of later versions' fields: whatever is not named here must stay as it is.
_SPEC_RULED = literal(["taints", "unschedulable"])
_METADATA_RULED = literal(["labels", "annotations", "managedFields", "resourceVersion", "generation"])


def nodes_policy(contract: Contract, version: int = NEWEST) -> Policy:
    """The guardrail ``fireworks-nodes``, by prerequisites of this version."""
    return Policy(
        name="fireworks-nodes",
        why=_WHY,
        match=_MATCH,
        conditions={"from-fireworks": FROM_OUR_ACCOUNTS},
        variables=_VARIABLES,
        rules=_rules(contract, version) if may_act_on_nodes(contract) else (_NOTHING,),
    )


_NOTHING = Rule("false", "Fireworks changes no node here: the contract's actions are all never.")


def _has_gpus(kind: str) -> str:
    return (
        f"quantity(string(dyn(oldObject).?status.?{kind}[?{literal(GPU)}].orValue('0'))).isGreaterThan(quantity('0'))"
    )


def _all_of(side: str) -> str:
    """Labels and annotations side by side, as pairs of kind and map."""
    metadata = f"dyn({side}).metadata"
    return f"{{'label': {metadata}.?labels.orValue({{}}), 'annotation': {metadata}.?annotations.orValue({{}})}}"


def _same_but(part: str, ruled: str) -> str:
    """Whether a part of the node is the same, less the fields that other rules are about."""
    new, old = f"dyn(object).{part}", f"dyn(oldObject).{part}"
    return (
        f"{new}.all(key, key in {ruled} || (key in {old} && {new}[key] == {old}[key])) && "
        f"{old}.all(key, key in {ruled} || key in {new})"
    )


_VARIABLES = {
    "update": 'request.operation == "UPDATE" && request.?subResource.orValue("") == ""',
    "now": _all_of("object"),
    "before": _all_of("oldObject"),
    # Whose keys were added, changed or removed, and are not ours.
    "foreign": (
        "['label', 'annotation'].map(kind,"
        f" variables.now[kind].filter(key, !key.startsWith({_OURS}) &&"
        " !(key in variables.before[kind] && variables.before[kind][key] == variables.now[kind][key]))"
        f" + variables.before[kind].filter(key, !key.startsWith({_OURS}) && !(key in variables.now[kind]))"
        ").filter(keys, keys.size() > 0).map(keys, keys.join(', '))"
    ),
    "taints": "dyn(object).spec.?taints.orValue([])",
    "taintsBefore": "dyn(oldObject).spec.?taints.orValue([])",
    "othersTaints": f"variables.taints.filter(taint, !taint.key.startsWith({_OURS}))",
    "othersTaintsBefore": f"variables.taintsBefore.filter(taint, !taint.key.startsWith({_OURS}))",
    "newTaints": f"variables.taints.filter(taint, taint.key.startsWith({_OURS}) && !(taint in variables.taintsBefore))",
}


def _of_an_approved_product(contract: Contract) -> Rule:
    """A node whose driver fails may lose the label: what we have marked before may still be brought to its end."""
    before = "dyn(oldObject).metadata"
    product = f"{before}.?labels[?{literal(GPU_PRODUCT_LABEL)}].orValue('')"
    products = literal(sorted(approved(contract)))
    marked = " || ".join(f"{before}.?{what}.orValue({{}}).exists(key, key.startsWith({_OURS}))" for what in _MARKS)
    return _about_updates(
        f"{product} in {products} || ({product} == '' && ({marked}))",
        "Fireworks changes only nodes with a GPU product of the contract (capacity.gpus).",
        f"request.name + ' has ' + ({product} == '' ? 'no label {GPU_PRODUCT_LABEL}' : {product})"
        f" + ', and Fireworks changes only nodes with ' + {products}.join(' or ') + ' (capacity.gpus)'",
    )


_MARKS = ("labels", "annotations")
_KINDS = ("label", "annotation")
_ROOM, _MOST_TAINTS = 65_536, 8
_HELD = tuple(
    f".?fieldsV1{part}"
    for part in (
        "",
        *(f"[?'f:{one}']" for one in ("metadata", "spec")),
        *(f"[?'f:metadata'][?'f:{one}']" for one in ("labels", "annotations")),
    )
)
"""Where the managed fields name what a node's appliers hold, each without what is further in."""


def _maintained(side: str) -> str:
    labels = f"dyn({side}).metadata.?labels.orValue({{}})"
    return f"{labels}.filter(key, key == {literal(MAINTENANCE_LABEL)}).map(key, {labels}[key])"


_MAINTENANCE = (
    f"{_maintained('object')} == {_maintained('oldObject')}",
    f"The label {MAINTENANCE_LABEL} is the customer's: Fireworks neither takes nor gives a node by it.",
)


def _cordoned(side: str) -> str:
    return f"dyn({side}).spec.?unschedulable.orValue(false)"


def _says_that_it_is_ours(side: str) -> str:
    return f"dyn({side}).metadata.?annotations[?{literal(CORDONED_ANNOTATION)}].orValue('') == 'true'"


def _size(side: str, what: str) -> str:
    """How much of a node is ours."""
    return (
        f"([0] + variables.{side}['{what}'].map(key,"
        f" key.startsWith({_OURS}) ? key.size() + variables.{side}['{what}'][key].size() : 0)).sum()"
    )


def _applied(side: str) -> str:
    return f"dyn({side}).metadata.?managedFields.orValue([]).filter(one, one.?operation.orValue('') == 'Apply')"


def _no_more(of: str) -> str:
    """Whether an applier has no more of some fields than it had."""
    return f"one{of}.orValue({{}}).all(key, key in had{of}.orValue({{}}))"


_APPLIERS = (
    f"{_applied('object')}.all(one, {_applied('oldObject')}.exists(had, had.manager == one.manager"
    f" && had.apiVersion == one.apiVersion && {' && '.join(map(_no_more, _HELD))}))"
)
_ROOM_IS_LEFT = " && ".join(f"[{_ROOM}, {_size('before', one)}].max() >= {_size('now', one)}" for one in _KINDS)
_OWN_TAINTS = f"variables.taints.filter(taint, taint.key.startsWith({_OURS}))"
_UNCORDONS_ITS_OWN = f"{_cordoned('object')} || !{_cordoned('oldObject')} || {_says_that_it_is_ours('oldObject')}"
_SAYS_SO_AS_IT_CORDONS = (
    f"!({_says_that_it_is_ours('object')}) || {_says_that_it_is_ours('oldObject')}"
    f" || ({_cordoned('object')} && !{_cordoned('oldObject')})"
)
_KEPT_RULES = (
    (_UNCORDONS_ITS_OWN, f"Fireworks uncordons only what it has cordoned ({CORDONED_ANNOTATION})."),
    (
        _SAYS_SO_AS_IT_CORDONS,
        f"Fireworks says that a cordon is its own only where it makes it ({CORDONED_ANNOTATION}).",
    ),
    (
        f"{_ROOM_IS_LEFT} && (variables.newTaints.size() == 0 || {_OWN_TAINTS}.size() <= {_MOST_TAINTS})",
        f"What Fireworks says of a node is at most {_ROOM} characters and {_MOST_TAINTS} taints: others need room too.",
    ),
    (
        _APPLIERS,
        "Fireworks says of no other that it applied what it did not: that would go with what it applies next.",
    ),
)
"""What the rules below leave open until the second version of the prerequisites."""


def _rules(contract: Contract, version: int) -> tuple[Rule, ...]:
    may_cordon = action(contract, "cordon") != "never"
    rules = [
        Rule(
            "variables.update",
            "Fireworks only updates nodes: it does not create, delete or proxy to them, and does not write "
            "their status.",
            "'Fireworks only updates nodes: ' + request.operation + ' of nodes'"
            " + request.?subResource.optMap(sub, '/' + sub).orValue('') + ' is not allowed by the contract'",
        ),
        _about_updates(
            f'dyn(oldObject).metadata.?labels[?{literal(GPU_PRESENT_LABEL)}].orValue("") == "true" || '
            f"{_has_gpus('capacity')} || {_has_gpus('allocatable')}",
            "Fireworks changes GPU nodes only (capacity.gpus), and this node has no GPU.",
            "'Fireworks changes GPU nodes only (capacity.gpus), and ' + request.name + ' has no GPU'",
        ),
        *(
            (_of_an_approved_product(contract), *(_about_updates(*rule) for rule in (_MAINTENANCE, *_KEPT_RULES)))
            if version >= 2
            else ()
        ),
        _about_updates(
            "variables.foreign.size() == 0",
            "Fireworks changes only labels and annotations that begin with byoc.fireworks.ai/.",
            f"'Fireworks changes only labels and annotations that begin with ' + {_OURS} + ', not '"
            " + variables.foreign.join(', ')",
        ),
        _about_updates(
            "variables.othersTaints.size() == variables.othersTaintsBefore.size() && "
            "variables.othersTaints.all(taint, taint in variables.othersTaintsBefore) && "
            "variables.othersTaintsBefore.all(taint, taint in variables.othersTaints)",
            "Fireworks changes only taints that begin with byoc.fireworks.ai/.",
        ),
        _about_updates(
            'variables.newTaints.all(taint, taint.effect != "NoExecute")',
            "Fireworks sets no NoExecute taint: it evicts all pods. Ours are drained by eviction (actions.drain).",
        ),
        _about_updates(
            _same_but("spec", _SPEC_RULED), "Fireworks changes only taints and unschedulable in a node's spec."
        ),
        _about_updates(
            _same_but("metadata", _METADATA_RULED),
            "Fireworks changes only its own labels and annotations in a node's metadata.",
        ),
    ]
    if not may_cordon:
        rules += [
            _about_updates(
                "dyn(object).spec.?unschedulable.orValue(false) == dyn(oldObject).spec.?unschedulable.orValue(false)",
                "Fireworks neither cordons nor uncordons here: the contract's actions.cordon is never.",
            ),
            _about_updates(
                "variables.newTaints.size() == 0",
                "Fireworks sets no taint here: it repels pods, and the contract's actions.cordon is never.",
            ),
        ]
    return tuple(rules)


def _about_updates(expression: str, message: str, details: str = "") -> Rule:
    """A rule that reads both versions of the node: anything but an update has been refused by then."""
    return Rule(f"!variables.update || ({expression})", message, details)
