# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``fireworks.byoc.incident`` and its playbook on a real API server, under the guardrail of incidents."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.incident.incident import as_text, manifest
from ansible_collections.fireworks.byoc.plugins.module_utils._vocabulary.times import rfc3339
from byoc_testbed.api import MERGE
from tests.canaries import PLAIN, PROMPT, TOKENS
from tests.integration.ansible_runs import ROOT, run_playbook
from tests.integration.governed import governed as onboarded
from tests.integration.guarded import MISBOUND, SYSTEM, Governed, governed, layer_of, refusal
from tests.integration.interruptible.incidents import entries, findings, kept_incidents
from tests.integration.journey import agreed as contract_of
from tests.integration.journey import play
from tests.integration.nothing_proved import fleet
from tests.integration.plays import connection_to, perform, perform_tasks
from tests.integration.troubled import RESET, by_status, troubled
from tests.unit.domain.agreed import contract
from tests.unit.events.test_page import main as paged

INCIDENT = "fireworks.byoc.incident"
PLACE = f"/api/v1{SYSTEM}/configmaps"
#: Of ours, all that may write ConfigMaps there, and one that somebody bound to everything by mistake.
OTHERS = ("deployer", "upgrader", "node-medic", MISBOUND)
READERS = ("observer", "metrics-reader", "router")


@pytest.fixture(scope="module")
def birch(bed: Any) -> Iterator[Governed]:
    with governed(bed["birch"]) as made:
        made.govern(contract())
        yield made


@pytest.fixture(autouse=True)
def nothing_before(request: pytest.FixtureRequest) -> None:
    if "birch" in request.fixturenames:
        cluster = request.getfixturevalue("birch").cluster
        for one in kept_incidents(cluster):
            cluster.request("DELETE", f"{PLACE}/{one['metadata']['name']}")


def now(seconds: float = 0) -> str:
    return rfc3339(datetime.now(UTC) + timedelta(seconds=seconds))


def keep(birch: Governed, who: str = "operator", **options: Any) -> dict[str, Any]:
    """The module, as one of our identities."""
    token = birch.acting_as(who)._pool.headers["Authorization"].removeprefix("Bearer ")
    cluster = birch.cluster
    connection = connection_to(cluster, server=cluster.server, ca_file=str(cluster.ca_file), token=token)
    way = {key: options.pop(key) for key in ("server",) if key in options}
    done = perform({**connection, **way}, INCIDENT, contract=contract(), by="sre@fireworks.example", **options)
    assert not done["failed"], done
    return done


def sick(*nodes: str, fault: str = "node_not_ready") -> list[dict[str, Any]]:
    return [{**findings(node)[0], "node": node, "fault": fault, "since": now(-60)} for node in nodes]


def entry(did: str = "noted", at: str = "", **more: Any) -> str:
    return as_text({"at": at or now(), "did": did, "by": "x", **more})


# -- what it does ------------------------------------------------------------------------------------------------------


def test_an_incident_from_its_opening_to_the_review(birch: Governed, tmp_path: Path) -> None:
    opened = keep(birch, do="open", findings=sick("h100-0"))
    [row] = opened["incidents"]
    assert (opened["changed"], row["cause"], row["state"], row["asked"]) == (
        True,
        "node h100-0",
        "open",
        "Replace the GPU.",
    )
    assert [(one["kind"], one["name"], one["action"]) for one in opened["objects"]] == [
        ("ConfigMap", "incident-1", "created")
    ]
    again = keep(birch, do="open", findings=sick("h100-0"))
    assert (again["changed"], [one["incident"] for one in again["incidents"]]) == (False, [1])

    bundle = {"file": "acme-node-h100-0.tar", "sha256": "ab" * 32}
    handed = {"owner": "customer", "topic": "networking", "ask": "Replace the switch.", "bundle": bundle}
    noted = keep(birch, do="note", number=1, **handed)
    assert noted["incidents"][0]["owner"] == "Acme networking <networking@acme.example>"
    assert keep(birch, do="note", number=1, **handed)["changed"] is False
    # The customer's people add to it with their own tools.
    birch.cluster.request("PATCH", f"{PLACE}/incident-1", {"data": {"3": "we are on it"}}, MERGE)
    shown = keep(birch, number=1, directory=str(tmp_path))
    assert not shown["changed"] and "noted: we are on it" in [one["what"] for one in shown["timeline"]]

    closed = keep(birch, do="close", number=1, note="The switch was replaced.", directory=str(tmp_path))
    page = closed["page"]
    for told in ("Replace the switch", "Acme networking", "| customer | ", "ab" * 32, "we are on it", "ot measured"):
        assert told in page, told
    assert closed["incidents"][0]["state"] == "closed"
    assert keep(birch, do="close", number=1, note="Again.")["changed"] is False
    assert [one["did"] for one in _told(birch, "incident-1")] == ["opened", "noted", "closed"]


