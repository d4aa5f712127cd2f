# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation behind ``log_info``: the newest lines of the logs in our two namespaces, merged by time."""

from __future__ import annotations

from typing import Any

from .._connection import CONNECTION_SPEC, open_session
from .._domain.logs.lines import Asked, merged
from .._domain.logs.notes import told
from .._domain.logs.request import log_doubts, seconds_of
from .._domain.logs.sources import sources
from .._kube.errors import KubeError
from .._operation import Context, Operation
from .._vocabulary.listing import amount
from .._vocabulary.owner import Owner
from .log_reading import newest, read_logs, read_pods

ARGUMENT_SPEC: dict[str, Any] = {
    "connection": CONNECTION_SPEC,
    "of": {"type": "str", "default": ""},
    "since": {"type": "str", "default": "15m"},
    "grep": {"type": "str", "default": ""},
    "lines": {"type": "int", "default": 500},
}

_SEARCHED = 5000
"""Lines of each container that are searched, where only some of them are wanted."""


class RequestError(KubeError):
    """What is asked for has no meaning."""

    code = "invalid_input"


class NothingReadError(KubeError):
    """There are containers of what is meant, and the API server gave the log of none."""

    code = "api_error"


def run(parameters: dict[str, Any], context: Context) -> dict[str, Any]:
    """Read what is meant, at once, and merge it."""
    if doubts := log_doubts(parameters["since"], parameters["grep"], parameters["lines"]):
        raise RequestError("; ".join(doubts), next_step="correct that, and run this again")
    session = open_session(parameters["connection"], context)
    session.check_expected_cluster()
    meant = sources(read_pods(session), parameters["of"])
    most = parameters["lines"]
    attempts = newest(max(most, _SEARCHED) if parameters["grep"] else most, seconds_of(parameters["since"]))
    logs = read_logs(session, meant.chosen, attempts, Asked(grep=parameters["grep"]))
    unread = told((log.source.place, log.unread) for log in logs if log.unread)
    if logs and all(log.unread for log in logs):
        raise NothingReadError(
            f"no log could be read: {'; '.join(unread)}",
            where=session.where,
            next_step="see that the API server reaches the kubelets of these nodes, and run this again",
            owner=Owner.CUSTOMER,
        )
    lines, older = merged(logs, most)
    cut = told((log.source.place, log.cut) for log in logs if log.cut)
    cut += [f"{amount(older, 'line')} older than the newest {most}"] if older else []
    return {
        "lines": lines,
        "containers": len(logs),
        "redacted": sum(log.redacted for log in logs),
        "left_out": [*meant.left_out, *cut],
        "unread": [*([meant.absent] if meant.absent else []), *unread],
    }


OPERATION = Operation(argument_spec=ARGUMENT_SPEC, run=run, rules={})
