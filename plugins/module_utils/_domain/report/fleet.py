# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of a fleet: every cluster's part, what they come to, and the tables of the page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..._vocabulary.listing import few
from ..contract.typed import Contract
from ..drift import drift
from ..health.actions import badness
from ..immunity import exposures
from ..moments import seconds_at

Data = Mapping[str, Any]
Row = dict[str, Any]


def fleet_report(
    clusters: Iterable[Data], contracts: Mapping[str, Contract], releases: Sequence[Data], made: str
) -> Row:
    """The whole report as plain data: when it was ``made``, its ``totals``, and each cluster's part with its drift.

    :param clusters: the parts, as ``cluster_report`` makes them. :param contracts: by the names of the clusters.
    :param releases: descriptions of stack releases, as for ``drift``.
    """
    given = list(clusters)
    parts = [_with_drift(one, contracts[str(one["cluster"])], releases) for one in given]
    return {"made": made, "totals": _totals(parts), "shared": _shared(given), "clusters": parts}


def _shared(parts: Sequence[Data]) -> list[Row]:
    """The signatures of faults, and who else has them."""
    sick = [{"cluster": part["cluster"], **one} for part in parts for one in part["sick"]]
    return [
        {
            "fault": one.fault,
            "signature": " ".join(one.trait),
            "sick": one.sick,
            "nodes": one.nodes,
            "found_on": list(one.found_on),
            "also_on": list(one.also_on),
        }
        for one in exposures(sick, {str(part["cluster"]): part["signature"] for part in parts})
    ]


def _with_drift(part: Data, contract: Contract, releases: Sequence[Data]) -> Row:
    there = part["installed"]
    found = drift(contract, there, releases) if there else []
    told = {key: value for key, value in part.items() if key not in ("installed", "signature", "sick")}
    return {**told, "drift": [{"what": row["what"], "next": row["next"]} for row in found]}


def _totals(parts: Sequence[Data]) -> Row:
    gpus: dict[str, Counter[str]] = {}
    for row in (row for part in parts for row in part["gpus"]):
        gpus.setdefault(row["product"], Counter()).update({key: row[key] for key in _GPUS})
    incidents = [row for part in parts for row in part["incidents"]]
    return {
        "clusters": len(parts),
        "states": dict(Counter(part["state"] for part in parts)),
        "stacks": dict(Counter(part["stack"] for part in parts if part["stack"] != "-")),
        "gpus": {product: dict(counts) for product, counts in sorted(gpus.items())},
        "models": sum(len(part["models"]) for part in parts),
        "findings": dict(Counter(row["severity"] for part in parts for row in part["findings"])),
        "budgets": dict(Counter(row["state"] for part in parts for row in part["budgets"])),
        "drifting": sum(bool(part["drift"]) for part in parts),
        "incidents": dict(Counter(row["owner"] or "nobody" for row in incidents)),
        "credentials_end_soon": sum(row["state"] != "valid" for part in parts for row in part["credentials"]),
    }


_GPUS = ("capacity", "allocatable", "ours", "others", "closed", "free")


@dataclass(frozen=True)
class Table:
    """A table of the page: its id, title and columns (key and heading), the keys of numbers, and its rows.

    empty: what is said where there are none. grave: the key of the cell that tells how bad a row is.
    """

    id: str
    title: str
    columns: Sequence[tuple[str, str]]
    rows: Sequence[Row]
    empty: str
    numbers: frozenset[str] = frozenset()
    grave: str = ""
    left_out: int = field(default=0)


def tables(report: Data) -> list[Table]:
    """The tables of the page, with all rows, the gravest first."""
    parts = report["clusters"]

    def rows(key: str, order: Callable[[Row], Any] | None = None) -> list[Row]:
        found = [{"cluster": part["cluster"], **row} for part in parts for row in part[key]]
        return sorted(found, key=order) if order else found

    return [
        Table("clusters", "Clusters", _CLUSTERS, sorted(map(_cluster, parts), key=_by_state), "No clusters.",
              frozenset({"findings", "incidents"}), "state"),
        Table("incidents", "Open incidents", _INCIDENTS, rows("incidents", _by_severity), "No open incident.",
              frozenset({"incident", "nodes"}), "severity"),
        Table("shared", "Signatures of faults", _SHARED, [_listed(row) for row in report["shared"]],
              "No two sick nodes have something in common that others have not.", frozenset({"sick", "nodes"})),
        Table("findings", "Findings", _FINDINGS, rows("findings", _by_severity), "Nothing was found.",
              grave="severity"),
        Table("budgets", "Error budgets", _BUDGETS, rows("budgets", _by_budget), "No model has objectives.",
              frozenset({"promised", "bad"}), "state"),
        Table("drift", "Different from the contract", _DRIFT, rows("drift"), "Every cluster is as its contract says."),
        Table("credentials", "Credentials and grants that end", _CREDENTIALS, rows("credentials", _by_end),
              "No credential says when it ends.", grave="state"),
        Table("gpus", "GPUs", _GPU_COLUMNS, rows("gpus"), "No cluster has GPUs.",
              frozenset({"nodes", *_GPUS})),
        Table("models", "Models", _MODELS, rows("models"), "No models.",
              frozenset({"revision", "ready", "replicas", "gpus"})),
        Table("rollouts", "Rollouts", _ROLLOUTS, _timeline(rows("rollouts"), str(report["made"])),
              "Nothing was rolled out.", grave="state"),
        Table("unread", "What could not be read", (("cluster", "Cluster"), ("what", "What")), _unread(parts),
              "All was read."),
    ]  # fmt: skip


