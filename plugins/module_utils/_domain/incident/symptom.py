# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A symptom: something that is wrong somewhere, as an alert, a finding or a person tells it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from ..._vocabulary.owner import NO_CONTACT, Contact, Owner
from ..contract.schema_health import OWNERS, SEVERITIES, TOPICS
from ..contract.typed import Contract
from ..health.actions import badness
from ..moments import seconds_at, shown_moment
from ..names import ROUTER, TELEMETRY
from ..people import contact
from ..redaction import redacted

Data = Mapping[str, Any]

PAGES = "critical"
"""From this severity on somebody is called, and there is an incident."""
REPORTED = "reported"
"""The fault of what a person tells."""
MOST_TEXT = 1000
"""Characters of one text in an incident."""

FAULTS_OF_ALERTS = {
    "GpuAsksForRecovery": "gpu_needs_reset",
    "GpuXid": "gpu_off_the_bus",
    "GpuProgramXid": "application_fault",
    "GpuLastXidChanged": "source_missing",
    "GpuRowRemapFailed": "row_remap_failure",
    "GpuRowRemapPending": "row_remap_pending",
    "GpuDoubleBitErrors": "double_bit_error",
    "GpuSramThreshold": "sram_threshold",
    "GpuFabricDown": "fabric",
    "GpuMissing": "gpu_missing",
    "GpuSlowedByHardware": "hardware_slowdown",
    "GpuExporterSilent": "source_stale",
    "GpuExporterMissing": "source_missing",
    "GpuNodeNotReady": "node_not_ready",
    "GpuNotAllocatable": "gpu_not_allocatable",
    "EngineHung": "engine_hung",
}
"""Which class of the fault policy an alert stands for: its owner and contact are that one's."""
_COMPONENTS_OF_ALERTS = {"RouterDown": ROUTER, "ScalerSilent": TELEMETRY}


@dataclass(frozen=True, kw_only=True)
class Symptom:
    """One of one place: a node, a model, a component of the stack, or the cluster where none of them is named.

    fault: a class of the fault policy, the name of an alert, or ``reported``. touches: the models whose replicas it
    concerns. ask: what exactly is asked of the owner. since: RFC 3339, empty where nobody knows.
    """

    fault: str
    severity: str = PAGES
    node: str = ""
    model: str = ""
    component: str = ""
    touches: tuple[str, ...] = ()
    owner: str = Owner.FIREWORKS.value
    contact: Contact = field(default_factory=lambda: NO_CONTACT)
    ask: str = ""
    since: str = ""

    @property
    def place(self) -> str:
        return self.node or self.model or self.component or "the cluster"

    @property
    def key(self) -> str:
        """The same for the same fault of the same place, however often it comes and goes."""
        kind = next((name for name in ("node", "model", "component") if getattr(self, name)), "cluster")
        told = f": {self.ask}" if self.fault == REPORTED else ""
        return f"{self.fault}@{kind}/{self.place}{told}"

    def to_dict(self) -> dict[str, Any]:
        """As an incident keeps it: what is said of it, and nothing that is empty."""
        whole = {each.name: getattr(self, each.name) for each in fields(self)}
        plain = {
            **whole,
            "contact": dict(self.contact) if any(self.contact.values()) else {},
            "touches": [*self.touches],
        }
        return {name: value for name, value in plain.items() if value}


def symptom_from(data: Data) -> Symptom:
    """A symptom of plain data, whoever wrote that: texts, and only words that are known where there are few."""
    told = {name: str(data.get(name) or "")[:MOST_TEXT] for name in _TEXTS}
    who = data.get("contact")
    return Symptom(
        **told,
        fault=str(data.get("fault") or REPORTED)[:MOST_TEXT],
        severity=_word(data.get("severity"), SEVERITIES, PAGES),
        touches=tuple(str(name) for name in _listed(data.get("touches"))),
        owner=_word(data.get("owner"), [each.value for each in Owner], Owner.FIREWORKS.value),
        contact={key: str(who.get(key) or "") for key in NO_CONTACT} if isinstance(who, Mapping) else NO_CONTACT,
    )


_TEXTS = ("node", "model", "component", "ask", "since")


def _word(value: Any, known: Iterable[str], otherwise: str) -> str:
    return str(value) if value in known else otherwise


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else []


_UNDER_WAY = "See that fireworks.byoc.remediate takes it to its end: the contract lets us act."


def of_findings(findings: Iterable[Data]) -> Iterator[Symptom]:
    """Those that page, of what ``node_health_info`` found."""
    for one in findings:
        if badness(str(one["severity"])) >= badness(PAGES):
            yield symptom_from({
                **one,
                "ask": redacted(str(one.get("ask") or _UNDER_WAY)),
                "owner": one.get("owner") or Owner.FIREWORKS.value,
                "touches": sorted({str(each["model"]) for each in one.get("replicas") or () if each.get("model")}),
                "since": one.get("since") or one.get("at") or "",
            })  # fmt: skip


def of_alert(labels: Data, contract: Contract) -> Symptom:
    """An alert, by its labels: Prometheus' own, or the few that the event path lets through; and ``since``."""
    name = str(labels.get("alertname") or labels.get("alert") or REPORTED)
    owner = _word(labels.get("owner"), OWNERS, Owner.FIREWORKS.value)
    topic = _word(labels.get("contact"), TOPICS, "support")
    return symptom_from({
        "fault": FAULTS_OF_ALERTS.get(name, name),
        "severity": labels.get("severity"),
        "node": labels.get("node"),
        # Of a replica that hangs the node is well.
        "model": "" if labels.get("node") else labels.get("model"),
        "component": _COMPONENTS_OF_ALERTS.get(name) or labels.get("deployment"),
        "touches": [labels["model"]] if labels.get("node") and labels.get("model") else [],
        "owner": owner,
        "contact": contact(contract, topic) if owner == Owner.CUSTOMER else NO_CONTACT,
        "ask": f"Do what docs/runbooks/{name}.md says.",
        "since": shown_moment(seconds_at(labels.get("since") or "")),
    })  # fmt: skip


def of_query(answer: Data, contract: Contract) -> Iterator[Symptom]:
    """Those that page, of what our telemetry answers to :data:`FIRING`; the value is when each began."""
    for series in (answer.get("data") or {}).get("result") or ():
        yield of_alert({**(series.get("metric") or {}), "since": float(series["value"][1])}, contract)


FIRING = f'ALERTS_FOR_STATE{{severity="{PAGES}"}} and ignoring (alertstate) ALERTS{{alertstate="firing"}}'
"""In PromQL, all that pages now, with when it began."""


def reported(text: str, node: str = "", model: str = "", component: str = "") -> Symptom:
    """What a person tells."""
    return Symptom(
        fault=REPORTED, node=node, model=model, component=component, ask=f"Find out what is wrong: {redacted(text)}"
    )
