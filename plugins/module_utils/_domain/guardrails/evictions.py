# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which pods our accounts may evict, or take from their owners to be replaced, and until when: a grant of the
customer's ends in the API server, by its clock.

An eviction has no ``creationTimestamp``. But of a request to a subresource the API server ignores the managed fields
that the client sends, and notes its own time in them for whatever the eviction says. See docs/decisions/0028. Of a pod
that is updated the latest time counts: the server's own is among them, and a client could only add a later one.
"""

from __future__ import annotations

from ..access.eviction_grant import LONGEST
from ..contract.typed import Contract
from ..guardrail_names import EVICTIONS_GUARDRAIL
from ..identities.conditions import action, drains_by_grant
from ..identities.needs import NODE_MEDIC
from ..names import EVICTION_PODS_ANNOTATION, EVICTION_UNTIL_ANNOTATION, SYSTEM_NAMESPACE, account_user
from .ours import BY_US, in_our_namespaces
from .pods import HASH, HASH_BEFORE
from .policy import Policy, Rule, literal

_WHY = (
    "Fireworks evicts pods only by its node medic, and only as actions.drain of the contract says: where that is "
    "approve, until the moment in the annotation byoc.fireworks.ai/eviction-until of fireworks-system."
)
_PARAMETER = {"apiVersion": "v1", "kind": "Namespace", "name": SYSTEM_NAMESPACE}
_CLOCKS_DIFFER = 300
"""Seconds that the clock of whoever grants may be ahead of the API server's."""

_EVICTS = "request.?subResource.orValue('') == 'eviction'"
# What has one pod too many deletes one, and asks neither a budget nor anybody: whoever may take pods and return them
# may empty a node.
_TAKES = f"{_EVICTS} || (request.operation == 'UPDATE' && {HASH} == '' && {HASH_BEFORE} != '')"
_VARIABLES = {
    "notes": "dyn(params).metadata.?annotations.orValue({})",
    "until": f"variables.notes[?{literal(EVICTION_UNTIL_ANNOTATION)}].orValue('')",
    "times": "dyn(object).metadata.?managedFields.orValue([]).map(one, int(timestamp(one.time)))",
    # Lists of at most one, since what is not there has no time.
    "now": f"{_EVICTS} ? variables.times : variables.times.size() == 0 ? [] : [variables.times.max()]",
    "end": "variables.until == '' ? [] : [int(timestamp(variables.until))]",
    "pod": (
        f"{_EVICTS} ? dyn(object).?deleteOptions.?preconditions.?uid.orValue('')"
        " : string(dyn(object).metadata.?uid.orValue(''))"
    ),
}
_GRANT = "fireworks.byoc.grant_eviction"
_BY_THE_MEDIC = Rule(
    f"request.userInfo.username == {literal(account_user(NODE_MEDIC))}",
    "Of Fireworks only the node medic evicts pods or replaces them.",
)
_NEVER = Rule("false", "Fireworks evicts no pods here: the contract's actions.drain is never.")
_BY_GRANT = (
    Rule(
        "variables.end.size() == 1",
        f"Not granted: the contract's actions.drain is approve, and your administrators have granted no evictions"
        f" ({_GRANT}).",
    ),
    Rule(
        "variables.end.size() == 0 || variables.now.size() == 1",
        "An eviction names the pod by its UID (deleteOptions.preconditions): of one that says nothing the API server"
        " notes no time.",
    ),
    Rule(
        "variables.end.size() == 0 || variables.now.all(now, now < variables.end[0])",
        f"Not granted: the grant of evictions has ended ({_GRANT}).",
        f"'the grant of evictions ended at ' + variables.until + '; your administrators give another ({_GRANT})'",
    ),
    Rule(
        "variables.end.size() == 0"
        f" || variables.now.all(now, variables.end[0] <= now + {int(LONGEST.total_seconds())} + {_CLOCKS_DIFFER})",
        "Not granted: evictions are granted for at most an hour, and the end of this grant is later"
        f" ({EVICTION_UNTIL_ANNOTATION}).",
    ),
    Rule(
        f"!({literal(EVICTION_PODS_ANNOTATION)} in variables.notes)"
        f" || variables.pod in variables.notes[{literal(EVICTION_PODS_ANNOTATION)}].split(' ')",
        "Not granted: the grant of evictions is for the pods of other nodes.",
        "'the grant of evictions is for certain nodes, and ' + request.name + ' was not on one of them when it was"
        f" given; your administrators give it again with that node ({_GRANT})'",
    ),
)


def evictions_policy(contract: Contract) -> Policy:
    """The guardrail ``fireworks-evictions``."""
    if action(contract, "drain") == "never":
        rules: tuple[Rule, ...] = (_NEVER,)
    else:
        rules = (_BY_THE_MEDIC, *(_BY_GRANT if drains_by_grant(contract) else ()))
    by_grant = drains_by_grant(contract)
    return Policy(
        name=EVICTIONS_GUARDRAIL,
        why=_WHY,
        match=in_our_namespaces([("", "*", "pods/eviction"), ("", "*", "pods")], ("CREATE", "UPDATE")),
        conditions={**BY_US, "takes-a-pod": _TAKES},
        parameter=_PARAMETER if by_grant else {},
        # Our accounts are gone with this namespace, and everybody else may evict.
        without="Allow",
        variables=_VARIABLES if by_grant else {},
        rules=rules,
    )
