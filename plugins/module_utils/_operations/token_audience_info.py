# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation behind ``token_audience_info``: whom the API server takes for itself in tokens."""

from __future__ import annotations

from typing import Any

from .._connection import CONNECTION_SPEC, open_session
from .._domain.access.tokens import read_claims
from .._domain.contract.rules import SHORTEST_TOKEN
from .._domain.names import PRESETUP_SET, SYSTEM_NAMESPACE
from .._domain.presetup.remembered import remembered_audiences
from .._kube.errors import ForbiddenError, NotFoundError
from .._kube.session import Session
from .._kube.tokens import Account, asked_audiences
from .._operation import Context, Operation
from .._vocabulary.owner import Owner

ARGUMENT_SPEC: dict[str, Any] = {"connection": CONNECTION_SPEC}
_POWERLESS = Account("default", "default")
"""An account that every cluster has. The token asked for it is not used."""


def run(parameters: dict[str, Any], context: Context) -> dict[str, Any]:
    """Ask the API server; else what the prerequisites remember, else whom this identity's own token is for."""
    session = open_session(parameters["connection"], context)
    session.require_expected_cluster()
    for source in (_asked, _remembered, _own):
        if audiences := source(session):
            return {"audiences": sorted(audiences)}
    raise ForbiddenError(
        "it is not known whom the API server takes for itself in tokens, and this identity may not ask",
        status=403,
        where=session.where,
        next_step=f"run this as an administrator who may create a token of the account {_POWERLESS.name} in the"
        f" namespace {_POWERLESS.namespace}",
        owner=Owner.CUSTOMER,
    )


def _asked(session: Session) -> list[str]:
    return asked_audiences(session, _POWERLESS, seconds=int(SHORTEST_TOKEN.total_seconds()))


def _remembered(session: Session) -> list[str]:
    try:
        parent = session.get(f"/api/v1/namespaces/{SYSTEM_NAMESPACE}/configmaps/{PRESETUP_SET}")
    except (ForbiddenError, NotFoundError):
        return []
    return remembered_audiences(parent["metadata"].get("annotations") or {})


def _own(session: Session) -> list[str]:
    """The API server accepts a token that is for itself. Of several that one is for, only some may be its own."""
    try:
        audiences = read_claims(session.access.token or "").audiences
    except ValueError:
        return []
    return list(audiences) if len(audiences) == 1 else []


OPERATION = Operation(argument_spec=ARGUMENT_SPEC, run=run, rules={})
