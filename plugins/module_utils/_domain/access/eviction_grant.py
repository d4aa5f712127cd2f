# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The customer's grant of evictions: until when, of whose pods, for whom and why; and how a cluster keeps it.

It is a RoleBinding, which gives the right, and annotations of ``fireworks-system``, by which the guardrail
``fireworks-evictions`` ends it. Neither counts without the other. The binding is made last and removed first, so that
where it is there the annotations are.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from ..._vocabulary.others_json import read_json
from ..moments import seconds_at
from ..names import EVICTION_GRANT_ANNOTATION, EVICTION_PODS_ANNOTATION, EVICTION_UNTIL_ANNOTATION
from .grant import as_moment, grant_end, lifetime_of, spaced

LONGEST = timedelta(hours=1)
"""So long a grant lasts at most."""

Data = Mapping[str, Any]


@dataclass(frozen=True)
class EvictionGrant:
    """One grant.

    :param until: in RFC 3339. :param lifetime: for how long it was asked for; empty where its end was named.
    :param nodes: on which nodes; on all of them where none is named. :param pods: the UIDs of ours that were on them.
    :param granted_by: the Kubernetes user who wrote it.
    """

    until: str
    requested_by: str = ""
    reason: str = ""
    lifetime: str = ""
    nodes: tuple[str, ...] = ()
    pods: tuple[str, ...] = ()
    granted_by: str = ""

    def ended(self, now: float) -> bool:
        """Whether it has ended. What cannot be read has: the API server counts it as no grant, too."""
        end = seconds_at(self.until)
        return end is None or end <= now


def wanted_grant(until: str, nodes: Iterable[str], requested_by: str, reason: str, now: str) -> EvictionGrant:
    """The grant that is asked for. Raises ValueError where something is missing, or it would not end within an hour.

    :param until: a span from ``now`` (``1h``), or a time with its zone.
    """
    for key, text in (("requested_by", requested_by), ("reason", reason)):
        if not spaced(text):
            raise ValueError(f"{key}: it is empty, and a grant says who asked for it and why")
    end = grant_end(until, now)
    left = as_moment(end) - as_moment(now)
    if left <= timedelta():
        raise ValueError(f"until: {end} is in the past")
    if left > LONGEST:
        raise ValueError(f"until: {end} is too late: evictions are granted for at most an hour")
    named = tuple(sorted(set(nodes)))
    return EvictionGrant(end, spaced(requested_by), spaced(reason), lifetime_of(until), named)


def taken_up(wanted: EvictionGrant, there: EvictionGrant | None, now: float) -> EvictionGrant:
    """The grant that a run makes: one that was asked for alike and is open keeps its end, and whoever gave it.

    A rerun prolongs nothing. Of its nodes, the pods are those that are there now.
    """
    if there is None or there.ended(now) or not (wanted.lifetime or wanted.until == there.until):
        return wanted
    again = replace(wanted, until=there.until, granted_by=there.granted_by)
    return again if replace(again, pods=there.pods) == there else wanted


def granted_in(notes: Data) -> EvictionGrant | None:
    """The grant in the annotations of ``fireworks-system``, open or ended; None where there is none."""
    if EVICTION_UNTIL_ANNOTATION not in notes:
        return None
    said = _read(str(notes.get(EVICTION_GRANT_ANNOTATION, "")))
    requested_by, reason, lifetime, granted_by = (
        str(said.get(key, "")) for key in ("requested_by", "reason", "lifetime", "granted_by")
    )
    return EvictionGrant(
        str(notes[EVICTION_UNTIL_ANNOTATION]),
        requested_by,
        reason,
        lifetime,
        tuple(map(str, said.get("nodes") or ())),
        tuple(str(notes.get(EVICTION_PODS_ANNOTATION, "")).split()),
        granted_by,
    )


def as_notes(grant: EvictionGrant | None) -> dict[str, str | None]:
    """The annotations that keep a grant; of none, as a patch that removes them."""
    if grant is None:
        return dict.fromkeys((EVICTION_UNTIL_ANNOTATION, EVICTION_PODS_ANNOTATION, EVICTION_GRANT_ANNOTATION))
    said = {key: getattr(grant, key) for key in ("requested_by", "reason", "lifetime", "nodes", "granted_by")}
    return {
        EVICTION_UNTIL_ANNOTATION: grant.until,
        EVICTION_PODS_ANNOTATION: " ".join(grant.pods) if grant.nodes else None,
        EVICTION_GRANT_ANNOTATION: json.dumps(said, sort_keys=True),
    }


@dataclass(frozen=True)
class Evictions:
    """What an identity may evict.

    :param bound: whether the API server's authorizer lets it evict at all. By prerequisites of version 1 it does,
        without any grant.
    """

    grant: EvictionGrant | None
    bound: bool

    def missing(self, node: str, now: float) -> str:
        """Why pods of a node cannot be evicted by what the customer grants; empty where they can."""
        grant = self.grant
        if grant is None:
            return "" if self.bound else "the customer has granted no evictions"
        if grant.ended(now):
            return f"the customer's grant of evictions ended at {grant.until}"
        if grant.nodes and node not in grant.nodes:
            return f"the customer's grant of evictions is for {', '.join(grant.nodes)} only"
        return "" if self.bound else "the customer's grant of evictions is not whole"


def grant_command(cluster: str, nodes: Iterable[str]) -> str:
    """What the customer's administrator runs."""
    named = json.dumps({"nodes": sorted(set(nodes))})
    return (
        f"ansible-playbook fireworks.byoc.grant_eviction -i <inventory> -e clusters={cluster}"
        f" -e admin_kubeconfig=<path> -e requested_by=<who> -e reason=<why> -e '{named}'"
    )


def grant_line(notes: Data, cluster: str, now: str) -> str:
    """One line where a cluster has a grant of evictions, open or ended; else nothing."""
    grant = granted_in(notes)
    if grant is None:
        return ""
    where = f"of {', '.join(grant.nodes)}" if grant.nodes else "of all nodes"
    who = f"granted by {grant.granted_by or 'nobody known'} for {grant.requested_by or 'nobody known'}: {grant.reason}"
    if grant.ended(as_moment(now).timestamp()):
        return (
            f"{cluster}: a grant of evictions {where} ended at {grant.until} ({who}); it gives nothing any more, and"
            " the next one replaces it. The customer's administrator removes it: fireworks.byoc.revoke_eviction"
        )
    return f"{cluster}: pods {where} may be evicted until {grant.until} ({who})"


def _read(text: str) -> dict[str, Any]:
    try:
        found = read_json(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