def _told(birch: Governed, name: str) -> list[dict[str, Any]]:
    data = birch.cluster.request("GET", f"{PLACE}/{name}")["data"]
    return [
        json.loads(text) for _key, text in sorted(data.items(), key=lambda one: int(one[0])) if text.startswith("{")
    ]


def test_entries_have_the_time_of_the_api_server(birch: Governed) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    keep(birch, do="open", note="slow", model="llama")
    [first] = _told(birch, "incident-1")
    assert before <= datetime.fromisoformat(first["at"]) <= datetime.now(UTC) + timedelta(seconds=1)


def test_what_there_is_not_is_said(birch: Governed) -> None:
    keep(birch, do="open", note="slow")
    token = connection_to(birch.cluster)
    for options, code in (
        ({"do": "note", "number": 7, "note": "x"}, "no_such_incident"),
        ({"do": "note", "number": 1}, "incident_not_written"),
        ({"do": "note", "number": 1, "owner": "customer"}, "incident_not_written"),
    ):
        done = perform(token, INCIDENT, contract=contract(), **options)
        assert (done["failed"], done["code"]) == (True, code), done
    assert "there are: 1" in perform(token, INCIDENT, contract=contract(), number=7)["msg"]


def test_in_check_mode_nothing_is_written(birch: Governed, tmp_path: Path) -> None:
    task = {INCIDENT: {"contract": contract(), "do": "open", "findings": findings("n1", "n2")}}
    done = perform_tasks(tmp_path, connection_to(birch.cluster), task, flags=("--check", "--diff"))
    assert [one["name"] for one in done.result["objects"]] == ["incident-1", "incident-2"]
    assert done.result["changed"] and len(done.result["diff"]) == 2
    assert entries(birch.cluster) == {}


def test_150_nodes_of_one_rack_are_one_incident_of_the_customers(birch: Governed) -> None:
    for node, rack in (("h100-0", "r7"), ("h100-1", "r7")):
        if node in birch.cluster.nodes:
            labels = {"metadata": {"labels": {"topology.kubernetes.io/rack": rack}}}
            birch.cluster.request("PATCH", f"/api/v1/nodes/{node}", labels, MERGE)
    done = keep(birch, do="open", findings=sick(*(f"node-{number}" for number in range(150))))
    assert [(one["nodes"], one["state"]) for one in done["incidents"]] == [(150, "open")]
    assert keep(birch, do="open", findings=sick(*(f"node-{number}" for number in range(150))))["changed"] is False


def test_many_controllers_at_once_open_one(birch: Governed) -> None:
    """Each sees another node of the same cause; a second cause is there from the beginning, and seen by all."""
    birch.acting_as("operator")

    def open_one(number: int) -> dict[str, Any]:
        found = [*sick(f"node-{number}"), *sick("other", fault="double_bit_error")]
        return keep(birch, do="open", findings=found)

    with ThreadPoolExecutor(8) as controllers:
        list(controllers.map(open_one, range(16)))
    kept = entries(birch.cluster)
    assert sorted(kept) == ["incident-1", "incident-2"]
    nodes = [node for told in kept.values() for one in told for row in one["symptoms"] for node in row["nodes"]]
    assert sorted(nodes) == sorted(["other", *(f"node-{number}" for number in range(16))])


def test_an_answer_that_was_lost_is_not_written_twice(birch: Governed) -> None:
    lost: list[str] = []

    def lose(method: str, path: str) -> int | None:
        if method in ("POST", "PATCH") and "/configmaps" in path and lost.count(method) < 2:
            lost.append(method)
            return RESET
        return None

    with troubled(birch.cluster, by_status(after=lose)) as server:
        keep(birch, do="open", findings=sick("n1"), server=server)
        keep(birch, do="note", number=1, note="looking", server=server)
    assert lost.count("POST") == 2 and lost.count("PATCH") == 2
    assert {name: [one["did"] for one in told] for name, told in entries(birch.cluster).items()} == {
        "incident-1": ["opened", "noted"]
    }


