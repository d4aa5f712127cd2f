# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a step on a node, if that is still the node that the step was planned for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from .._domain.remediation import Step
from .._domain.remediation.journey import basis_of
from .._kube.errors import ConflictError, KubeError, NotFoundError
from .._kube.session import FIELD_MANAGER, Session
from .._vocabulary.actions import UPDATED

NODES = "/api/v1/nodes"
MERGE_PATCH = "application/merge-patch+json"
_TRIES = 4
#: How much of a step's basis is what our marks say; what follows is what a patch may replace.
_SAID = 5

Raw = Mapping[str, Any]
#: ``kind``, ``namespace``, ``name``, ``action``.
Written = dict[str, str]


class NodeWriter:
    """Reads and writes nodes.

    :param check: every write is a dry run of the server's.
    """

    def __init__(self, session: Session, *, check: bool) -> None:
        self._session = session
        self._check = check
        self.answered: dict[str, Raw] = {}
        """By name, each node as the API server answered the last write to it."""

    def write(self, step: Step, seen: Raw | None = None) -> dict[str, Any]:
        """Write the step on the node as it is at this moment, if that is still the node that was planned for.

        :param seen: the node as it was planned for, if that was just now. The API server takes the write only if it has
            not changed since; where it has, it is looked at again.
        """
        planned = step.patch or {}
        wanted = planned["metadata"]["annotations"]
        for tried in range(_TRIES):
            live = seen if seen and not tried else self.node(step.node)
            if live is None or live["metadata"]["uid"] != planned["metadata"]["uid"]:
                return taken(step, False, "the node is gone")
            if not self._is_as_planned(live, step):
                if all((live["metadata"].get("annotations") or {}).get(key) == word for key, word in wanted.items()):
                    self.answered[step.node] = live  # an answer that got lost: it was written
                    return taken(step, True, "", objects=[node_written(step.node)])
                return taken(step, False, "somebody else changed it meanwhile: the next run plans anew", conflict=True)
            version = {**planned["metadata"], "resourceVersion": live["metadata"]["resourceVersion"]}
            try:
                self._patch(step.node, {**planned, "metadata": version})
            except ConflictError:
                continue  # a heartbeat, or somebody else: looked at again
            except NotFoundError:
                return taken(step, False, "the node is gone")
            except KubeError as error:
                return taken(step, False, str(error), failed=True)
            return taken(step, True, "", objects=[node_written(step.node)])
        return taken(step, False, "it changes all the time: the next run tries again", failed=True)

    def _patch(self, node: str, patch: Raw) -> None:
        query = {"fieldManager": FIELD_MANAGER, **({"dryRun": "All"} if self._check else {})}
        self.answered[node] = self._session.request(
            "PATCH", f"{NODES}/{node}", query=query, body=patch, content_type=MERGE_PATCH
        )

    @staticmethod
    def _is_as_planned(live: Raw, step: Step) -> bool:
        """Whether what the step was decided by, and what its patch replaces, is as it was."""
        now, before = basis_of(live), step.basis
        return now == before if "spec" in (step.patch or {}) else now[:_SAID] == before[:_SAID]

    def node(self, name: str) -> Raw | None:
        """A node as it is now; ``None`` where it is not there."""
        try:
            return self._session.get(f"{NODES}/{name}")
        except NotFoundError:
            return None


def shown(step: Step) -> dict[str, Any]:
    """A step as a result tells it."""
    told = asdict(step)
    for hidden in ("patch", "basis", "evidence"):
        told.pop(hidden)
    return {
        **told,
        "owner": step.owner.value,
        "more": dict(step.more),
        **{key: list(told[key]) for key in ("pods", "first", "held", "faults", "blockers")},
    }


def taken(
    step: Step,
    changed: bool,
    result: str,
    *,
    failed: bool = False,
    conflict: bool = False,
    objects: Sequence[Written] = (),
    **more: Any,
) -> dict[str, Any]:
    """A step that was taken or tried, as a result tells it.

    :param conflict: it was left to the next run, since the node is not as it was planned for.
    :param objects: what was written, or, in check mode, would be.
    """
    how = {"changed": changed, "failed": failed, "conflict": conflict, "result": result, "objects": list(objects)}
    return {**shown(step), **how, **more}


def node_written(name: str) -> Written:
    """A node that was patched."""
    return {"kind": "Node", "namespace": "", "name": name, "action": UPDATED}


def pod_written(pod: str, action: str) -> Written:
    """A pod (``namespace/name``) that was evicted, or patched."""
    namespace, name = pod.split("/", 1)
    return {"kind": "Pod", "namespace": namespace, "name": name, "action": action}
