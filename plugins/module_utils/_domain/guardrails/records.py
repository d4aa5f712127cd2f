# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What our accounts may do to the head of the records: append one line, and nothing else.

The head is one JSON text (``record.head_after``), which CEL cannot parse. So its shape is ruled first: with that shape
each part is where it is looked for, since no text of a writer's choice has a quote or a brace in it.

Whoever may append must not be able to append what keeps the others from it: a number that nothing exceeds, or so much
text that these rules cost more than the API server lets them.
"""

from __future__ import annotations

from ..guardrail_names import RECORDS_GUARDRAIL
from ..names import NAMESPACES, RECORDS, SETUP_NAMESPACE
from ..record import LONGEST_WRITER
from .ours import CONFIG_MAPS_OF_SYSTEM, NOTHING_BUT_DATA
from .policy import Policy, Rule, from_accounts_of, literal

_WHY = (
    "Fireworks only appends to the head of its records, the ConfigMap operation-records: it neither makes nor deletes "
    "it, and rewrites nothing in it."
)
_NAMED = "request.?name.orValue('')"
#: A collection is deleted without a name.
_THE_HEAD = f"{_NAMED} == {literal(RECORDS)} || (request.operation == 'DELETE' && {_NAMED} == '')"
_HASH = "[0-9a-f]{64}"
_TEXT = r'"(?:[^"{}\\]|\\[\\u])*"'
_ENTRY = rf'{_TEXT}: \{{"hash": "{_HASH}", "number": [1-9][0-9]{{0,14}}\}}'
_SHAPE = (
    rf'^\{{"chain": "[0-9a-f]{{1,64}}", "hash": "{_HASH}", "previous": "(?:{_HASH})?", "sequence": [1-9][0-9]*, '
    rf'"writer": {_TEXT}, "writers": \{{(?:(?:, )?{_ENTRY})+\}}\}}$'
)
"""As ``json.dumps`` writes it, with sorted keys, but for commas. A pattern costs by its length, so that of an entry is
here once, and where commas must be is a question of its own."""
_SPELLED_OTHERWISE = r"[^ -~]|\\u(?:00[0-7]|.{0,3}[^0-9a-f])"
"""A character that ``json.dumps`` escapes and is not, one that it does not and is, or no escape."""
_MOST_LINES = 1_000_000
"""By how much a writer's number may grow: the lines that its file has had since the cluster heard of one. Each takes
an operation that the cluster did not hear of."""
_ROOM = 128 * 1024
"""Characters of the head from which on there is no room for another writer: about a thousand."""


def _head(side: str) -> str:
    return f"dyn({side}).?data[?'head'].orValue('')"


def _after(mark: str, until: str, text: str) -> str:
    """What stands between two marks."""
    return f"{text}.split({literal(mark)}, 2)[1].split({literal(until)}, 2)[0]"


def _said(key: str, text: str) -> str:
    return _after(f'"{key}": "', '"', text)


def _sequence(text: str) -> str:
    return "int(" + _after('"sequence": ', ",", text) + ")"


def _number(entry: str) -> str:
    return "int(" + _after('"number": ', "}", entry) + ")"


_BEGINNING = "variables.before == ''"
_WRITERS = literal('"writers": {')
_VARIABLES = {
    "update": "request.operation == 'UPDATE'",
    "before": f"variables.update ? {_head('oldObject')} : ''",
    "after": f"variables.update ? {_head('object')} : ''",
    # The entry of the writer begins with this, and no other place in the text does.
    "mark": f"'\"' + {_said('writer', 'variables.after')} + '\": {{'",
    "kept": f"{_BEGINNING} ? '}}}}' : variables.before.split({_WRITERS}, 2)[1]",
    "old": "variables.kept.split(variables.mark)",
    "new": f"variables.after.split({_WRITERS}, 2)[1].split(variables.mark)",
    "oldRest": "variables.old.size() == 2 ? variables.old[1].substring(variables.old[1].indexOf('}') + 1) : ''",
    "newRest": "variables.new[1].substring(variables.new[1].indexOf('}') + 1)",
    # What the other writers' entries were, if the new one is left out with its comma.
    "others": (
        "variables.newRest.startsWith(', ') ? variables.new[0] + variables.newRest.substring(2)"
        " : variables.new[0].endsWith(', ')"
        " ? variables.new[0].substring(0, variables.new[0].size() - 2) + variables.newRest"
        " : variables.new[0] + variables.newRest"
    ),
}
_RULES = (
    Rule(
        "variables.update",
        "Fireworks neither makes nor deletes the head of its records: fireworks.byoc.presetup makes it, once.",
    ),
    Rule(
        f"!variables.update || ({NOTHING_BUT_DATA} && dyn(object).?data.orValue({{}}).all(key, key == 'head'))",
        "Fireworks writes nothing but the text of the head of its records.",
    ),
    Rule(
        "!variables.update || (!variables.after.contains('{, ') && !variables.after.contains('}\"')"
        f" && variables.after.matches({literal(_SHAPE)}))",
        "The head of the records is not as operation_record writes it.",
    ),
    Rule(
        # To whoever reads it, a name that is spelled otherwise is another writer's.
        f"!variables.update || !variables.after.matches({literal(_SPELLED_OTHERWISE)})",
        "The head of the records spells each character as operation_record does.",
    ),
    Rule(
        f"!variables.update || {_sequence('variables.after')}"
        f" == ({_BEGINNING} ? 0 : {_sequence('variables.before')}) + 1",
        "The head of the records moves on by one line at a time (sequence).",
    ),
    Rule(
        f"!variables.update || {_said('previous', 'variables.after')}"
        f" == ({_BEGINNING} ? '' : {_said('hash', 'variables.before')})",
        "Each line of the records follows the one before it (previous).",
    ),
    Rule(
        f"!variables.update || {_BEGINNING}"
        f" || {_said('chain', 'variables.after')} == {_said('chain', 'variables.before')}",
        "The records of a cluster are one chain, which nobody begins anew.",
    ),
    Rule(
        "!variables.update || (variables.new.size() == 2"
        f" && {_said('hash', 'variables.new[1]')} == {_said('hash', 'variables.after')})",
        "The line is its writer's last one.",
    ),
    Rule(
        "!variables.update || (variables.old.size() == 2"
        " ? variables.old[0] == variables.new[0] && variables.oldRest == variables.newRest"
        f" && {_number('variables.new[1]')} > {_number('variables.old[1]')}"
        " : variables.old.size() == 1 && variables.others == variables.kept)",
        "The head of the records keeps what it says of other writers, and no writer's lines become fewer.",
    ),
    Rule(
        f"!variables.update || {_number('variables.new[1]')}"
        f" <= (variables.old.size() == 2 ? {_number('variables.old[1]')} : 0) + {_MOST_LINES}",
        f"The number of a writer's lines grows by at most {_MOST_LINES} at a time.",
    ),
    Rule(
        f"!variables.update || {_said('writer', 'variables.after')}.size() <= {LONGEST_WRITER}",
        f"The name of a writer has at most {LONGEST_WRITER} characters (records_writer).",
    ),
    Rule(
        f"!variables.update || variables.old.size() == 2 || variables.before.size() <= {_ROOM}",
        "The head of the records has no room for another writer: an administrator of the cluster takes out those that"
        " are gone.",
    ),
)


def records_policy() -> Policy:
    """The guardrail ``fireworks-records``."""
    return Policy(
        name=RECORDS_GUARDRAIL,
        why=_WHY,
        match=CONFIG_MAPS_OF_SYSTEM,
        conditions={"from-fireworks": from_accounts_of(*NAMESPACES, SETUP_NAMESPACE), "the-head": _THE_HEAD},
        variables=_VARIABLES,
        rules=_RULES,
    )
