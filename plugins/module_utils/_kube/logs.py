# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The log of a container, through the API server: as much of it as is asked for, whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping

from .errors import answer_error
from .session import Session

#: Errors come as JSON whatever is asked for, and a log is text.
_ACCEPT = "application/json, */*"


def read_log(
    session: Session, namespace: str, pod: str, container: str, query: Mapping[str, object], seconds: float
) -> bytes:
    """The log, each line with its moment before it.

    :param query: ``previous``, ``sinceSeconds``, ``sinceTime``, ``tailLines`` and ``limitBytes`` of the API.
    :raises AnswerError: the API server or the node's kubelet gives none. Other errors as for ``Session.exchange``.
    """
    path = f"/api/v1/namespaces/{namespace}/pods/{pod}/log"
    wanted = {**query, "container": container, "timestamps": "true"}
    answer = session.exchange("GET", path, query=wanted, accept=_ACCEPT, read_seconds=seconds, seconds=seconds)
    if answer.status >= 400:
        raise answer_error(answer.status, answer.refused(), where=session.where, request=f"GET {path}")
    return answer.data
