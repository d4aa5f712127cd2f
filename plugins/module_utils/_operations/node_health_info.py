# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation behind ``node_health_info``: read the signs of one cluster, or take recorded ones, and judge them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from .._connection import CONNECTION_SPEC, open_session
from .._domain.contract import LibraryMissing, parse_duration
from .._domain.contract.typed import Contract, Health
from .._domain.health.assess import Assessment, assess
from .._domain.health.engines import engine_query, engine_records
from .._domain.health.events import event_record
from .._domain.health.handoff import handoff
from .._domain.health.nodes import node_record
from .._domain.health.pods import pod_record
from .._domain.health.policy import Policy, PolicyError, build_policy
from .._domain.health.prometheus_text import NoResultError
from .._domain.health.snapshot import SnapshotError, check_snapshot, snapshot
from .._domain.model.engine import ENGINES
from .._domain.moments import seconds_at
from .._domain.names import MODELS_NAMESPACE, NAMESPACES
from .._kube.errors import ForbiddenError, KubeError, NotFoundError
from .._kube.session import Session
from .._operation import Context, Operation
from .health_metrics import TELEMETRY_SERVICE, Records, ask_exporters, ask_prometheus, instant_query

ARGUMENT_SPEC: dict[str, Any] = {
    "connection": CONNECTION_SPEC,
    "contract": {"type": "dict", "required": True},
    "policy": {"type": "dict", "required": True},
    "exporter_timeout": {"type": "int", "default": 5},
    "earlier": {"type": "dict"},
    "snapshot": {"type": "dict"},
    "keep_snapshot": {"type": "bool", "default": False},
}

Raw = Mapping[str, Any]

_LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
# The kubelet and node-problem-detector write there about nodes, which have no namespace.
_EVENTS = "/api/v1/namespaces/default/events"
_ABOUT_NODES = {"fieldSelector": "involvedObject.kind=Node"}


class InputError(KubeError):
    """The policy or the snapshot that was given cannot be used here."""

    code = "invalid_input"


class _Reader:
    """Reads the sources of one cluster, and remembers which kinds its identity may not read."""

    def __init__(self, session: Session, parameters: Mapping[str, Any]) -> None:
        self._session = session
        self._parameters = parameters
        self._contract: Contract = parameters["contract"]
        self.unreadable: set[str] = set()

    def snapshot(self, policy: Policy) -> dict[str, Any]:
        """Everything at once; what needs the answers of others, after them."""
        reads: dict[str, Callable[[], Any]] = {
            "nodes": lambda: self._records("nodes", "/api/v1/nodes", node_record),
            "pods": self._pods,
            "events": lambda: self._records("events", _EVENTS, event_record, _ABOUT_NODES),
            # Ready says the same a little later, so that nobody misses leases that may not be read.
            "leases": lambda: dict(self._records("", _LEASES, _renewal)),
        }
        read = dict(zip(reads, self._session.in_parallel(lambda one: one(), reads.values()), strict=True))
        served = any(pod and pod["model"] for pod in read["pods"])
        asks: list[Callable[[], Any]] = [
            lambda: self._metrics(read["nodes"], read["pods"]),
            lambda: self._engines(policy) if served else ([], ""),
        ]
        (metrics, ports), (engines, engines_error) = self._session.in_parallel(lambda one: one(), asks)
        return snapshot(
            taken=time.time(),
            metrics=metrics,
            infiniband=ports,
            engines=engines,
            engines_error=engines_error,
            unreadable=self.unreadable,
            earlier=self._parameters["earlier"],
            **read,
        )

    def _records(
        self, kind: str, path: str, record: Callable[[Raw], Any], query: Mapping[str, object] | None = None
    ) -> list[Any]:
        """A collection, each object made small as its page arrives."""
        try:
            return [record(item) for item in self._session.list_items(path, query)]
        except ForbiddenError:
            if kind:
                self.unreadable.add(kind)
        except NotFoundError:
            pass  # the namespace is not there
        return []

    def _pods(self) -> list[Any]:
        everywhere = self._records("pods", "/api/v1/pods", pod_record)
        if "pods" not in self.unreadable:
            return everywhere
        ours = [self._records("", f"/api/v1/namespaces/{name}/pods", pod_record) for name in NAMESPACES]
        return [record for found in ours for record in found]

    def _metrics(self, nodes: Records, pods: Records) -> tuple[dict[str, Any], dict[str, int | None]]:
        """GPU metrics and ports that are up, by node: from the customer's Prometheus if the contract names it."""
        health: Health = self._contract.get("health") or {}
        if prometheus := health.get("prometheus"):
            return ask_prometheus(self._session, prometheus, nodes, pods)
        seconds = float(self._parameters["exporter_timeout"])
        metrics, allowed = ask_exporters(self._session, health.get("exporters") or {}, pods, seconds)
        if not allowed:
            self.unreadable.add("pods/proxy")
        return metrics, {}

    def _engines(self, policy: Policy) -> tuple[list[dict[str, Any]], str]:
        """The engines' last minutes, out of our telemetry, which keeps them; else why it does not tell them."""
        models = self._contract.get("models") or ()
        engines = {model["name"]: ENGINES.get(model["engine"]["name"]) for model in models}
        names = {model: engine.metrics.pulse for model, engine in engines.items() if engine}
        if not names:
            return [], ""
        graces = [(model.get("health_gate") or {}).get("heartbeat_grace") for model in models]
        longest = max([policy.limits["heartbeat_grace"], *(_seconds(grace) for grace in graces if grace)])
        try:
            answer = instant_query(self._session, TELEMETRY_SERVICE, engine_query(names.values(), longest + 120))
            return engine_records(answer, names, MODELS_NAMESPACE), ""
        except KubeError as error:
            return [], str(error.what)
        except NoResultError as error:
            return [], str(error)


def run(parameters: dict[str, Any], context: Context) -> dict[str, Any]:
    """Read and judge; what was given as a snapshot is judged as of its own time."""
    session = None
    if parameters["snapshot"] is None:
        session = open_session(parameters["connection"], context)
        session.check_expected_cluster()
    taken, found = judged(session, parameters)
    handoffs = [handoff(one, parameters["contract"]) for one in found.findings if one.ask]
    result = {**found.as_dict(), "handoffs": handoffs}
    return {**result, "snapshot": taken} if parameters["keep_snapshot"] else result


def judged(session: Session | None, parameters: Mapping[str, Any]) -> tuple[Raw, Assessment]:
    """The signs of a cluster, read or given, and what they come to.

    :param parameters: of this operation. :raises InputError: the policy or the snapshot cannot be used.
    """
    try:
        policy = _policy(json.dumps(parameters["policy"]))
        for recorded in (parameters["snapshot"], parameters["earlier"]):
            if recorded is not None:
                check_snapshot(recorded)
        taken = _Reader(session, parameters).snapshot(policy) if session else parameters["snapshot"]
        return taken, assess(taken, policy, parameters["contract"], float(taken["taken"]))
    except (PolicyError, SnapshotError, LibraryMissing) as error:
        raise InputError(str(error)) from None


@lru_cache(maxsize=16)
def _policy(table: str) -> Policy:
    """Of a table as JSON: to check one costs more than to judge a small cluster, and a fleet has few that differ."""
    return build_policy(json.loads(table))


def _renewal(raw: Raw) -> tuple[str, float | None]:
    return raw["metadata"]["name"], seconds_at((raw.get("spec") or {}).get("renewTime"))


def _seconds(text: str) -> float:
    return parse_duration(text).total_seconds()


OPERATION = Operation(argument_spec=ARGUMENT_SPEC, run=run, rules={})