def test_no_secret_and_no_prompt_gets_into_an_incident(birch: Governed) -> None:
    planted = [*PLAIN.values(), *TOKENS.values(), PROMPT]
    text = "; ".join([*(f"{key}={value}" for key, value in PLAIN.items()), *TOKENS.values(), f"prompt: '{PROMPT}'"])
    found = [{**findings("n1")[0], "ask": text}]
    keep(birch, do="open", findings=found, note=text)
    for number in (1, 2):
        keep(
            birch, do="note", number=number, note=text, owner="customer", ask=text, bundle={"file": text, "sha256": ""}
        )
    closed = [keep(birch, do="close", number=number, note=text) for number in (1, 2)]
    kept = json.dumps([birch.cluster.request("GET", f"{PLACE}/incident-{number}") for number in (1, 2)])
    told = json.dumps(closed)
    assert [one for one in planted if one in kept or one in told] == []
    assert len(planted) >= 28


# -- the guardrail -----------------------------------------------------------------------------------------------------


@pytest.fixture
def three(birch: Governed) -> dict[str, str]:
    """An incident with three entries."""
    data = {
        str(number): entry("opened" if number == 1 else "noted", f"2026-11-29T21:0{number}:00Z") for number in (1, 2, 3)
    }
    birch.cluster.request("POST", PLACE, {**manifest(5, data["1"]), "data": data})
    return data


def why_not(birch: Governed, who: str, body: dict[str, Any], name: str = "incident-5") -> str:
    return refusal(birch.acting_as(who), "PATCH", f"{PLACE}/{name}", body, MERGE)


def test_only_the_operator_keeps_incidents(birch: Governed, three: dict[str, str]) -> None:
    more, new = {"data": {"4": entry()}}, manifest(6, entry("opened"))
    assert why_not(birch, "operator", more) == "" == refusal(birch.acting_as("operator"), "POST", PLACE, new)
    for who in OTHERS:
        assert layer_of(why_not(birch, who, more)) in ("admission policy", "RBAC"), who
        assert layer_of(refusal(birch.acting_as(who), "POST", PLACE, new)) == "admission policy", who
    for who in READERS:
        assert layer_of(why_not(birch, who, more)) == "RBAC", who
    for who in ("operator", *OTHERS):
        assert refusal(birch.acting_as(who), "DELETE", f"{PLACE}/incident-5"), who
        assert refusal(birch.acting_as(who), "DELETE", PLACE), who


REFUSED: dict[str, dict[str, Any]] = {
    "an entry that is changed": {"data": {"2": entry(note="other")}},
    "an entry that is taken away": {"data": {"2": None}},
    "one that is taken away and another added": {"data": {"3": None, "4": entry()}},
    "a change beside a new one": {"data": {"2": entry(note="other"), "4": entry()}},
    "two entries at once": {"data": {"4": entry(), "5": entry()}},
    "a number that is left out": {"data": {"5": entry()}},
    "no number": {"data": {"x": entry()}},
    "no entry": {"data": {}, "metadata": {"annotations": {"byoc.fireworks.ai/x": "y"}}},
    "a label beside it": {"data": {"4": entry()}, "metadata": {"labels": {"byoc.fireworks.ai/x": "y"}}},
    "an end to all entries": {"data": {"4": entry()}, "immutable": True},
    "data of another kind": {"data": {"4": entry()}, "binaryData": {"y": "eA=="}},
    "text without a moment": {"data": {"4": "rebooted"}},
    "a word that is none": {"data": {"4": entry("erased")}},
    "a text that does not end": {"data": {"4": entry()[:-1]}},
    "an hour ago": {"data": {"4": entry(at=now(-3600))}},
    "in an hour": {"data": {"4": entry(at=now(3600))}},
    "of no day": {"data": {"4": entry(at="2026-02-30T21:00:00Z")}},
    "more than an entry may be": {"data": {"4": entry(note="x" * 70_000)}},
}


def test_no_entry_is_rewritten_and_none_is_of_another_time(birch: Governed, three: dict[str, str]) -> None:
    said = {
        (who, change): why_not(birch, who, body) for who in ("operator", MISBOUND) for change, body in REFUSED.items()
    }
    assert [one for one, why in said.items() if layer_of(why) != "admission policy"] == []
    # Several are held by others' guardrails, too: the API server names any one of them.
    mine = [change for (who, change), why in said.items() if who == "operator" and "'fireworks-incidents'" in why]
    assert len(mine) >= len(REFUSED) - 2, set(REFUSED) - set(mine)


