# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the GPUs' metrics are read: each node's exporter, or one Prometheus; through the API server, or directly.

What is behind the API server may be silent on a healthy cluster (a firewall between the control plane and the pods),
and the API server itself waits for it for half a minute. So each question there has an end of its own.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from .._domain.contract.defaults import said
from .._domain.contract.schema_health import HEALTH
from .._domain.contract.typed import Exporters, Prometheus
from .._domain.health.dcgm import read_metrics
from .._domain.health.pods import DCGM_EXPORTER
from .._domain.health.prometheus import QUERIES, reports
from .._domain.health.prometheus_text import NoResultError, is_exposition
from .._domain.health.reach import API_SERVER, prometheus_service
from .._domain.names import SYSTEM_NAMESPACE, TELEMETRY, TELEMETRY_PORT
from .._kube.errors import KubeError, answer_error
from .._kube.session import Session
from .plain_http import NoAnswerError, get_plain

TELEMETRY_SERVICE = f"{SYSTEM_NAMESPACE}/services/{TELEMETRY}:{TELEMETRY_PORT}"
"""Our own telemetry, as ``instant_query`` names a service."""
_QUERY_SECONDS = 10.0
"""How long one Prometheus may take: it answers for many nodes."""
_ALL_SECONDS = 30.0
"""How long all exporters together may take: where one is silent, all of them are, as a rule."""

Records = Iterable[Mapping[str, Any] | None]


def ask_exporters(
    session: Session, agreed: Exporters, pods: Records, seconds: float
) -> tuple[dict[str, dict[str, Any]], bool]:
    """By node, what its exporter answers within ``seconds``, or ``error``; and whether the identity may ask at all.

    :param agreed: the contract's ``health.exporters``.
    """
    exporters = [pod for pod in pods if pod and pod["part"] == DCGM_EXPORTER and not pod["over"]]
    schema = HEALTH["properties"]["exporters"]
    reach, port = said(agreed, schema, "reach"), said(agreed, schema, "port")
    allowed = True
    end = time.monotonic() + _ALL_SECONDS

    def in_turn(pod: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        if time.monotonic() > end:
            return pod["node"], {"error": f"its turn had not come after {_ALL_SECONDS:g} s, since others are silent"}
        return ask(pod) if reach == API_SERVER else ask_directly(pod)

    def ask(pod: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        nonlocal allowed
        path = f"/api/v1/namespaces/{pod['namespace']}/pods/{pod['name']}:{port}/proxy/metrics"
        try:
            answer = session.exchange("GET", path, accept="text/plain", seconds=seconds)
        except KubeError as error:
            return pod["node"], {"error": str(error.what)}
        if answer.status == 403:
            # In the same words for each node, so that a cluster of many has one finding.
            allowed = False
            return pod["node"], {"error": "the identity of this run may not ask it (pods/proxy)"}
        if answer.status != 200:
            return pod["node"], {"error": answer.why().partition("\n")[0][:200]}
        return pod["node"], _report(answer.data)

    def ask_directly(pod: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        if not (address := pod["addresses"][reach]):
            return pod["node"], {"error": f"{pod['namespace']}/{pod['name']} has no address yet"}
        try:
            return pod["node"], _report(get_plain(address, port, "/metrics", session.within(seconds)))
        except NoAnswerError as error:
            return pod["node"], {"error": str(error)}

    return dict(session.in_parallel(in_turn, exporters)), allowed


def _report(data: bytes) -> dict[str, Any]:
    text = data.decode(errors="replace")
    if not is_exposition(text):
        return {"error": f"its response, {len(data)} bytes, is not that of an exporter, or not whole"}
    return {**read_metrics(text), "at": time.time(), "error": ""}


def instant_query(session: Session, service: str, wanted: str) -> dict[str, Any]:
    """What a Prometheus answers to an instant query, through the API server's proxy. Errors as for ``Session.request``.

    :param service: ``namespace/services/name:port``.
    """
    path = f"/api/v1/namespaces/{service}/proxy/api/v1/query"
    answer = session.exchange("GET", path, query={"query": wanted}, seconds=_QUERY_SECONDS)
    if answer.status >= 400:
        raise answer_error(answer.status, answer.refused(), where=session.where, request=f"GET {path}")
    return answer.json()


def ask_prometheus(
    session: Session, where: Prometheus, nodes: Records, pods: Records
) -> tuple[dict[str, dict[str, Any]], dict[str, int | None]]:
    """By node, what a Prometheus in the cluster knows of its GPUs, and how many InfiniBand ports are up.

    :param where: the contract's ``health.prometheus``. Where it does not answer in time, each GPU node has that as its
        error.
    """
    service = f"{where['namespace']}/services/{prometheus_service(where)}"

    try:
        found = session.in_parallel(lambda wanted: instant_query(session, service, wanted), QUERIES.values())
        answers = dict(zip(QUERIES, found, strict=True))
        addresses = {node["name"]: node["addresses"] for node in nodes if node}
        metrics, ports = reports(answers, addresses, pods, addresses)
    except (KubeError, NoResultError) as error:
        why = error.what if isinstance(error, KubeError) else error
        return _said_of_each(nodes, f"Prometheus, {where['namespace']}/{where['service']}, does not tell: {why}"), {}
    # One that is not scraped is silent, whatever runs on it.
    return {**_said_of_each(nodes, "Prometheus has no series of it"), **metrics}, ports


def _said_of_each(nodes: Records, error: str) -> dict[str, dict[str, Any]]:
    return {node["name"]: {"error": error} for node in nodes if node and node["gpu"]}
