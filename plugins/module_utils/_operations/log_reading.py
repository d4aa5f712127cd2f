# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The logs of many containers of one cluster at once: within a time, and of each so much."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._domain.logs.lines import Asked, Log, log_of
from .._domain.logs.sources import Source
from .._domain.moments import shown_moment
from .._domain.names import NAMESPACES
from .._domain.presetup_version import LOGS_SINCE
from .._kube.errors import AnswerError, ForbiddenError, KubeError, NotFoundError
from .._kube.logs import read_log
from .._kube.session import Session
from .._vocabulary.owner import Owner
from .prerequisites import applied_version

MOST_BYTES = 1024 * 1024
"""Of one log, as the kubelet sends it."""
ALL_SECONDS = 25.0
"""How long all logs of a cluster may take: a kubelet that does not answer is one of many."""
EACH_SECONDS = 10.0
#: Fewer lines are not asked for, however long they are.
_FEWEST_LINES = 50


class MayNotReadLogsError(KubeError):
    """The identity of this run may not read logs."""

    code = "forbidden"


@dataclass(frozen=True)
class Attempt:
    """One way to ask for a log, of several that ask for less and less: the first that is not too much is taken.

    lines: the newest so many, and one more, which tells whether there are older ones. less: what it leaves out besides.
    """

    query: Mapping[str, Any]
    lines: int | None = None
    less: str = ""


def newest(lines: int, since: int) -> list[Attempt]:
    """Ask for the newest lines of the last so many seconds. Where those are too many bytes, the oldest are not read."""
    counts = [lines]
    while counts[-1] > _FEWEST_LINES:
        counts.append(max(_FEWEST_LINES, counts[-1] // 4))
    return [Attempt({"sinceSeconds": since, "tailLines": count + 1}, count) for count in counts]


def around(moment: float, before: float) -> list[Attempt]:
    """Ask for what is from so many seconds before a moment on. Where that is too much, from nearer to it."""
    since = [moment - before / part for part in (1, 4, 16, 64)]
    texts = [shown_moment(each) for each in since]
    return [
        Attempt({"sinceTime": text}, less="" if text == texts[0] else f"only lines since {text} were read")
        for text in texts
    ]


def read_pods(session: Session) -> list[dict[str, Any]]:
    """The pods of our two namespaces."""
    return [pod for name in NAMESPACES for pod in session.list_items(f"/api/v1/namespaces/{name}/pods")]


def read_logs(session: Session, sources: Sequence[Source], attempts: Sequence[Attempt], asked: Asked) -> list[Log]:
    """The log of each source; one that cannot be read says why.

    :raises MayNotReadLogsError: this identity may read none.
    """
    end = time.monotonic() + session.within(ALL_SECONDS)

    def in_turn(source: Source) -> Log:
        if time.monotonic() >= end:
            return Log(source, unread=f"its turn had not come after {ALL_SECONDS:g} s")
        try:
            return _read(session, source, attempts, asked, end)
        except ForbiddenError:
            raise
        except NotFoundError:
            return Log(source, unread="it is gone")
        except KubeError as error:
            return Log(source, unread=_why(error))

    try:
        return session.in_parallel(in_turn, sources)
    except ForbiddenError as error:
        raise _may_not(session, error) from None


def _read(session: Session, source: Source, attempts: Sequence[Attempt], asked: Asked, end: float) -> Log:
    for attempt in attempts:
        query = {**attempt.query, "limitBytes": MOST_BYTES, **({"previous": "true"} if source.previous else {})}
        seconds = max(0.01, min(EACH_SECONDS, end - time.monotonic()))
        data = read_log(session, source.namespace, source.pod, source.container, query, seconds)
        if len(data) < MOST_BYTES:
            return _whole(source, data, attempt, asked)
    # What is behind that many bytes is not there: later lines.
    cut = "; ".join(filter(None, (attempt.less, f"of those only the first {MOST_BYTES // 1024} KiB")))
    return log_of(source, data, asked, cut=cut, part=True)


def _whole(source: Source, data: bytes, attempt: Attempt, asked: Asked) -> Log:
    if attempt.lines is None or data.count(b"\n") <= attempt.lines:
        return log_of(source, data, asked, cut=attempt.less)
    return log_of(source, data.partition(b"\n")[2], asked, cut=f"only the newest {attempt.lines} lines were read")


def _why(error: KubeError) -> str:
    said = str(error.body.get("message") or error.what) if isinstance(error, AnswerError) else error.what
    return said.partition("\n")[0][:200]


def _may_not(session: Session, error: ForbiddenError) -> KubeError:
    version = applied_version(session)
    if version is not None and version >= LOGS_SINCE:
        return error
    has = "there are none" if version is None else f"these are of version {version}"
    return MayNotReadLogsError(
        f"{error.what}; prerequisites of version {LOGS_SINCE} let the observer read logs, and {has}",
        where=session.where,
        next_step="have the customer's administrator apply them: ansible-playbook fireworks.byoc.presetup"
        " -i <inventory> -e clusters=<cluster> -e admin_kubeconfig=<path>",
        owner=Owner.CUSTOMER,
    )
