# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation behind ``support_bundle``: all that is known of a node or a model around a moment, in one file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from .._connection import CONNECTION_SPEC, open_session
from .._domain.health.prometheus_text import NoResultError
from .._domain.logs.lines import Asked
from .._domain.logs.notes import told
from .._domain.logs.sources import sources
from .._domain.names import MODELS_NAMESPACE, NAMESPACES
from .._domain.redaction import redacted_data
from .._domain.support.archive import Contents
from .._domain.support.describe import describe, within
from .._domain.support.scope import Scope, ScopeError, scope_of
from .._kube.errors import KubeError, NotFoundError
from .._kube.private_file import require_writable, write_private
from .._kube.server_clock import now_at
from .._kube.session import Session
from .._operation import Context, Operation
from .._vocabulary.times import rfc3339
from .health_metrics import TELEMETRY_SERVICE, instant_query
from .log_reading import around, read_logs, read_pods

ARGUMENT_SPEC: dict[str, Any] = {
    "connection": CONNECTION_SPEC,
    "node": {"type": "str", "default": ""},
    "model": {"type": "str", "default": ""},
    "around": {"type": "str", "default": ""},
    "before": {"type": "str", "default": "30m"},
    "after": {"type": "str", "default": "10m"},
    "findings": {"type": "list", "elements": "dict", "default": []},
    "path": {"type": "str", "required": True},
}

_DEPLOYMENTS = f"/apis/apps/v1/namespaces/{MODELS_NAMESPACE}/deployments"


class ScopeInputError(KubeError):
    """It is not said, or not understood, what the bundle is about."""

    code = "invalid_input"


class _Collector:
    """Reads what belongs to a scope, and notes what could not be read."""

    def __init__(self, session: Session, scope: Scope) -> None:
        self._session, self._scope = session, scope
        self.contents = Contents()
        self.unread: list[str] = []

    def collect(self, findings: list[Mapping[str, Any]]) -> None:
        every = self._tried("pods", lambda: read_pods(self._session)) or []
        pods = [pod for pod in every if self._scope.is_of(pod)]
        nodes = {str(node) for pod in pods if (node := (pod.get("spec") or {}).get("nodeName"))}
        self.contents.add("findings.jsonl", redacted_data(self._scope.findings_of(findings, pods)))
        self.contents.add("pods.jsonl", [describe({"kind": "Pod", **pod}) for pod in pods])
        self.contents.add("nodes.jsonl", self._nodes(nodes | ({self._scope.node} if self._scope.node else set())))
        self.contents.add("deployments.jsonl", self._deployments())
        self.contents.add("events.jsonl", self._events(pods))
        self.contents.add("metrics.jsonl", self._metrics())
        self._logs(pods)

    def _nodes(self, names: set[str]) -> list[dict[str, Any]]:
        read = self._session.in_parallel(
            lambda name: self._tried(f"the node {name}", lambda: self._session.get(f"/api/v1/nodes/{name}")),
            sorted(names),
        )
        return [describe({"kind": "Node", **node}) for node in read if node]

    def _deployments(self) -> list[dict[str, Any]]:
        if not self._scope.model:
            return []
        read = self._tried("deployments", lambda: list(self._session.list_items(_DEPLOYMENTS))) or []
        mine = (self._scope.model, f"{self._scope.model}-candidate-")
        return [
            describe({"kind": "Deployment", **one})
            for one in read
            if one["metadata"]["name"] == mine[0] or one["metadata"]["name"].startswith(mine[1])
        ]

    def _events(self, pods: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
        # Those about nodes, which have no namespace, are in "default".
        places = [*NAMESPACES, *(["default"] if self._scope.node else [])]
        read = [event for place in places for event in self._events_in(place)]
        bounds = self._scope.told()
        return within(self._scope.events_of(read, pods), bounds["since"], bounds["until"])

    def _events_in(self, namespace: str) -> list[dict[str, Any]]:
        path = f"/api/v1/namespaces/{namespace}/events"
        return self._tried(f"events in {namespace}", lambda: list(self._session.list_items(path))) or []

    def _metrics(self) -> list[Any]:
        answer = self._tried(
            "metrics", lambda: instant_query(self._session, TELEMETRY_SERVICE, self._scope.metrics_query())
        )
        if answer is None:
            return []
        series = list((answer.get("data") or {}).get("result") or [])
        if not series:
            self.unread.append("metrics: our telemetry has none of it in this time")
        rows: list[Any] = redacted_data(series)
        return rows

    def _logs(self, pods: list[Mapping[str, Any]]) -> None:
        meant = sources(pods)
        since, until = self._scope.line_bounds()
        attempts = around(self._scope.around, self._scope.before)
        asked = Asked(since=since, until=until)
        read = self._tried("logs", lambda: read_logs(self._session, meant.chosen, attempts, asked))
        logs = read or []
        self.contents.left_out += [*meant.left_out, *told((one.source.place, one.cut) for one in logs if one.cut)]
        self.unread += told((one.source.place, one.unread) for one in logs if one.unread)
        self.contents.add_logs(
            {f"logs/{one.source.place}.log": one.lines for one in logs if one.lines}, self._scope.told()["around"]
        )

    def _tried(self, what: str, read: Callable[[], Any]) -> Any:
        """What is read; None, and a note, where it cannot be."""
        try:
            return read()
        except NotFoundError:
            self.unread.append(f"{what}: not there")
        except (KubeError, NoResultError) as error:
            self.unread.append(f"{what}: {error.what if isinstance(error, KubeError) else error}")
        return None


def run(parameters: dict[str, Any], context: Context) -> dict[str, Any]:
    """Collect, and write the file; in check mode collect only."""
    require_writable(parameters["path"])
    session = open_session(parameters["connection"], context)
    session.check_expected_cluster()
    now = now_at(session)
    try:
        asked = {key: parameters[key] for key in ("node", "model", "around", "before", "after")}
        scope = scope_of(**asked, now=now.timestamp())
    except ScopeError as error:
        raise ScopeInputError(str(error), next_step="correct that, and run this again") from None
    found = _Collector(session, scope)
    found.collect(parameters["findings"])
    about = {
        **scope.told(),
        "cluster": parameters["connection"].get("cluster_name") or "",
        "collected": rfc3339(now),
        "not_read": found.unread,
    }
    data = found.contents.archive(about)
    if not context.check_mode:
        write_private(parameters["path"], data)
    return {
        "changed": True,
        "path": parameters["path"],
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
        "files": sorted(found.contents.files),
        "left_out": found.contents.left_out,
        "unread": found.unread,
    }


OPERATION = Operation(argument_spec=ARGUMENT_SPEC, run=run, rules={})
