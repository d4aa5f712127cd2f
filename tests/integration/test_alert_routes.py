# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every alert arrives where the contract says, by the Alertmanager that the stack release runs."""

from __future__ import annotations

import itertools
import random
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.objectives import objective_rules
from byoc_testbed import parts
from byoc_testbed.errors import TestbedError
from tests.integration.alert_receivers import (
    Inbox,
    alertmanager,
    amtool,
    configured,
    inbox,
    post_alerts,
    ready,
    told_by_amtool,
)
from tests.integration.ansible_runs import ROOT
from tests.integration.event_chain import RELEASE
from tests.tools import monitoring
from tests.unit.domain.agreed import contract as agreed
from tests.unit.domain.agreed import model

RULES = RELEASE / "alert-rules.yml"
PROMISED = agreed(models=[model(objectives={"availability": 0.99})])
GROUPS = [*yaml.safe_load(RULES.read_text())["groups"], *objective_rules(PROMISED, "3d")["groups"]]
ALERTS = {rule["alert"]: rule for group in GROUPS for rule in group["rules"] if "alert" in rule}
SEVERITIES = ("warning", "error", "critical")
TOPICS = ("networking", "account", "capacity", "security", "support")
WHO = [("fireworks", ""), *(("customer", topic) for topic in TOPICS)]
EVENTS = {"url": "https://events.byoc.example/alerts", "token_secret": {"name": "events", "key": "token"}}
NOTICED = 120
"""Seconds within which a watchdog that is missing has to be noticed."""
PATIENCE = 50
"""Seconds after which a receiver of the watchdog raises the alarm: docs/alerts.md."""


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    try:
        parts.program(parts.ALERTMANAGER, "amtool")
    except TestbedError as error:
        pytest.skip(f"Alertmanager cannot be built here: {error}")


def webhook(name: str, url: str = "https://noc.acme.example/") -> dict[str, Any]:
    return {"name": name, "webhook": {"url": f"{url}{name}", "token_secret": {"name": "tokens", "key": name}}}


def of_a_route(route: dict[str, Any], owner: str, contact: str, severity: str) -> bool:
    """As docs/alerts.md says it."""
    if route.get("owner", owner) != owner or route.get("contact", contact) != contact:
        return False
    return SEVERITIES.index(severity) >= SEVERITIES.index(route.get("severity", "warning"))


def contract_by(draw: random.Random) -> dict[str, Any]:
    names = [f"r{number}" for number in range(5)]
    routes = []
    for _number in range(draw.randrange(7)):
        owner, contact = draw.choice([*WHO, ("", ""), ("", "capacity"), ("customer", "")])
        said = {"owner": owner, "contact": contact, "severity": draw.choice(["", *SEVERITIES])}
        receivers = draw.sample(names, draw.choice([1, 1, 2, 3]))
        routes.append({**{key: value for key, value in said.items() if value}, "receivers": receivers})
    told = {"receivers": list(map(webhook, names)), "default_receiver": draw.choice(names), "routes": routes}
    watched = {"watchdog": draw.choice(names)} if draw.random() < 0.5 else {}
    return {"alerts": {**told, **watched}, "health": {"events": EVENTS} if draw.random() < 0.5 else {}}


def expected(contract: dict[str, Any], owner: str, contact: str, severity: str) -> list[str]:
    told = contract["alerts"]
    fits = [route["receivers"] for route in told["routes"] if of_a_route(route, owner, contact, severity)]
    return list(fits[0]) if fits else [told["default_receiver"]]


@pytest.mark.soak(sample=1)
@pytest.mark.parametrize("seed", range(40))
def test_alertmanagers_own_routing_is_what_the_contract_says(seed: int, tmp_path: Path) -> None:
    contract = contract_by(random.Random(seed))  # noqa: S311
    config = configured(contract, tmp_path, {})
    assert "SUCCESS" in amtool("check-config", str(config))
    for (owner, contact), severity in itertools.product(WHO, SEVERITIES):
        labels = {"alertname": "Any", "cluster": "acme-eu-1", "owner": owner, "severity": severity}
        labels |= {"contact": contact} if contact else {}
        wanted = expected(contract, owner, contact, severity)
        assert told_by_amtool(config, labels) == wanted, (contract["alerts"], labels)
        if contract["health"]:
            assert told_by_amtool(config, {**labels, "remediate": "true"}) == ["byoc:events", *wanted]
    alive = ["byoc:watchdog"] if contract["alerts"].get("watchdog") else ["byoc:nobody"]
    assert told_by_amtool(config, {"alertname": "Watchdog", "owner": "fireworks", "severity": "none"}) == alive


