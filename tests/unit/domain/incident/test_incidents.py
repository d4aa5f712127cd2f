# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults become incidents: how many, of what cause, and whose action."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.incident.cause import suspected
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.incident.decision import Plan, plans
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.incident.incident import (
    Incident,
    as_text,
    incident_of,
    manifest,
    next_number,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.incident.symptom import (
    FIRING,
    Symptom,
    of_alert,
    of_findings,
    of_query,
    reported,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.moments import shown_moment
from tests.unit.domain.agreed import contract
from tests.unit.domain.health.scene import assessed

START = 1_795_640_400.0
OURS = dict.fromkeys(("cordon", "drain", "gpu_reset", "reboot"), "auto") | {"replace": "never"}
THEIRS = dict.fromkeys(("cordon", "drain"), "auto") | dict.fromkeys(("gpu_reset", "reboot", "replace"), "never")


def at(seconds: float) -> str:
    return shown_moment(START + seconds)


def rack(count: int, name: str = "r7", **more: Any) -> dict[str, dict[str, Any]]:
    return {f"{name}-{number}": {"rack": name, "driver": "570.133.20", **more} for number in range(count)}


NODES = {**rack(150), **rack(50, "r8")}


def sick(node: str, seconds: float = 0, fault: str = "node_not_ready", **more: Any) -> Symptom:
    return Symptom(fault=fault, node=node, owner="customer", ask="Reboot it.", since=at(seconds), **more)


class Cluster:
    """The incidents of a cluster, as the API server keeps them."""

    def __init__(self, nodes: dict[str, dict[str, Any]] | None = None, **agreed: Any) -> None:
        self.incidents: list[Incident] = []
        self.nodes, self.contract = NODES if nodes is None else nodes, contract(**agreed)

    def see(self, symptoms: Iterable[Symptom], seconds: float = 0, changes: Any = ()) -> list[Plan]:
        made = plans(self.incidents, symptoms, self.nodes, self.contract, at(seconds), "sre@fireworks", changes)
        for plan in made:
            self.write(plan.incident, plan.entry)
        return made

    def write(self, incident: Incident | None, entry: dict[str, Any]) -> None:
        text = as_text(entry)
        if incident is None:
            kept = manifest(next_number(self.incidents), text)
        else:
            kept = {"metadata": {"name": incident.name}, "data": _data(incident) | {incident.next_key: text}}
        found = incident_of(json.loads(json.dumps(kept)))
        assert found is not None
        others = [one for one in self.incidents if one.number != found.number]
        self.incidents = sorted([*others, found], key=lambda one: one.number)

    def close(self, number: int, seconds: float) -> None:
        [incident] = [one for one in self.incidents if one.number == number]
        self.write(incident, {"at": at(seconds), "did": "closed", "by": "sre", "note": "the node was replaced"})


def _data(incident: Incident) -> dict[str, str]:
    return {str(number): as_text(entry) for number, entry in enumerate(incident.entries, 1)}


def xid(code: int) -> dict[str, Any]:
    return {"driver": "silent", "lines": [{"xid": code, "text": "pid=1234, name=python3, as the driver writes it"}]}


def gpu(**metrics: float) -> dict[str, Any]:
    return {
        "driver": "silent",
        "metrics": {"n1": {0: {f"DCGM_FI_DEV_{name}": value for name, value in metrics.items()}}},
    }


#: Of reference/faults.md: what it looks like, and who has to act where the contract lets us reset and reboot, and where
#: it does not.
FAULTS: dict[str, tuple[dict[str, Any], str, str]] = {
    "XID 46, the GPU stopped processing": (xid(46), "fireworks", "customer"),
    "XID 48, a double-bit error": (xid(48), "fireworks", "customer"),
    "XID 62, the micro-controller halted": (xid(62), "fireworks", "customer"),
    "XID 64, a row could not be remapped": (xid(64), "fireworks", "customer"),
    "XID 95, an uncontained memory error": (xid(95), "fireworks", "customer"),
    "XID 109, a context switch timed out": (xid(109), "fireworks", "customer"),
    "XID 110, a security fault": (xid(110), "fireworks", "customer"),
    "XID 119, the GSP timed out": (xid(119), "fireworks", "customer"),
    "XID 140, an unrecovered ECC error": (xid(140), "fireworks", "customer"),
    "XID 143, the GPU did not initialise": (xid(143), "fireworks", "customer"),
    "XID 149, a port of NVLink5": (xid(149), "fireworks", "customer"),
    "XID 74, an NVLink error": (xid(74), "fireworks", "customer"),
    "XID 79, the GPU has fallen off the bus": (xid(79), "fireworks", "customer"),
    "XID 151, the machine has to be restarted": (xid(151), "fireworks", "customer"),
    "XID 54, auxiliary power is not connected": (xid(54), "customer", "customer"),
    "a row remap failed": (gpu(ROW_REMAP_FAILURE=1), "customer", "customer"),
    "double-bit errors": (gpu(ECC_DBE_VOL_TOTAL=2), "fireworks", "customer"),
    "a GPU is missing": ({"exporter": {"gpus": {"n1": 7}}, "nodes": {"n1": {"gpus": 7}}}, "fireworks", "customer"),
    "NVLink is down": (
        {"nodes": {"n1": {"conditions": [{"type": "NVLinkStatusInactive", "reason": "NVLinkStatusInactive"}]}}},
        "fireworks",
        "customer",
    ),
    "the kubelet is not ready": ({"nodes": {"n1": {"ready": {"status": "Unknown", "since": "10m"}, "lease": "10m"}}},
                                 "fireworks", "customer"),
}  # fmt: skip


@pytest.mark.parametrize(("actions", "column"), [(OURS, 1), (THEIRS, 2)], ids=["ours to do", "theirs to do"])
def test_twenty_faults_have_one_incident_each_with_the_right_owner(actions: dict[str, str], column: int) -> None:
    wrong = {}
    for name, case in FAULTS.items():
        found = [one.to_dict() for one in assessed({**case[0], "contract": {"actions": actions}}).findings]
        cluster = Cluster({}, actions=actions)
        cluster.see(of_findings(found))
        told = [(one.latest("action")["owner"], one.latest("cause")["name"]) for one in cluster.incidents]
        if told != [(case[column], "n1")]:
            wrong[name] = (told, [(one["fault"], one["severity"], one["owner"]) for one in found])
    assert not wrong
    assert len(FAULTS) == 20


def test_what_the_customer_is_asked_for_is_said_exactly_and_of_whom() -> None:
    found = [one.to_dict() for one in assessed({**xid(79), "contract": {"actions": THEIRS}}).findings]
    cluster = Cluster({})
    cluster.see(of_findings(found))
    action = cluster.incidents[0].latest("action")
    assert action["contact"] == {"name": "Acme capacity", "email": "capacity@acme.example"}
    assert "eboot" in action["ask"]


ALERTS = {
    ("GpuXid", "gpu-7", "", ""): ("customer", "node gpu-7"),
    ("RouterDown", "", "", ""): ("fireworks", "component router"),
    ("ComponentDown", "", "", "alerts"): ("fireworks", "component alerts"),
    ("ObjectiveBurnsFast", "", "llama", ""): ("fireworks", "model llama"),
}


def test_an_alert_alone_says_who_acts_and_where_that_is_written() -> None:
    for (name, node, model, deployment), (owner, cause) in ALERTS.items():
        labels = {"alertname": name, "severity": "critical", "owner": owner, "node": node, "model": model}
        cluster = Cluster({})
        cluster.see([of_alert({**labels, "contact": "capacity", "deployment": deployment}, cluster.contract)])
        [one] = cluster.incidents
        assert (one.latest("action")["owner"], " ".join(map(one.latest("cause").get, ("kind", "name")))) == (
            owner,
            cause,
        )
        assert f"docs/runbooks/{name}.md" in one.latest("action")["ask"]


def test_what_an_alert_claims_is_a_word_that_is_known_or_nothing() -> None:
    labels = {"alertname": "GpuXid", "severity": "apocalyptic", "owner": "{{ x }}", "contact": "nobody", "node": "n"}
    one = of_alert(labels, contract())
    assert (one.severity, one.owner, dict(one.contact)) == ("critical", "fireworks", {"name": "", "email": ""})


# -- many symptoms of one cause ----------------------------------------------------------------------------------------


def _arrivals(how: str) -> Iterator[list[Symptom]]:
    names = [f"r7-{number}" for number in range(150)]
    if how == "at once":
        yield [sick(name) for name in names]
    for number, name in enumerate(names if how != "at once" else ()):
        spread = {"one by one": 20.0, "slowly": 24.0, "of several faults": 5.0}[how]
        faults = ("node_not_ready", "infiniband", "node_network")
        fault = faults[number % 3] if how == "of several faults" else faults[0]
        yield [sick(name, spread * number, fault)]


@pytest.mark.parametrize("how", ["at once", "one by one", "slowly", "of several faults"])
def test_150_nodes_of_one_rack_are_one_incident(how: str) -> None:
    cluster = Cluster()
    for number, symptoms in enumerate(_arrivals(how)):
        cluster.see(symptoms, 25.0 * number)
    [one] = cluster.incidents
    assert len({each.node for each in one.symptoms}) == 150
    cause, action = one.latest("cause"), one.latest("action")
    assert (cause["kind"], cause["name"], action["owner"]) == ("rack", "r7", "customer")
    assert "power, cooling and network of the rack" in action["ask"]


def test_a_driver_that_only_the_sick_have_is_suspected() -> None:
    nodes = {**rack(20, "r1", driver="580.1"), **rack(20, "r2", driver="580.1"), **rack(60, "r3")}
    cluster = Cluster(nodes)
    cluster.see([sick(name, fault="gpu_needs_reset") for name in ("r1-0", "r1-1", "r2-5")])
    assert cluster.incidents[0].latest("cause")["kind"] == "driver"


def test_two_nodes_with_faults_of_their_own_are_two_incidents() -> None:
    cluster = Cluster()
    cluster.see([sick("r7-1", fault="double_bit_error"), sick("r7-2", fault="gpu_off_the_bus")])
    cluster.see([sick("r7-3", 7200, "double_bit_error")], 7200)
    assert [one.latest("cause")["name"] for one in cluster.incidents] == ["r7-1", "r7-2", "r7-3"]


def test_everything_of_a_node_and_what_follows_from_it_is_one_incident() -> None:
    cluster = Cluster()
    cluster.see([sick("r7-1", fault="gpu_off_the_bus", touches=("llama",)), sick("r7-1", fault="nvlink_error")])
    cluster.see([Symptom(fault="ObjectiveBurnsFast", model="llama", since=at(300))], 300)
    assert len(cluster.incidents) == 1 and cluster.incidents[0].latest("cause")["kind"] == "node"
    cluster.see([Symptom(fault="ObjectiveBurnsFast", model="qwen", since=at(300))], 300)
    assert len(cluster.incidents) == 2


def test_without_a_router_the_models_are_a_consequence() -> None:
    cluster = Cluster({})
    burning = [Symptom(fault="ObjectiveBurnsFast", model=name, since=at(0)) for name in ("llama", "qwen")]
    cluster.see(burning[:1])
    cluster.see([of_alert({"alertname": "RouterDown", "owner": "fireworks"}, cluster.contract), *burning], 60)
    [one] = cluster.incidents
    assert one.latest("cause")["kind"] == "component"


# -- comes and goes ----------------------------------------------------------------------------------------------------


def test_what_comes_and_goes_is_written_once() -> None:
    cluster = Cluster()
    for number in range(200):
        cluster.see([sick("r7-1", 90.0 * number), sick("r7-1", 90.0 * number, "nvlink_error")], 90.0 * number)
    [one] = cluster.incidents
    assert len(one.entries) == 1


def test_what_an_incident_was_closed_over_opens_none_and_what_begins_later_does() -> None:
    cluster = Cluster()
    cluster.see([sick("r7-1")])
    cluster.close(1, 600)
    assert cluster.see([sick("r7-1")], 700) == []
    cluster.see([sick("r7-1", 900)], 900)
    assert [(one.number, one.is_open) for one in cluster.incidents] == [(1, False), (2, True)]


def test_a_person_who_handed_it_over_is_not_overruled_by_a_symptom() -> None:
    cluster = Cluster()
    cluster.see([sick("r7-1")])
    handed = {"owner": "customer", "contact": {"name": "Ann", "email": ""}, "ask": "Replace the switch."}
    cluster.write(cluster.incidents[0], {"at": at(60), "did": "noted", "by": "sre", "action": handed})
    cluster.see([sick("r7-2", 90)], 90)
    [one] = cluster.incidents
    assert one.latest("cause")["kind"] == "rack" and one.latest("action") == handed


def test_what_was_changed_last_before_the_first_symptom_is_suspected() -> None:
    changes = [
        {"at": at(-9000), "model": "llama", "what": "llama: revision 3"},
        {"at": at(-600), "model": "llama", "what": "llama: revision 4"},
        {"at": at(-60), "model": "qwen", "what": "qwen: revision 2"},
        {"at": at(60), "model": "llama", "what": "llama: revision 5"},
    ]
    cluster = Cluster({})
    cluster.see([Symptom(fault="ObjectiveBurnsFast", model="llama", since=at(0))], 0, changes)
    one = cluster.incidents[0]
    assert one.latest("cause")["changed"] == "llama: revision 4"
    assert one.latest("action")["ask"].startswith("Roll back what changed last (llama: revision 4)")
    assert suspected([sick("r7-1")], NODES, changes).changed == ""


def test_nobody_is_asked_to_roll_back_what_is_rolled_back() -> None:
    changes = [{"at": at(-60), "model": "", "what": "the stack: rollback from b to a, good", "back": "yes"}]
    cluster = Cluster({})
    cluster.see([Symptom(fault="ObjectiveBurnsFast", model="llama", since=at(0))], 0, changes)
    asked = cluster.incidents[0].latest("action")["ask"]
    assert asked.startswith("Look first at what changed last (the stack: rollback from b to a, good).")


def test_telemetry_answers_with_what_fires_and_since_when() -> None:
    series = {
        "metric": {"alertname": "RouterDown", "severity": "critical", "owner": "fireworks"},
        "value": [1, str(START)],
    }
    [one] = of_query({"data": {"result": [series]}}, contract())
    assert (one.component, one.since) == ("router", at(0))
    assert 'severity="critical"' in FIRING


def test_what_a_person_tells_names_no_secret() -> None:
    one = reported("it fails with password=hunter2-canary and prompt: 'my canary'", model="llama")
    assert "canary" not in one.ask and one.model == "llama"


def test_another_report_of_the_same_model_is_added_and_the_same_one_is_not() -> None:
    cluster = Cluster({})
    for number, text in enumerate(("timeouts", "timeouts", "and errors")):
        cluster.see([reported(text, model="llama")], 60.0 * number)
    [one] = cluster.incidents
    assert [entry["did"] for entry in one.entries] == ["opened", "seen"]


def test_what_is_ours_to_do_is_said_too() -> None:
    found = [one.to_dict() for one in assessed({**xid(79), "contract": {"actions": OURS}}).findings]
    cluster = Cluster({}, actions=OURS)
    cluster.see(of_findings(found))
    assert cluster.incidents[0].latest("action")["ask"].startswith("See that fireworks.byoc.remediate")


def test_an_entry_is_what_was_read_of_it() -> None:
    cluster = Cluster()
    cluster.see([sick("r7-1", touches=("llama",)), sick("r7-2", 30)])
    assert [replace(one, since="") for one in cluster.incidents[0].symptoms] == [
        replace(sick("r7-1", touches=("llama",)), since=""),
        replace(sick("r7-2"), since=""),
    ]


def test_what_somebody_else_wrote_is_a_note_and_no_error() -> None:
    raw = {
        "metadata": {"name": "incident-3"},
        "data": {"1": '{"at": "x", "did": "opened"}', "2": "rebooted", "x": "[1]"},
    }
    found = incident_of(raw)
    assert found is not None and found.is_open
    assert [entry["did"] for entry in found.entries] == ["opened", "noted", "noted"]
    for name in ("incident-0", "incident-x", "incident-12345678", "stack"):
        assert incident_of({"metadata": {"name": name}}) is None


def test_numbers_go_on_and_nobody_can_take_the_last_one_away() -> None:
    def taken(*numbers: int) -> list[Incident]:
        return [Incident(number, ()) for number in numbers]

    assert [next_number(taken(*has)) for has in ((), (1, 2), (7,), (1, 2, 999_999))] == [1, 3, 8, 3]
