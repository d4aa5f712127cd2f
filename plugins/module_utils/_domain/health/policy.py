# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fault policy: a table of classes of fault, ready to be asked.

The table is data (roles/stack/files/faults.yml). What a fleet, a customer and a cluster's contract change in it are
layers of the same data, laid over it by ``layered``, so that a changed table is a table again.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..._vocabulary.listing import few
from ..contract.durations import parse_duration
from ..contract.errors import where
from ..contract.names import did_you_mean
from ..contract.schema_health import HEALTH
from ..contract.validate import explained
from .policy_schema import POLICY_SCHEMA

Table = Mapping[str, Any]

EMITTED = (
    "driver_asks",
    "unknown_xid",
    "unknown_dcgm",
    "unknown_condition",
    "source_missing",
    "source_stale",
    "source_incomplete",
    "not_ready",
    "not_ready_yet",
    "flapping",
    "leaving",
    "gpu_count",
    "gpu_count_unlike_others",
    "gpu_not_allocatable",
    "admission_failed",
    "device_plugin_missing",
    "gpu_lost",
    "fallen_off_the_bus",
    "double_bit_errors",
    "single_bit_errors",
    "remapped_rows",
    "row_remap_pending",
    "row_remap_failure",
    "sram_threshold",
    "thermal_slowdown",
    "hardware_slowdowns",
    "power_cap",
    "fabric_failed",
    "infiniband_ports",
    "engine_hung",
    "pods_failing",
    "remediated_too_often",
    "repair_unproven",
    "sxid",
)
"""The signs that our own readers make. A table has a class for each, so that none is ever lost."""


class PolicyError(ValueError):
    """A fault policy, or what a fleet, a customer or a contract changes in it, cannot be used."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        advice = "Whoever wrote the policy, or the override that is named, corrects it; nothing was assessed."
        listed = few(self.problems, separator="\n  - ")
        super().__init__(f"The fault policy cannot be used. {advice}\n  - {listed}")


@dataclass(frozen=True)
class Recurrence:
    """What is recommended when a fault was seen ``times`` times, in ``within`` seconds, in the same place."""

    same: str
    times: int
    within: float
    action: str
    why: str
    across_boot: bool = False


@dataclass(frozen=True)
class Row:
    """One class of fault, as the table has it; ``changed_by`` names the last layer that changed it."""

    fault: str
    title: str
    scope: str
    severity: str
    action: str
    owner: str
    contact: str
    ask: str = ""
    quarantine: bool = False
    survives_boot: bool = False
    driver_decides: bool = False
    recurrence: tuple[Recurrence, ...] = ()
    changed_by: str = ""


@dataclass(frozen=True)
class Policy:
    """A table that was checked. ``limits`` are numbers: seconds, or how many."""

    version: str
    limits: Mapping[str, float]
    recovery: Mapping[int, tuple[str, str]]
    rows: Mapping[str, Row]
    index: Mapping[str, str] = field(repr=False)

    def row_of(self, signal: str) -> Row | None:
        """The class of a sign; None where the table has none."""
        fault = self.index.get(signal)
        return self.rows[fault] if fault else None

    def row_of_xid(self, code: int, says: str = "") -> Row:
        """The class of a code of the driver, with what its line says too. A code that nobody knows has one as well."""
        fault = self.index.get(f"xid {code} {says}") or self.index.get(f"xid {code}") or self.index["unknown_xid"]
        return self.rows[fault]


def check_layer(name: str, layer: Any) -> None:
    """Raises PolicyError where what a fleet or a customer changes has not the form of the contract section."""
    if problems := [f"{name}: {where(('health', *place))}: {text}" for place, text in explained(layer, HEALTH).items()]:
        raise PolicyError(problems)


def layered(table: Table, layers: Sequence[tuple[str, Mapping[str, Any]]]) -> dict[str, Any]:
    """The table with what each layer changes, later ones over earlier ones.

    layers: pairs of a name ("fleet", "customer", "cluster") and a mapping with ``faults`` and ``xids`` as in the
    contract's ``health``. Raises PolicyError, naming the layer and the place.
    """
    result: dict[str, Any] = copy.deepcopy(dict(table))
    rows = {row["class"]: row for row in result["faults"]}
    problems: list[str] = []
    for name, layer in layers:
        for index, change in enumerate(layer.get("faults") or ()):
            place = f"{name}: health.faults[{index}].class"
            if problem := _unknown(change["class"], rows):
                problems.append(f"{place}: {problem}")
                continue
            rows[change["class"]].update(change, changed_by=name)
        for index, change in enumerate(layer.get("xids") or ()):
            if problem := _unknown(change["class"], rows):
                problems.append(f"{name}: health.xids[{index}].class: {problem}")
                continue
            _move(result["faults"], rows[change["class"]], change["code"])
            rows[change["class"]]["changed_by"] = name
    if problems:
        raise PolicyError(problems)
    return result


def build_policy(table: Table) -> Policy:
    """The policy of a table. Raises PolicyError with everything that is wrong with it."""
    problems = [f"{where(place)}: {message}" for place, message in explained(table, POLICY_SCHEMA).items()]
    problems = problems or list(_contradictions(table))
    if problems:
        raise PolicyError(problems)
    return Policy(
        version=table["version"],
        limits={key: _number(value) for key, value in table["limits"].items()},
        recovery={entry["value"]: (entry["name"], entry["action"]) for entry in table["recovery_actions"]},
        rows={row["class"]: _row(row) for row in table["faults"]},
        index={signal: row["class"] for row in table["faults"] for signal in _signals(row)},
    )


def _move(rows: Sequence[dict[str, Any]], to: dict[str, Any], code: int) -> None:
    """The whole code counts as another class, whatever its line says too."""
    for row in rows:
        row["xids"] = [one for one in row.get("xids") or () if one != code]
    # As a sign, and not among its codes: the class may be one of lines that say something.
    to["signals"] = [*(to.get("signals") or ()), f"xid {code}"]


def _signals(row: Mapping[str, Any]) -> Iterator[str]:
    says = f" {row['says']}" if "says" in row else ""
    yield from (f"xid {code}{says}" for code in row.get("xids") or ())
    yield from row.get("signals") or ()


def _contradictions(table: Table) -> Iterator[str]:
    seen: dict[str, str] = {}
    classes: set[str] = set()
    for index, row in enumerate(table["faults"]):
        name = row["class"]
        if name in classes:
            yield f"faults[{index}].class: there is another row of class {name}: make them one"
        classes.add(name)
        for signal in _signals(row):
            if signal in seen:
                yield f"faults[{index}]: {signal} is a sign of {seen[signal]} already: take one of them away"
            seen[signal] = name
        for source in row["sources"]:
            if source not in table["sources"]:
                meant = did_you_mean(source, table["sources"])
                yield f"faults[{index}].sources: {source} is not in sources: {meant}"
    for signal in EMITTED:
        if signal not in seen:
            yield f"faults: no class has the sign {signal}: add it to one, so that it is not lost"


def _row(data: Mapping[str, Any]) -> Row:
    repeats = tuple(Recurrence(**{**rule, "within": _number(rule["within"])}) for rule in data.get("recurrence") or ())
    plain = {key: data[key] for key in Row.__dataclass_fields__ if key in data and key != "recurrence"}
    return Row(fault=data["class"], recurrence=repeats, **plain)


def _number(value: Any) -> float:
    return parse_duration(value).total_seconds() if isinstance(value, str) else float(value)


def _unknown(fault: str, rows: Mapping[str, Any]) -> str:
    return "" if fault in rows else f"there is no class {fault} in the fault policy: {did_you_mean(fault, list(rows))}"
