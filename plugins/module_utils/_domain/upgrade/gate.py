# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold while a stack is upgraded: nothing restarts more than before, and what serves goes on serving."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..._vocabulary.listing import amount
from ..model.unit import available
from ..names import MODEL_LABEL
from ..quantity import count
from .answers import worse

Data = Mapping[str, Any]
_BACK_OFF = "CrashLoopBackOff"


@dataclass(frozen=True)
class Trouble:
    """Failures: those that last (``lasting``), those that may recover (``passing``), and those that clients
    notice (``unanswered``)."""

    lasting: tuple[str, ...] = ()
    passing: tuple[str, ...] = ()
    unanswered: tuple[str, ...] = ()


def standing(pods: Iterable[Data], workloads: Iterable[Data], answers: Data) -> dict[str, Any]:
    """How it is now, as plain data to be compared with later.

    :param pods: of the stack. :param workloads: that run the models' replicas.
    :param answers: of the router (see ``answers``); empty where it was not asked.
    """
    return {
        "answers": answers,
        "restarts": {str(pod["metadata"]["uid"]): _restarts(pod) for pod in pods},
        "serving": {_model(one): available(one) for one in workloads if _model(one)},
    }


def troubles(before: Data, pods: Iterable[Data], workloads: Iterable[Data], answers: Data) -> Trouble:
    """What is worse than before.

    A container of a pod that is new must not have ended at all. Replicas that an autoscaler has taken away meanwhile
    are no loss.
    """
    known = before.get("restarts") or {}
    restarted = []
    for pod in pods:
        more = _restarts(pod) - count(known.get(str(pod["metadata"]["uid"]), 0))
        if more > 0:
            restarted.append(f"a container of pod {pod['metadata']['name']} has ended{_says(pod)}")
    now = {_model(one): one for one in workloads}
    fewer, asleep = [], 0
    for model, serving in sorted((before.get("serving") or {}).items()):
        one = now.get(model)
        ready = available(one) if one else 0
        asked_for = count((one.get("spec") or {}).get("replicas", 1)) if one else count(serving)
        asleep += bool(serving) and not asked_for
        wanted = min(count(serving), asked_for)
        if ready < wanted:
            fewer.append(f"model {model} has {amount(ready, 'replica')} ready, and had {serving} before")
    unanswered = worse(before.get("answers") or {}, answers, asleep) if answers else ()
    return Trouble(tuple(sorted(restarted)), tuple(fewer), unanswered)


def asleep(workloads: Iterable[Data]) -> set[str]:
    """The models that have been scaled to zero."""
    return {_model(one) for one in workloads if not count((one.get("spec") or {}).get("replicas", 1))}


def _model(workload: Data) -> str:
    return str((workload["metadata"].get("labels") or {}).get(MODEL_LABEL, ""))


def _restarts(pod: Data) -> int:
    """How often its containers ended, those included that have not been started again yet."""
    return sum(count(one.get("restartCount", 0)) + bool(_waits(one)) for one in _containers(pod))


def _says(pod: Data) -> str:
    said = [f" ({one.get('name')}: {_waits(one)})" for one in _containers(pod) if _waits(one)]
    return said[0] if said else ", and was started again"


def _waits(container: Data) -> str:
    """Why a container that ended is not running."""
    state = container.get("state") or {}
    if (state.get("waiting") or {}).get("reason") == _BACK_OFF:
        return _BACK_OFF
    ended = state.get("terminated") or {}
    return str(ended.get("reason") or f"exit code {ended['exitCode']}") if ended.get("exitCode") else ""


def _containers(pod: Data) -> Sequence[Data]:
    return (pod.get("status") or {}).get("containerStatuses") or ()
