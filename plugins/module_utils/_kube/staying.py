# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why an object that is being deleted is still there, out of the object itself. Pure.

A namespace goes once every kind of object in it was listed and is gone. Where an APIService does not answer, no kind of
that group can be listed, and every namespace that anybody deletes stays. Conditions: those of the namespace controller,
``NamespaceDeletion…``, ``NamespaceContentRemaining`` and ``NamespaceFinalizersRemaining``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._vocabulary.listing import few
from .objects import Ref

_DISCOVERY = "NamespaceDeletionDiscoveryFailure"
_SHOWN = 5
APISERVICES = (
    "make its APIService answer, or delete it if nothing serves it: kubectl get apiservices shows which is False"
)
FINALIZERS = "look for finalizers on these objects, then run again"


def why_it_stays(live: Mapping[str, Any]) -> str:
    """What its conditions say, else which finalizers it has; empty where it tells neither."""
    conditions = [one for one in _conditions(live) if one.get("status") == "True"]
    # That of discovery is the cause of others.
    conditions.sort(key=lambda one: (one.get("type") != _DISCOVERY, str(one.get("type"))))
    told = [" ".join(str(one.get("message") or one.get("type")).split()) for one in conditions]
    finalizers = (live.get("metadata") or {}).get("finalizers") or ()
    return few(told, _SHOWN) or (f"it has the finalizers {few(list(finalizers), _SHOWN, ', ')}" if finalizers else "")


def what_to_do(live: Mapping[str, Any]) -> str:
    """The next step about it."""
    broken = any(one.get("type") == _DISCOVERY and one.get("status") == "True" for one in _conditions(live))
    return APISERVICES if broken else FINALIZERS


def told(still: Mapping[Ref, Mapping[str, Any]]) -> tuple[str, str]:
    """Of what is still there: which objects, each with why it stays; and what to do about it."""
    entries = [f"{ref} ({why})" if (why := why_it_stays(live)) else str(ref) for ref, live in still.items()]
    steps = dict.fromkeys(map(what_to_do, still.values()))
    return few(entries, separator=", "), "; ".join(steps)


def held_namespaces(live: Mapping[Ref, Mapping[str, Any]]) -> list[tuple[Ref, str]]:
    """Of some live objects, the namespaces that are being deleted and say what they wait for: nothing new goes in."""
    return [
        (ref, f"is being deleted, and stays: {why}; {what_to_do(one)}")
        for ref, one in live.items()
        if ref.kind == "Namespace" and one["metadata"].get("deletionTimestamp") and (why := why_it_stays(one))
    ]


def _conditions(live: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    # Other kinds have conditions of other things, which say nothing of their end.
    return list((live.get("status") or {}).get("conditions") or ()) if live.get("kind") == "Namespace" else []
