# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold inside a contract's ``alerts``. Each rule tolerates data that other checks refuse."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .errors import shown
from .names import did_you_mean
from .schema_alerts import ALERT_SEVERITIES, RECEIVER_KINDS
from .schema_health import OWNERS, TOPICS
from .views import entries, mapping, word

Data = Mapping[Any, Any]
Found = Iterator[tuple[tuple[Any, ...], str]]
#: Owner, contact and severity of an alert; ours have no contact.
Cell = tuple[str, str, str]

_CUSTOMER = "customer"
CELLS: tuple[Cell, ...] = tuple(
    (owner, contact, severity)
    for owner in OWNERS
    for contact in (TOPICS if owner == _CUSTOMER else [""])
    for severity in ALERT_SEVERITIES
)


def route_takes(route: Data, cell: Cell) -> bool:
    """Whether a route fits alerts of this owner, contact and severity."""
    owner, contact, severity = cell
    least = str(route.get("severity") or ALERT_SEVERITIES[0])
    return (
        route.get("owner") in (None, owner)
        and route.get("contact") in (None, contact)
        and (least not in ALERT_SEVERITIES or ALERT_SEVERITIES.index(severity) >= ALERT_SEVERITIES.index(least))
    )


def receivers_are_whole(data: Data) -> Found:
    """A receiver has a name of its own and is of one kind; a webhook has one address; who logs in has a password."""
    first: dict[str, int] = {}
    for index, receiver in entries(mapping(data, "alerts"), "receivers"):
        place = ("alerts", "receivers", index)
        name, kinds = word(receiver, "name"), [kind for kind in RECEIVER_KINDS if kind in receiver]
        if name in first:
            yield (*place, "name"), f"{shown(name)} is in receivers[{first[name]}] already: give one another name"
        elif name is not None:
            first[name] = index
        if len(kinds) != 1:
            said = f"has {' and '.join(kinds)}" if kinds else "says nothing of where alerts arrive"
            yield place, f"{said}: give exactly one of {', '.join(RECEIVER_KINDS)}"
        yield from _addressed(receiver, place)


def _addressed(receiver: Data, place: tuple[Any, ...]) -> Found:
    webhook, email = mapping(receiver, "webhook"), mapping(receiver, "email")
    if "webhook" in receiver and ("url" in webhook) == ("url_secret" in webhook):
        yield (*place, "webhook"), "has one address: give exactly one of url, url_secret"
    if ("username" in email) != ("password_secret" in email):
        yield (*place, "email"), "has username or password_secret alone: give both or neither"


def receivers_are_named(data: Data) -> Found:
    """Whatever names a receiver names one that is there, and each is named by something."""
    alerts = mapping(data, "alerts")
    known = {name: index for index, one in entries(alerts, "receivers") if (name := word(one, "name")) is not None}
    used = {place: name for place, name in _names(alerts) if isinstance(name, str)}
    wrong = {place: name for place, name in used.items() if known and name not in known}
    for place, name in wrong.items():
        yield ("alerts", *place), f"{shown(name)} is no receiver: {did_you_mean(name, list(known))}"
    for name, index in known.items():
        if name not in used.values() and not wrong:  # else one of those may mean it
            yield (
                ("alerts", "receivers", index, "name"),
                f"nothing sends to {shown(name)}: name it in routes, default_receiver or watchdog, or remove it",
            )


def _names(alerts: Data) -> Iterator[tuple[tuple[Any, ...], Any]]:
    for key in ("default_receiver", "watchdog"):
        yield (key,), alerts.get(key)
    for index, route in entries(alerts, "routes"):
        receivers = route.get("receivers")
        for number, name in enumerate(receivers if isinstance(receivers, list) else []):
            yield ("routes", index, "receivers", number), name


def routes_are_reached(data: Data) -> Found:
    """Each route fits some alert that no route before it takes; a contact is the customer's."""
    left = set(CELLS)
    for index, route in entries(mapping(data, "alerts"), "routes"):
        if route.get("contact") is not None and route.get("owner") not in (None, _CUSTOMER):
            message = "belongs to alerts of the customer's: remove it, or write owner: customer"
            yield ("alerts", "routes", index, "contact"), message
            continue
        if route.get("owner") not in (None, *OWNERS) or route.get("contact") not in (None, *TOPICS):
            continue  # the schema says so
        taken = {cell for cell in left if route_takes(route, cell)}
        if not taken:
            yield ("alerts", "routes", index), "fits no alert that the routes before it leave: put it before them"
        left -= taken


ALERTS_RULES: tuple[Callable[[Data], Found], ...] = (receivers_are_whole, receivers_are_named, routes_are_reached)
