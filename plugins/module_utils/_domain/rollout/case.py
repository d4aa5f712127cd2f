# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One cluster's part of a rollout: what was agreed, how the cluster is, and what is asked of it.

How a cluster is (``live``) is a mapping that JSON can hold:

========================  =============================================================================================
``reachable``             whether it answered; if not, ``error`` says why, and ``owner`` (``customer`` or ``fireworks``)
                          who has to act
``release``               the stack release in it; None when there is none
``kubernetes``            its version, like v1.34.1
``presetup_version``      of its prerequisites, which decides by what GPUs are counted; None where there are none
``health``, ``problems``  ``ready`` or ``degraded``, and in words what is wrong; ``owner`` has to act then. Nodes that
                          remediation took out of service are none as long as others are left
``unfinished``            the release that a run was bringing when it ended in between: then the cluster need not be
                          healthy, since going on, or a newer release, is what repairs it; None
``other_bounds``          in which clauses the contract has other bounds than the cluster, in words (see ``bounds``)
``missing_permissions``   what whoever shall make the change may not do there, in words
``identity``              which of our identities asked; empty for anybody else
``failed``                the last release that did not pass here: ``release``, ``digest``, ``at``, ``reason``; None
``since``                 since when the release is there, where an upgrade or a rollback has brought it; None
``lock``                  who works on it: ``holder``, ``purpose``, ``expires_at``; None
``frozen``                a freeze that the customer set in the cluster: ``reason``, ``until`` (may be missing); None
``emergency``             until when the customer has declared one in the cluster; empty where they have not
``durations``             seconds that past changes of this kind took here, oldest first
``approvals``             those that were found in the cluster (see ``approval``)
========================  =============================================================================================
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..contract.defaults import said
from ..contract.schema import IDENTITY
from ..contract.typed import Contract
from .approval import Change, moment
from .digests import change_digest
from .emergency import Emergency
from .permission import Asked, asked_of
from .policy import Estimate, Policy

Data = Mapping[str, Any]

STACK_UPGRADE = "stack_upgrade"
# A freeze without an end: nobody knows it, so no time is planned after it.


@dataclass(frozen=True)
class Request:
    """What is asked of every cluster.

    :param kind: the key of ``change.approvals`` that it falls under.
    :param release: the description of the release that shall be there.
    :param requested_by: who wants it, as an e-mail address.
    :param approvals: those that did not come from the clusters themselves.
    :param rollback: whether this brings clusters back: then it waits for nothing but the lock.
    :param digest: the whole plan's.
    :param retry: whether clusters in which this very release failed are tried again.
    """

    release: Data
    requested_by: str
    policy: Policy = field(default_factory=Policy)
    kind: str = STACK_UPGRADE
    approvals: Sequence[Data] = ()
    emergency: Emergency | None = None
    rollback: bool = False
    digest: str = ""
    retry: bool = False


@dataclass(frozen=True)
class Case:
    """One cluster with everything that decides about it.

    :param digest: what an approval of this cluster's change names.
    """

    contract: Contract
    live: Data
    request: Request
    name: str
    customer: str
    ring: str
    digest: str
    asked: Asked

    @property
    def estimate(self) -> Estimate:
        return self.asked.estimate


def case_of(contract: Contract, live: Data, request: Request, expected: Estimate) -> Case:
    """One cluster's case. Raises ValueError when a moment in ``live`` cannot be read.

    :param expected: how long the change is expected to take here.
    """
    identity = contract["identity"]
    since = str(live.get("since") or "")
    own = change_digest(request.kind, contract, str(live.get("release") or ""), request.release, since)
    digests = frozenset({own, request.digest} - {""})
    return Case(
        contract=contract,
        live=live,
        request=request,
        name=str(identity["name"]),
        customer=str(identity["customer"]),
        ring=str(said(identity, IDENTITY, "ring")),
        digest=own,
        asked=asked_of(
            contract,
            live,
            Change(
                request.kind,
                digests,
                request.requested_by,
                of_plan=request.digest,
                since=moment(since) if since else None,
            ),
            approvals=request.approvals,
            emergency=request.emergency,
            estimate=expected,
            rollback=request.rollback,
        ),
    )