def fault(name: str, number: int) -> dict[str, Any]:
    """An alert as Prometheus sends it."""
    rule = ALERTS[name]
    labels = {key: value for key, value in rule["labels"].items() if "{{" not in value}
    where = {"node": f"gpu-{number}", "model": f"model-{number}", "pod": f"pod-{number}"}
    return {
        "labels": {"alertname": name, "cluster": "acme-eu-1", **labels, **where},
        "annotations": rule["annotations"],
    }


FAULTS = [(name, number) for number in (1, 2) for name in ALERTS if name != "Watchdog"]
KINDS = ("pager", "chat", "hook", "spare", "events")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("alerts")
    with inbox() as received:
        config = configured(contract_of(received), folder, {
            "tokens/hook": "token-of-hook", "tokens/spare": "token-of-spare", "tokens/events": "token-of-events",
            "keys/routing-key": "key-of-pager", "keys/slack-url": received.url("/chat"),
        })  # fmt: skip
        text = config.read_text()
        config.write_text(text.replace("{", f'{{"global": {{"pagerduty_url": "{received.url("/pagerduty")}"}},', 1))
        with alertmanager(folder, config) as made:
            yield made, received


def contract_of(received: Inbox) -> dict[str, Any]:
    pager = {"name": "pager", "pagerduty": {"routing_key_secret": {"name": "keys", "key": "routing-key"}}}
    chat = {"name": "chat", "slack": {"url_secret": {"name": "keys", "key": "slack-url"}, "channel": "#byoc"}}
    told = {
        "receivers": [pager, chat, webhook("hook", received.url("/")), webhook("spare", received.url("/"))],
        "default_receiver": "spare",
        "routes": [
            {"owner": "fireworks", "severity": "error", "receivers": ["pager"]},
            {"owner": "customer", "contact": "capacity", "receivers": ["hook", "chat"]},
        ],
    }
    events = {"url": received.url("/events"), "token_secret": {"name": "tokens", "key": "events"}}
    return {"alerts": told, "health": {"events": events}}


def test_forty_faults_arrive_once_at_the_right_receiver_with_owner_and_runbook(place: Any) -> None:
    made, received = place
    contract = contract_of(received)
    assert len(FAULTS) >= 40
    post_alerts(made, [fault(*each) for each in FAULTS])
    wanted: dict[str, set[tuple[str, str]]] = {}
    for name, number in FAULTS:
        labels = fault(name, number)["labels"]
        found = expected(contract, labels["owner"], labels.get("contact", ""), labels["severity"])
        found += ["events"] if labels.get("remediate") else []
        for receiver in found:
            wanted.setdefault(receiver, set()).add((name, str(number)))
    silenced = {"GpuExporterSilent", "GpuExporterMissing", "GpuNotAllocatable", "ModelNotWoken"}
    silenced |= {name for name in ALERTS if name.startswith("Objective")}
    for receiver, alerts in wanted.items():
        wanted[receiver] = {each for each in alerts if each[0] not in silenced}
    deadline = time.monotonic() + 60
    while any(len(seen(received, kind)) < len(alerts) for kind, alerts in wanted.items()):
        assert time.monotonic() < deadline, {kind: sorted(wanted[kind] - set(seen(received, kind))) for kind in wanted}
        time.sleep(0.5)
    time.sleep(12)  # whoever would be told twice, or in vain, would be by now
    for kind, alerts in wanted.items():
        assert sorted(seen(received, kind)) == sorted(alerts), kind
    for message in received.of("/hook"):
        assert message.authorization == "Bearer token-of-hook"
        for alert in message.body["alerts"]:
            assert (alert["labels"]["owner"], alert["labels"]["contact"]) == ("customer", "capacity")
            page = alert["annotations"]["runbook_url"].partition("/blob/main/")[2]
            assert (ROOT / page).exists(), page
    for message in received.of("/pagerduty"):
        body = message.body
        assert (body["routing_key"], body["payload"]["severity"] in SEVERITIES) == ("key-of-pager", True)
        assert body["links"][0]["href"].endswith(".md")
    assert {each.body["channel"] for each in received.of("/chat")} == {"#byoc"}
    assert {each.authorization for each in received.of("/events")} == {"Bearer token-of-events"}


