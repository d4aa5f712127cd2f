# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What our accounts may do to incidents: open one, and append what happened next, at the time at which they do it.

Both sides read them, and the minutes of each are counted by them. So nobody of ours changes what was said, or says it
of another time: the API server notes when an object was written (``managedFields``), and an entry has to be of then.
"""

from __future__ import annotations

from ..guardrail_names import INCIDENTS_GUARDRAIL
from ..incident.incident import CLOSED, MOST_BYTES, MOST_OF_ONE, MOST_OF_THE_LAST, NOTED, OPENED, SEEN
from ..names import INCIDENT_PREFIX, NAMESPACES, SETUP_NAMESPACE
from .ours import CONFIG_MAPS_OF_SYSTEM, NOTHING_BUT_DATA, only
from .policy import Policy, Rule, from_accounts_of, literal

_WHY = (
    "Fireworks only appends to incidents, the ConfigMaps incident-<number>: it deletes none, rewrites nothing in them, "
    "and says when it wrote each entry."
)
_NAMED = "(object == null ? request.?name.orValue('') : string(dyn(object).metadata.?name.orValue('')))"
#: A collection is deleted without a name.
_AN_INCIDENT = f"{_NAMED}.startsWith({literal(INCIDENT_PREFIX)}) || (request.operation == 'DELETE' && {_NAMED} == '')"
_BEGINS, _MOMENT = '{"at": "', "2026-11-29T21:00:00Z"
_AT = (len(_BEGINS), len(_BEGINS) + len(_MOMENT))
_SHAPE = (
    r'^\{"at": "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", '
    rf'"did": "(?:{OPENED}|{SEEN}|{NOTED}|{CLOSED})"[,}}]'
)
_CLOSES = f'", "did": "{CLOSED}"'
_CLOCKS_DIFFER = 300
"""Seconds that a write may take, with all that is tried again."""
_VARIABLES = {
    "written": "request.operation != 'DELETE'",
    "before": "request.operation == 'UPDATE' ? dyn(oldObject).?data.orValue({}) : {}",
    "after": "variables.written ? dyn(object).?data.orValue({}) : {}",
    "next": "string(variables.before.size() + 1)",
    "text": "string(variables.after[?variables.next].orValue(''))",
    "hasShape": f"variables.text.matches({literal(_SHAPE)}) && variables.text.endsWith('}}')",
    "at": f"variables.hasShape ? int(timestamp(variables.text.substring({_AT[0]}, {_AT[1]}))) : 0",
    "noted": (
        "variables.written ? dyn(object).metadata.?managedFields.orValue([]).map(one, int(timestamp(one.time))) : []"
    ),
    "unnoted": (
        "request.operation == 'UPDATE' && dyn(oldObject).metadata.?managedFields.orValue([]).size() == 0"
        " && variables.noted.size() == 0"
    ),
    "closes": (f"variables.hasShape && variables.text.substring({_AT[1]}).startsWith({literal(_CLOSES)})"),
    "sizes": "variables.before.map(key, string(variables.before[key]).size())",
}

_RULES = (
    Rule("variables.written", "Fireworks deletes no incident."),
    Rule(
        f"request.operation != 'UPDATE' || ({NOTHING_BUT_DATA})",
        "Fireworks changes nothing of an incident but its entries.",
    ),
    Rule(
        f"request.operation != 'CREATE' || ({only('dyn(object)', ('apiVersion', 'kind', 'metadata', 'data'))})",
        "An incident of Fireworks has entries and nothing else.",
    ),
    Rule(
        "!variables.written || (variables.after.size() == variables.before.size() + 1"
        " && variables.before.all(key, key in variables.after && variables.after[key] == variables.before[key])"
        " && variables.next in variables.after)",
        "Fireworks appends to an incident one entry at a time, by the next number, and changes none.",
    ),
    Rule(
        "!variables.written || variables.hasShape",
        "An entry of an incident begins with its moment and what was done (at, did).",
    ),
    Rule(
        # Where an administrator has taken all of these away, the API server notes none any more.
        "!variables.hasShape || variables.unnoted"
        f" || (variables.noted.all(at, variables.at >= at - {_CLOCKS_DIFFER})"
        f" && variables.noted.exists(at, variables.at <= at + {_CLOCKS_DIFFER}))",
        "An entry of an incident is of the time at which it is written, by the API server's clock.",
    ),
    Rule(
        # The server's own is one: whoever sends more says that it was written at another time.
        "!variables.written || dyn(object).metadata.?managedFields.orValue([]).filter(one, oldObject == null"
        " || !(one in dyn(oldObject).metadata.?managedFields.orValue([]))).size() <= 1",
        "When an incident was written, only the API server says.",
    ),
    Rule(
        f"!variables.written || (variables.text.size() <= {MOST_OF_ONE} && (variables.before.size() == 0"
        f" || variables.sizes.sum() + variables.text.size() <= {MOST_BYTES}"
        f" || (variables.closes && variables.text.size() <= {MOST_OF_THE_LAST})))",
        "An incident has no room for more: it can still be closed, and another one opened.",
    ),
)


def incidents_policy() -> Policy:
    """The guardrail ``fireworks-incidents``."""
    return Policy(
        name=INCIDENTS_GUARDRAIL,
        why=_WHY,
        match=CONFIG_MAPS_OF_SYSTEM,
        conditions={"from-fireworks": from_accounts_of(*NAMESPACES, SETUP_NAMESPACE), "an-incident": _AN_INCIDENT},
        variables=_VARIABLES,
        rules=_RULES,
    )