_CLUSTERS = (
    ("cluster", "Cluster"), ("state", "State"), ("reason", "Why"), ("stack", "Stack"), ("models", "Models ready"),
    ("replicas", "Replicas"), ("gpus", "GPUs ours/free"), ("nodes", "Nodes"), ("findings", "Findings"),
    ("incidents", "Incidents"), ("kubernetes", "Kubernetes"), ("place", "Where"), ("customer", "Customer"),
)  # fmt: skip
_INCIDENTS = (
    ("cluster", "Cluster"), ("incident", "No."), ("severity", "Severity"), ("cause", "Suspected cause"),
    ("opened", "Opened"), ("owner", "Whose action"), ("since", "Since"), ("asked", "What is asked"),
    ("nodes", "Nodes"), ("models", "Models"),
)  # fmt: skip
_SHARED = (
    ("fault", "Fault"), ("signature", "All sick nodes have"), ("sick", "Sick nodes"), ("nodes", "Nodes with it"),
    ("found_on", "Found on"), ("also_on", "Also on"),
)  # fmt: skip
_FINDINGS = (
    ("cluster", "Cluster"), ("severity", "Severity"), ("place", "Place"), ("fault", "Fault"), ("since", "Since"),
    ("action", "Action"), ("owner", "Owner"), ("next", "Next"),
)  # fmt: skip
_BUDGETS = (
    ("cluster", "Cluster"), ("model", "Model"), ("objective", "Objective"), ("promised", "Promised"),
    ("left", "Budget"), ("bad", "Bad events"), ("since", "Measured since"),
)  # fmt: skip
_DRIFT = (("cluster", "Cluster"), ("what", "What"), ("next", "Next"))
_CREDENTIALS = (
    ("cluster", "Cluster"), ("what", "What"), ("user", "Of"), ("until", "Until"), ("left", "Left"), ("state", "State"),
)  # fmt: skip
_GPU_COLUMNS = (
    ("cluster", "Cluster"), ("product", "Product"), ("nodes", "Nodes"), ("capacity", "GPUs"),
    ("allocatable", "Allocatable"), ("ours", "Ours"), ("others", "Others'"), ("closed", "Closed"), ("free", "Free"),
)  # fmt: skip
_MODELS = (
    ("cluster", "Cluster"), ("model", "Model"), ("revision", "Revision"), ("state", "State"), ("image", "Engine"),
    ("ready", "Ready"), ("replicas", "Replicas"), ("gpus", "GPUs"), ("status", "Status"),
)  # fmt: skip
_ROLLOUTS = (
    ("began", "Began"), ("cluster", "Cluster"), ("of", "Of"), ("change", "Change"), ("state", "State"),
    ("ended", "Ended"), ("requested_by", "Requested by"), ("failure", "Failure"), ("bar", "When"),
)  # fmt: skip

_STATES = ("unreachable", "degraded", "not onboarded", "ready")


def _cluster(part: Data) -> Row:
    ours, free = (sum(row[key] for row in part["gpus"]) for key in ("ours", "free"))
    models = part["models"]
    ready = sum(row["ready"] >= row["replicas"] and row["status"] == "ready" for row in models)
    read = part["state"] != "unreachable"
    return {
        **{key: part[key] for key in ("cluster", "customer", "state", "stack", "replicas", "nodes", "kubernetes")},
        "models": f"{ready}/{len(models)}" if read else "-",
        "gpus": f"{ours}/{free}" if read else "-",
        "place": f"{part['provider']} {part['region']}",
        "findings": len(part["findings"]) if read else "-",
        "incidents": len(part["incidents"]) if read else "-",
        "reason": part["reason"],
    }


def _by_state(row: Row) -> tuple[int, str]:
    return _STATES.index(row["state"]), row["cluster"]


def _by_severity(row: Row) -> tuple[float, str]:
    return -badness(row["severity"]), row["cluster"]


def _by_budget(row: Row) -> tuple[float, str]:
    return -(row["spent"] or 0.0), row["cluster"]


def _by_end(row: Row) -> str:
    return str(row["until"])


def _timeline(rows: list[Row], made: str) -> list[Row]:
    """Newest first, each with its place on one line from the oldest to now: from where, and how far, in per mille."""
    now = seconds_at(made) or 0.0
    began = [seconds_at(row["began"]) for row in rows]
    first = min((moment for moment in began if moment is not None), default=now)
    span = max(now - first, 1.0)
    for row, moment in zip(rows, began, strict=True):
        start = now if moment is None else moment
        end = max(start, seconds_at(row["ended"]) or start)
        left = round(1000 * (start - first) / span)
        row["bar"] = (min(left, 990), max(10, round(1000 * (end - start) / span)))
    return sorted(rows, key=lambda row: str(row["began"]), reverse=True)


def _listed(row: Data) -> Row:
    return {**row, "found_on": few(row["found_on"]), "also_on": few(row["also_on"])}


def _unread(parts: Iterable[Data]) -> list[Row]:
    return [{"cluster": part["cluster"], "what": what} for part in parts for what in part["unread"]]
