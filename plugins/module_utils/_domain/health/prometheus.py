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

# What a series said itself comes first: a scrape that has a label of that name too calls the series' own "exported_…".
_NODE_LABELS = ("exported_node", "node", "kubernetes_node", "nodename", "Hostname", "pod")
_ADDRESSES = ("exported_instance", "instance")

QUERIES = {
    "gpus": f'{{__name__=~"{"|".join(METRIC_NAMES)}"}}',
    # A value of an instant query may be five minutes old, and does not say so.
    "scraped": " or ".join(f"timestamp({name})" for name in ALWAYS),
    "ports": PORTS,
}
"""What is asked, by what it is for: instant queries."""


def reports(
    answers: Mapping[str, Answer],
    nodes: Iterable[str],
    pods: Iterable[Mapping[str, Any] | None],
    addresses: Mapping[str, Iterable[str]] | None = None,
) -> tuple[dict[str, dict[str, Any]], dict[str, int | None]]:
    """By node, what its GPUs report, as the exporter itself would tell it; and how many of its InfiniBand ports are up.

    :param answers: by the keys of QUERIES, answers of the query API.
    :param nodes: the names of the cluster's nodes; series of anything else are left out.
    :param pods: records of pods, by which an exporter's node is known.
    :param addresses: of nodes, by their names.
    """
    known = _Nodes(nodes, pods, addresses or {})
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
    ports = {node: active_ports(_once(read).values()) for node, read in known.sorted(answers["ports"]).items()}
    return metrics, ports


class _Nodes:
    """The nodes of a cluster, as series name them: by name, by exporter's pod, or by the address of either."""

    def __init__(
        self,
        nodes: Iterable[str],
        pods: Iterable[Mapping[str, Any] | None],
        addresses: Mapping[str, Iterable[str]],
    ) -> None:
        exporters = [pod for pod in pods if pod and pod["part"] == DCGM_EXPORTER]
        self._exporters = {pod["name"]: pod["node"] for pod in exporters}
        at: dict[str, set[str]] = defaultdict(set)
        for node, address in (
            *((node, address) for node, known in addresses.items() for address in known),
            # The address of a pod that is over may be another's now.
            *((pod["node"], address) for pod in exporters if not pod["over"] for address in pod["addresses"].values()),
        ):
            at[address].add(node)
        only = {address: min(there) for address, there in at.items() if address and len(there) == 1}
        names = frozenset(nodes)
        told = only | self._exporters | {name: name for name in names}
        self._known = {said.lower(): node for said, node in told.items() if node in names}

    def sorted(self, answer: Answer) -> dict[str, list[Sample]]:
        """The samples of an answer by their node."""
        found: dict[str, list[Sample]] = defaultdict(list)
        for name, labels, value in query_samples(answer):
            if node := self._node(labels):
                found[node].append((name, self._of_workload(labels), value))
        return found

    def _node(self, labels: Labels) -> str:
        said = [labels.get(key, "") for key in _NODE_LABELS]
        said += [form for key in _ADDRESSES for form in _forms(labels.get(key, ""))]
        return next((found for one in said if (found := self._known.get(one.lower()))), "")

    def _of_workload(self, labels: Labels) -> Labels:
        """Without the exporter's own pod, which is not who holds the GPU."""
        if labels.get("pod", "") not in self._exporters:
            return labels
        return {key: value for key, value in labels.items() if key not in ("pod", "namespace")}


def _forms(instance: str) -> tuple[str, str]:
    """An address without its port, and as it is; of a URL, that of its host."""
    place = instance.rpartition("//")[2].partition("/")[0]
    return place.rpartition(":")[0].strip("[]"), place.strip("[]")


def _once(read: Iterable[Sample]) -> dict[tuple[str, ...], float]:
    """The values of ports, each once: a Prometheus that runs twice tells each of them twice."""
    return {
        (labels.get("device", f"#{number}"), labels.get("port", "")): value
        for number, (_name, labels, value) in enumerate(read)
    }