def test_an_incident_begins_with_one_entry_and_nothing_else(birch: Governed) -> None:
    for body in (
        {**manifest(7, entry("opened")), "data": {}},
        {**manifest(7, entry("opened")), "data": {"2": entry("opened")}},
        {**manifest(7, entry("opened")), "data": {"1": entry("opened"), "2": entry()}},
        {**manifest(7, entry("opened")), "immutable": True},
        {**manifest(7, entry("opened")), "binaryData": {"x": "eA=="}},
        manifest(7, entry("opened", now(-3600))),
        {**manifest(7, entry("opened")), "metadata": {**manifest(7, "")["metadata"], "name": "incident-1234567"}},
        {
            **manifest(7, entry("opened")),
            "metadata": {**manifest(7, "")["metadata"], "name": "", "generateName": "incident-"},
        },
    ):
        assert layer_of(refusal(birch.acting_as("operator"), "POST", PLACE, body)) == "admission policy", body


def test_one_that_is_full_can_still_be_closed(birch: Governed) -> None:
    data = {str(number): entry(note="x" * 60_000) for number in range(1, 14)}
    birch.cluster.request("POST", PLACE, {**manifest(5, ""), "data": data})
    assert "has no room for more" in why_not(birch, "operator", {"data": {"14": entry(note="x" * 10_000)}})
    assert "has no room for more" in why_not(birch, "operator", {"data": {"14": entry("closed", note="x" * 10_000)}})
    assert why_not(birch, "operator", {"data": {"14": entry("closed", note="over")}}) == ""
    refused = perform(connection_to(birch.cluster), INCIDENT, contract=contract(), do="note", number=5, note="y" * 900)
    assert refused["failed"] is False, "there is room for a little"


# -- the playbook, and the event path ----------------------------------------------------------------------------------

RULEBOOK = ROOT / "extensions" / "eda" / "rulebooks" / "open_incident.yml"


def test_that_there_is_none_is_said(bed: Any, tmp_path: Path) -> None:
    listed = play("incident", tmp_path, [contract_of(bed["acme"])])
    assert listed.returncode == 0 and "No incident: acme-eu-1" in listed.stdout, listed.stdout


@pytest.mark.soak
def test_a_page_opens_an_incident_as_the_rulebook_calls_it(bed: Any, tmp_path: Path) -> None:
    """What Alertmanager posts, through the filter and the action of the rulebook, to the playbook."""
    labels = {"alertname": "GpuNodeNotReady", "severity": "critical", "owner": "customer", "contact": "capacity"}
    alerts = [
        {"status": "firing", "labels": {**labels, "cluster": "acme-eu-1", "node": node}} for node in ("n-1", "n-2")
    ]
    [event] = paged({"payload": {"alerts": alerts}})
    [rule] = yaml.safe_load(RULEBOOK.read_text())[0]["rules"]
    given = {key: event[key] for key in ("alert", "nodes", "model", "component")}
    assert rule["action"]["run_playbook"]["name"] == "fireworks.byoc.incident"
    assert set(rule["action"]["run_playbook"]["extra_vars"]) == {"clusters", "do", *given}
    with onboarded(bed["acme"]):
        agreed = contract_of(bed["acme"])
        called = ("-e", json.dumps({"do": "open", **given}))
        two = ("-i", str(fleet(tmp_path / "two")), "-e", "clusters=byoc")
        wrong = run_playbook("fireworks.byoc.incident", *two, *called)
        assert wrong.returncode == 2 and "an incident is of one cluster" in " ".join(wrong.stdout.split()), wrong.stdout
        checked = play("incident", tmp_path, [agreed], *called, "--check", clusters="acme-eu-1")
        assert checked.returncode == 0 and entries(bed["acme"]) == {}, checked.stdout
        opened = play("incident", tmp_path, [agreed], *called, clusters="acme-eu-1")
        assert opened.returncode == 0, opened.stdout
        [told] = entries(bed["acme"]).values()
        assert told[0]["symptoms"][0]["nodes"] == ["n-1", "n-2"]
        sent = tmp_path / "sent.yml"
        copied = {"content": "{{ incident_page }}", "dest": str(tmp_path / "sent.md"), "mode": "0600"}
        sent.write_text(yaml.safe_dump([{"name": "Send it", "ansible.builtin.copy": copied}]))
        ended = {"do": "close", "incident": 1, "note": "The rack has power again.", "send_incident": str(sent)}
        ended["incident_dir"] = str(tmp_path / "pages")
        closed = play("incident", tmp_path, [agreed], "-e", json.dumps(ended), clusters="acme-eu-1")
        assert closed.returncode == 0, closed.stdout
        page = tmp_path / "pages" / "acme-eu-1-incident-1.md"
        assert "The rack has power again" in page.read_text() == (tmp_path / "sent.md").read_text()
        assert stat.S_IMODE(page.stat().st_mode) == 0o600
