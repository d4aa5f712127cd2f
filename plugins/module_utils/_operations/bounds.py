# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An operation that no plan has decided looks itself whether it works under the bounds that are in the cluster."""

from __future__ import annotations

from .._domain.contract.typed import Contract
from .._domain.names import PRESETUP_SET, SYSTEM_NAMESPACE
from .._domain.presetup.remembered import remembered_bounds
from .._domain.rollout.bounds import NEXT_STEP, other_bounds
from .._kube.errors import ForbiddenError, KubeError, NotFoundError
from .._kube.session import Session
from .._vocabulary.owner import Owner

_PATH = f"/api/v1/namespaces/{SYSTEM_NAMESPACE}/configmaps/{PRESETUP_SET}"


class OtherBoundsError(KubeError):
    """The contract has other bounds than those that the customer's administrators have applied."""

    code = "other_bounds"


def require_bounds(session: Session, contract: Contract) -> None:
    """Refuse a contract whose bounds are not those in the cluster."""
    try:
        parent = session.get(_PATH)
    except (ForbiddenError, NotFoundError):
        return  # older prerequisites, by which not every identity may read it, or none at all
    recorded = remembered_bounds(parent["metadata"].get("annotations") or {})
    if differs := other_bounds(contract, recorded):
        raise OtherBoundsError(
            f"{differs}; nothing was changed", where=session.where, next_step=NEXT_STEP, owner=Owner.CUSTOMER
        )
