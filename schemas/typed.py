# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A schema as Python's types: a TypedDict for each of its mappings, a Literal for each of its choices."""

from __future__ import annotations

import keyword
import re
import textwrap
from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]
WIDTH = 120

#: The name of what is at each place, where its title would be the name of something else or say too little.
NAMES = {
    "": "Contract",
    "access.mode": "AccessMode",
    "access.credential.lookup.gives": "Fetched",
    "capacity.gpus[]": "ApprovedGpus",
    # A Window and a Freeze are those that have been parsed.
    "change.windows[]": "AgreedWindow",
    "change.freezes[]": "AgreedFreeze",
    "change.approvals.sources[]": "ApprovalSource",
    "health.expect[]": "ExpectedNode",
    "health.sources": "SignalSources",
    "health.observer_may_list[]": "ObservedKind",
    "health.scrape[]": "ScrapedService",
    "health.scrape[].what": "Scraped",
    "health.events": "HealthEvents",
    "health.faults[]": "OtherFault",
    "health.faults[].action": "FaultAction",
    "alerts.receivers[].email": "Email",
    "alerts.routes[].severity": "AlertSeverity",
    "efficiency.mode": "EfficiencyMode",
    "models[].source.credential": "SourceCredential",
    "models[].source.credential.secret": "MountedSecret",
    "models[].architecture.dtype": "WeightsType",
    "models[].kv_cache_dtype": "CacheType",
    "models[].scaling": "ModelScaling",
    "models[].scaling.schedules[]": "Schedule",
    "models[].objectives.time_to_first_token.within": "FirstTokenBound",
    "models[].objectives.inter_token_latency.within": "TokenBound",
}
#: What is the same at several places, by a pattern of them: its name, and of a mapping what it is.
SHARED = {
    r"actions\.\w+": ("Action", ""),
    r"alerts\..*_secret|health\.events\.token_secret": ("Secret", "One key of a Secret in fireworks-system."),
    r"capacity\.quotas\.\w+": ("Quota", "The most of each that our objects in one namespace may take together."),
    r"change\.approvals\.\w+": ("Approval", ""),
    r"contacts\.\w+": ("Contact", "A team or a person of the customer."),
    r".*\.weekly\[\]": ("Weekday", ""),
    r".*\.owner": ("ActingOwner", ""),
    r".*\.contact": ("Topic", ""),
}
_VALUES = {"string": "str", "integer": "int", "number": "float", "boolean": "bool"}
_HEAD = '''\
# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The types of a contract that has been validated: made from its schema by ``python schemas/generate.py``.

What is not ``NotRequired`` is in every contract. A key with a default is ``NotRequired`` too: a run may be given a
contract that an older release has read, when there was no such key. ``defaults.said`` reads it.
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict
'''


class SameNameError(ValueError):
    """Two things that differ have one name."""


def typed_text(schema: Schema) -> str:
    """The module that declares the types of what is valid by ``schema``."""
    made: dict[str, str] = {}
    for name, text in _types(schema, ""):
        if made.setdefault(name, text) != text:
            raise SameNameError(f"{name} is the name of two things: give one of them another in {__name__}.NAMES")
    choices = "".join(text for text in made.values() if " = Literal" in text)
    mappings = "".join(f"\n\n{text}" for text in made.values() if " = Literal" not in text)
    return f"{_HEAD}\n{choices}{mappings}"


def _types(schema: Schema, place: str) -> Iterator[tuple[str, str]]:
    """The name and the declaration of all that has one, each after those that it is made of."""
    if "enum" in schema:
        yield (name := _name(schema, place)), _choice(name, schema["enum"])
    for key, sub in schema.get("properties", {}).items():
        yield from _types(sub, f"{place}.{key}".lstrip("."))
    if "items" in schema:
        yield from _types(schema["items"], f"{place}[]")
    if "properties" in schema:
        yield (name := _name(schema, place)), _mapping(name, schema, place)


def _name(schema: Schema, place: str) -> str:
    titled = "".join(word[:1].upper() + word[1:].lower() for word in re.findall(r"[A-Za-z]+", schema["title"]))
    shared = next((name for pattern, (name, _what) in SHARED.items() if re.fullmatch(pattern, place)), None)
    return NAMES.get(place) or shared or titled


def _type(schema: Schema, place: str) -> str:
    """The type of a value."""
    if "enum" in schema or "properties" in schema:
        return _name(schema, place)
    kind = schema["type"]
    if kind == "array":
        return f"list[{_type(schema['items'], f'{place}[]')}]"
    if kind == "object":
        return f"dict[str, {_type(schema['additionalProperties'], f'{place}.*')}]"
    return " | ".join(_VALUES[each] for each in ([kind] if isinstance(kind, str) else kind))


def _choice(name: str, values: list[str]) -> str:
    line = f"{name} = Literal[{', '.join(map(_quoted, values))}]\n"
    if len(line) <= WIDTH:
        return line
    return f"{name} = Literal[\n" + "".join(f"    {_quoted(value)},\n" for value in values) + "]\n"


def _mapping(name: str, schema: Schema, place: str) -> str:
    what = next((text for pattern, (_name, text) in SHARED.items() if text and re.fullmatch(pattern, place)), None)
    first_sentence = re.split(r"(?<=\.) ", what or schema["description"])[0]
    keys = {key: _type(sub, f"{place}.{key}".lstrip(".")) for key, sub in schema["properties"].items()}
    fields = {key: kind if key in schema["required"] else f"NotRequired[{kind}]" for key, kind in keys.items()}
    if any(map(keyword.iskeyword, fields)):
        lines = "".join(f"        {_quoted(key)}: {kind},\n" for key, kind in fields.items())
        return f'{name} = TypedDict(\n    "{name}",\n    {{\n{lines}    }},\n)\n{_documentation(first_sentence, "")}'
    lines = "".join(f"    {key}: {kind}\n" for key, kind in fields.items())
    return f"class {name}(TypedDict):\n{_documentation(first_sentence, '    ')}\n{lines}"


def _documentation(text: str, margin: str) -> str:
    return "".join(f"{margin}{line}\n" for line in textwrap.wrap(f'"""{text}"""', WIDTH - len(margin)))


def _quoted(text: str) -> str:
    return f'"{text}"'