def seen(received: Inbox, receiver: str) -> list[tuple[str, str]]:
    """The alerts that arrived at a receiver: their names and numbers, each as often as it came."""
    if receiver in ("hook", "spare", "events"):
        alerts = [alert["labels"] for each in received.of(f"/{receiver}") for alert in each.body["alerts"]]
        return [(one["alertname"], one["model"].rpartition("-")[2]) for one in alerts]
    texts = [str(each.body) for each in received.of("/pagerduty" if receiver == "pager" else "/chat")]
    return [(name, str(number)) for name, number in FAULTS for text in texts if says(text, name, number)]


def says(text: str, name: str, number: int) -> bool:
    return f"{name} in acme-eu-1, model-{number}" in text and f"/{name}.md" in text


@pytest.mark.soak
def test_a_watchdog_that_stops_is_noticed_within_two_minutes(tmp_path: Path) -> None:
    """By its receiver, since nobody in the cluster can say so: first Prometheus ends, then Alertmanager."""
    prometheus = monitoring.command("prometheus")
    if prometheus is None:
        pytest.skip(monitoring.lacking("prometheus"))
    with inbox() as received:
        told = {"receivers": [webhook("dog", received.url("/"))], "default_receiver": "dog", "watchdog": "dog"}
        config = configured({"alerts": told}, tmp_path, {"tokens/dog": "token"})
        with alertmanager(tmp_path, config) as made:
            target = {"static_configs": [{"targets": [f"127.0.0.1:{made.ports['alertmanager']}"]}]}
            (tmp_path / "prometheus.yml").write_text(yaml.safe_dump({
                "global": {"external_labels": {"cluster": "acme-eu-1"}},
                "rule_files": [str(RULES)], "alerting": {"alertmanagers": [target]},
            }))  # fmt: skip
            command = [*prometheus, "--config.file=prometheus.yml", "--storage.tsdb.path=tsdb", resend_delay(),
                       f"--web.listen-address=127.0.0.1:{made.ports['prometheus']}"]  # fmt: skip
            made.start("prometheus", command)
            ready(made, "prometheus")
            assert_alive(received, 60)
            stopped = time.time()
            made.processes["prometheus"].kill()
            print(f"Prometheus ended, noticed after {noticed(received, stopped):.0f} s")
            made.start("prometheus", command)
            ready(made, "prometheus")
            assert_alive(received, 30)
            stopped = time.time()
            made.processes["alertmanager"].kill()
            print(f"Alertmanager ended, noticed after {noticed(received, stopped):.0f} s")
    assert {message.body["status"] for message in received.messages} == {"firing"}


def resend_delay() -> str:
    """As telemetry's own Prometheus has it."""
    [found] = [line for line in (RELEASE / "telemetry.yml.j2").read_text().split() if "resend-delay" in line]
    return found


def assert_alive(received: Inbox, seconds: int) -> None:
    before, until = len(received.messages), time.time() + 30 + seconds
    while time.time() < until and len(received.messages) < before + 1 + seconds // 20:
        time.sleep(1)
    at = [message.at for message in received.messages[before:]]
    assert len(at) >= 1 + seconds // 20 and max(b - a for a, b in itertools.pairwise(at)) < PATIENCE


def noticed(received: Inbox, stopped: float) -> float:
    """After how many seconds a receiver with this patience raises the alarm."""
    while time.time() < received.messages[-1].at + PATIENCE:
        time.sleep(1)
        assert time.time() < stopped + NOTICED, "it is still called"
    return max(received.messages[-1].at + PATIENCE, stopped) - stopped
