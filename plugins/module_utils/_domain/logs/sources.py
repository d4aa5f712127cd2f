# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which containers' logs are meant: of a component, a model, a node or a pod, as far as they have ever started."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..names import CANDIDATE_LABEL, COMPONENT_LABEL, GROUP_LABEL, MODEL_LABEL
from ..quantity import count
from .notes import told

Pod = Mapping[str, Any]

_LABELS = (COMPONENT_LABEL, MODEL_LABEL, GROUP_LABEL)
MOST = 200
"""Containers of one cluster that are read at most."""


@dataclass(frozen=True)
class Source:
    """The log of one container. previous: of the one that ran before it was restarted."""

    namespace: str
    pod: str
    container: str
    previous: bool = False

    @property
    def place(self) -> str:
        return f"{self.namespace}/{self.pod}/{self.container}" + ("(previous)" if self.previous else "")


@dataclass(frozen=True)
class Sources:
    """What is read. left_out: what is not, and why. absent: why there is nothing to read at all."""

    chosen: Sequence[Source]
    left_out: Sequence[str] = ()
    absent: str = ""


def sources(pods: Iterable[Pod], of: str = "", node: str = "") -> Sources:
    """The logs of some pods.

    :param of: a component, a model or a pod. :param node: only of pods on this one. Without either, of all.
    """
    every = list(pods)
    meant = [pod for pod in every if _is_of(pod, of) and node in ("", (pod.get("spec") or {}).get("nodeName"))]
    if not meant:
        return Sources((), (), _absent(every, of, node))
    found = [each for pod in sorted(meant, key=_newest_first, reverse=True) for each in _of_pod(pod)]
    chosen = [each for each in found if isinstance(each, Source)]
    waiting = told(each for each in found if not isinstance(each, Source))
    more = [f"{len(chosen) - MOST} containers, since only those of the newest pods are read"]
    return Sources(chosen[:MOST], [*waiting, *(more if len(chosen) > MOST else [])])


def names_of(pods: Iterable[Pod]) -> list[str]:
    """The components and models that pods are of."""
    return sorted({str(value) for pod in pods for key, value in _labels(pod).items() if key in _LABELS})


def _absent(pods: Sequence[Pod], of: str, node: str) -> str:
    there = ", ".join(names_of(pods)) or "none"
    of_whom = f" of {of}" if of else ""
    where = f" on the node {node}" if node else ""
    return f"there is no pod{of_whom}{where} in our namespaces; there are pods of: {there}"


def _is_of(pod: Pod, of: str) -> bool:
    labels = _labels(pod)
    is_candidate = str(labels.get(CANDIDATE_LABEL) or "").startswith(f"{of}-candidate-")
    return not of or is_candidate or of == pod["metadata"]["name"] or of in [labels.get(key) for key in _LABELS]


def _labels(pod: Pod) -> Mapping[str, str]:
    return pod["metadata"].get("labels") or {}


def _newest_first(pod: Pod) -> tuple[str, str]:
    return str(pod["metadata"].get("creationTimestamp") or ""), str(pod["metadata"]["name"])


def _of_pod(pod: Pod) -> Iterator[Source | tuple[str, str]]:
    """The logs that its kubelet has; where it has none the place, and why."""
    metadata, status = pod["metadata"], pod.get("status") or {}
    where = str(metadata["namespace"]), str(metadata["name"])
    containers = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    if not containers:
        why = status.get("reason") or status.get("phase") or "it is not scheduled"
        yield "/".join(where), f"not started: {why}"
    for each in containers:
        name, state = str(each.get("name")), each.get("state") or {}
        ended_before = (each.get("lastState") or {}).get("terminated") is not None
        runs = any(state.get(word) is not None for word in ("running", "terminated"))
        if not runs and not ended_before:
            why = (state.get("waiting") or {}).get("reason") or "nobody says why"
            yield "/".join((*where, name)), f"not started: {why}"
            continue
        yield Source(*where, name)
        # Of one that waits to be restarted, the kubelet gives the log of the one that ran before anyhow.
        if runs and ended_before and count(each.get("restartCount")):
            yield Source(*where, name, previous=True)
