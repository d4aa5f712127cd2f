# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The setup grants that are open in a cluster, and what a run that asks for one does about them.

A run that was killed may have left a grant, live, that nobody was told of. The next one takes it up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..contract.rules import SHORTEST_TOKEN
from ..names import PREFIX, SETUP_NAMESPACE, SETUP_SET
from .grant import Grant, as_moment, setup_grant, spaced

_GRANTED_TO, _REASON, _UNTIL, _LIFETIME = (PREFIX + key for key in ("granted-to", "reason", "until", "lifetime"))
_TOKENS, _NEVER = PREFIX + "issues-tokens", "never"
UNKNOWN_TOKENS = "unknown"
"""Whether tokens that a grant issued still live: an older version of this collection let it issue any."""


@dataclass(frozen=True)
class OpenGrant:
    """A grant that somebody may use, or, where it is not ``made`` yet, that a run was about to make."""

    name: str
    grantee: str
    reason: str
    until: str
    lifetime: str
    made: bool = True
    tokens: bool = True


def notes_of(grant: Grant) -> dict[str, str]:
    """The annotations by which the grant's set says what it is."""
    notes = {_GRANTED_TO: grant.grantee, _REASON: grant.reason, _UNTIL: grant.until, _LIFETIME: grant.lifetime}
    notes[_TOKENS] = "" if grant.tokens else _NEVER
    return {key: text for key, text in notes.items() if text}


def open_grants(objects: Iterable[Mapping[str, Any]]) -> list[OpenGrant]:
    """The open grants among all objects of ours, each with its ``annotations``.

    A grant is known by its set, which is written before all else of it and removed last. One with a binding and
    without an account has been given up; without both, it was not made yet.
    """
    known = list(objects)
    accounts = {one["name"] for one in known if (one["kind"], one["namespace"]) == ("ServiceAccount", SETUP_NAMESPACE)}
    bindings = {one["name"] for one in known if one["kind"] == "ClusterRoleBinding"}
    found = []
    for one in known:
        place = (one["kind"], one["namespace"]) == ("ConfigMap", SETUP_NAMESPACE)
        if not place or not str(one["name"]).startswith(f"{SETUP_SET}-"):
            continue
        name = "setup-" + str(one["name"]).removeprefix(f"{SETUP_SET}-")
        if name in accounts or f"fireworks-{name}" not in bindings:
            notes = one.get("annotations") or {}
            grantee, reason, until, lifetime = (
                str(notes.get(key, "")) for key in (_GRANTED_TO, _REASON, _UNTIL, _LIFETIME)
            )
            made = name in accounts and f"fireworks-{name}" in bindings
            tokens = notes.get(_TOKENS) != _NEVER
            found.append(OpenGrant(name, grantee, reason, until, lifetime, made, tokens))
    return found


def issued_tokens(grant: str, objects: Iterable[Mapping[str, Any]]) -> str:
    """What is known of the tokens of other accounts that a grant issued, in words; Kubernetes keeps no list of them.

    :param objects: all objects of ours while the grant was there.
    """
    its_set = ("ConfigMap", SETUP_NAMESPACE, f"{SETUP_SET}-{grant.removeprefix('setup-')}")
    known = [one for one in objects if (one["kind"], one["namespace"], one["name"]) == its_set]
    never = any((one.get("annotations") or {}).get(_TOKENS) == _NEVER for one in known)
    return "none: it could issue none" if never else UNKNOWN_TOKENS


def beside(grant: Grant, known: Iterable[OpenGrant]) -> list[Grant]:
    """The other grants that are made: an older version of this collection may have given them more."""
    others = [one for one in known if one.made and one.name != grant.name]
    return [
        Grant(one.name, one.grantee, one.reason, one.until, seconds=0, lifetime=one.lifetime, tokens=one.tokens)
        for one in others
    ]


def taken_up(wanted: Grant, known: Sequence[OpenGrant], now: str) -> tuple[Grant, list[OpenGrant]]:
    """The grant that a run goes on with, and the open ones of the same grantee and reason that are in its way.

    What was asked for alike is the same grant, with the end that it has: it is never prolonged. One for which the API
    server would give no token any more, because that would outlive it, is in the way like one with another end.
    """
    same = [one for one in known if _is_alike(one, wanted, now)]
    fitting = [grant for one in same if (grant := _again(one, wanted, now))]
    grant = max(fitting, key=lambda each: each.until, default=wanted)
    return grant, [one for one in same if one.name != grant.name]


def _is_alike(one: OpenGrant, wanted: Grant, now: str) -> bool:
    return (one.grantee, one.reason) == (spaced(wanted.grantee), spaced(wanted.reason)) and _left(one, now) > 0


def _again(one: OpenGrant, wanted: Grant, now: str) -> Grant | None:
    asked_alike = one.lifetime == wanted.lifetime if wanted.lifetime else one.until == wanted.until
    if not asked_alike or _left(one, now) < SHORTEST_TOKEN.total_seconds():
        return None
    again = setup_grant(wanted.grantee, wanted.reason, one.until, now)
    return replace(again, lifetime=one.lifetime, tokens=one.tokens) if again.name == one.name else None


def _left(one: OpenGrant, now: str) -> float:
    try:
        return (as_moment(one.until) - as_moment(now)).total_seconds()
    except ValueError:
        return 0.0  # nothing of ours ends so
