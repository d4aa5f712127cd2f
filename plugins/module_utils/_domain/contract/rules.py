# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold between the parts of a contract. Each rule tolerates data that other checks refuse."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from .access_rules import ACCESS_RULES
from .alerts_rules import ALERTS_RULES
from .capacity_rules import CAPACITY_RULES
from .durations import parse_duration
from .errors import shown
from .health_rules import HEALTH_RULES
from .model_rules import MODEL_RULES
from .source_rules import SOURCE_RULES
from .telemetry_rules import TELEMETRY_RULES
from .views import entries, mapping, word
from .windows import parse_moment, parse_rrule

Data = Mapping[Any, Any]
Found = Iterator[tuple[tuple[Any, ...], str]]

# Names that mean something else to Ansible than a cluster.
RESERVED = ("all", "byoc", "localhost", "ungrouped")
SHORTEST_TOKEN = timedelta(minutes=10)
"""The API server grants no token a shorter life."""
_LONGEST_TOKEN = timedelta(hours=24)
LONGEST_WINDOW = timedelta(days=366)


def name_is_free(data: Data) -> Found:
    """The cluster's name is no group's and not the machine that runs Ansible."""
    name = word(mapping(data, "identity"), "name")
    if name in RESERVED:
        yield ("identity", "name"), f"'{name}' means something else to Ansible: give the cluster another name"


def tokens_are_short_lived(data: Data) -> Found:
    """A token of ours lives no longer than a day, and no shorter than the API server grants."""
    lifetime = word(mapping(data, "access"), "token_lifetime")
    try:
        asked = parse_duration(lifetime or "")
    except ValueError:
        return
    if not SHORTEST_TOKEN <= asked <= _LONGEST_TOKEN:
        yield ("access", "token_lifetime"), f"'{lifetime}' is not between 10m and 24h: write it like 8h"


def region_is_allowed(data: Data) -> Found:
    """The cluster is in a region that the customer's rules allow."""
    region = word(mapping(data, "identity"), "region")
    regions = mapping(data, "compliance").get("regions")
    if region and isinstance(regions, list) and regions and region not in regions:
        names = ", ".join(shown(one) for one in regions[:10])
        yield (
            ("identity", "region"),
            f"{shown(region)} is not among compliance.regions ({names}): correct whichever is wrong",
        )


def windows_open(data: Data) -> Found:
    """Every recurrence rule can be read and opens some day."""
    for index, window in entries(mapping(data, "change"), "windows"):
        yield from _opens(("change", "windows", index), window)
    for index, model in entries(data, "models"):
        for number, schedule in entries(mapping(model, "scaling"), "schedules"):
            yield from _opens(("models", index, "scaling", "schedules", number), schedule)


def freezes_end(data: Data) -> Found:
    """Every freeze ends after it begins."""
    for index, freeze in entries(mapping(data, "change"), "freezes"):
        first, until = word(freeze, "from"), word(freeze, "until")
        if first and until and _is_moment(first) and _is_moment(until) and parse_moment(until) <= parse_moment(first):
            message = f"'{until}' is not after its beginning, '{first}': swap them or correct the year"
            yield ("change", "freezes", index, "until"), message


def _opens(place: tuple[Any, ...], window: Data) -> Found:
    yield from _ends(place, word(window, "duration") or "")
    rule, first = word(window, "rrule"), word(window, "from")
    if rule is None or len(rule) > 500 or (first is not None and not _is_moment(first)):
        return
    try:
        parse_rrule(rule, first=first)
    except ValueError as error:
        yield (*place, "rrule"), f"{shown(rule)} {error}"


def _ends(place: tuple[Any, ...], duration: str) -> Found:
    """A window that lasts longer than a year is none."""
    try:
        lasts = parse_duration(duration)
    except ValueError:
        return
    if lasts > LONGEST_WINDOW:
        yield (
            (*place, "duration"),
            f"'{duration}' is longer than a year: write 366d at most; what holds at any time needs no window",
        )


def _is_moment(text: str) -> bool:
    try:
        parse_moment(text)
    except ValueError:
        return False
    return True


RULES: tuple[Callable[[Data], Found], ...] = (
    name_is_free,
    tokens_are_short_lived,
    region_is_allowed,
    windows_open,
    freezes_end,
    *ACCESS_RULES,
    *ALERTS_RULES,
    *CAPACITY_RULES,
    *HEALTH_RULES,
    *MODEL_RULES,
    *SOURCE_RULES,
    *TELEMETRY_RULES,
)
