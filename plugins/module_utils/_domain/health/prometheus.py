# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Prometheus of the customer's as the source: what all exporters say, by node, out of three answers of it.

Scrape configurations name nodes differently: a label (``node``), the exporter's (``Hostname``), the address that
was scraped (``instance``), or, as the Prometheus operator has it, the exporter's pod.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any

from .dcgm import ALWAYS, METRIC_NAMES, gather
from .infiniband import METRIC as PORTS
from .infiniband import active_ports
from .pods import DCGM_EXPORTER
from .prometheus_text import Sample, query_samples

Answer = Mapping[str, Any]
Labels = Mapping[str, str]

_NODE_LABELS = ("node", "kubernetes_node", "nodename", "Hostname")

QUERIES = {
    "gpus": f'{{__name__=~"{"|".join(METRIC_NAMES)}"}}',
    # A value of an instant query may be five minutes old, and does not say so.
    "scraped": " or ".join(f"timestamp({name})" for name in ALWAYS),
    "ports": PORTS,
}
"""What is asked, by what it is for: instant queries."""


def reports(
    answers: Mapping[str, Answer], nodes: Iterable[str], pods: Iterable[Mapping[str, Any] | None]
) -> tuple[dict[str, dict[str, Any]], dict[str, int | None]]:
    """By node, what its GPUs report, as the exporter itself would tell it; and how many of its InfiniBand ports are up.

    :param answers: by the keys of QUERIES, answers of the query API.
    :param nodes: the names of the cluster's nodes; series of anything else are left out.
    :param pods: records of pods, by which an exporter's node is known.
    """
    known = _Nodes(nodes, pods)
    gpus = known.sorted(answers["gpus"])
    moments = {
        node: [at for *_rest, at in read if isfinite(at)] for node, read in known.sorted(answers["scraped"]).items()
    }
    scraped = {node: max(read) for node, read in moments.items() if read}
    metrics = {
        node: {**gather(read), "at": scraped[node], "error": ""}
        if node in scraped
        else {"error": "Prometheus has no metric that tells when it was scraped"}
        for node, read in gpus.items()
    }
    ports = {
        node: active_ports(value for *_rest, value in read) for node, read in known.sorted(answers["ports"]).items()
    }
    return metrics, ports


class _Nodes:
    """The nodes of a cluster, as series name them."""

    def __init__(self, nodes: Iterable[str], pods: Iterable[Mapping[str, Any] | None]) -> None:
        self._names = frozenset(nodes)
        self._exporters = {pod["name"]: pod["node"] for pod in pods if pod and pod["part"] == DCGM_EXPORTER}

    def sorted(self, answer: Answer) -> dict[str, list[Sample]]:
        """The samples of an answer by their node."""
        found: dict[str, list[Sample]] = defaultdict(list)
        for name, labels, value in query_samples(answer):
            if node := self._node(labels):
                found[node].append((name, self._of_workload(labels), value))
        return found

    def _node(self, labels: Labels) -> str:
        said = [labels.get(key, "") for key in _NODE_LABELS]
        said += [self._exporters.get(labels.get("pod", ""), ""), labels.get("instance", "").rpartition(":")[0]]
        said.append(labels.get("instance", ""))
        return next((one for one in said if one in self._names), "")

    def _of_workload(self, labels: Labels) -> Labels:
        """Without the exporter's own pod, which is not who holds the GPU."""
        if labels.get("pod", "") not in self._exporters:
            return labels
        return {key: value for key, value in labels.items() if key not in ("pod", "namespace")}
