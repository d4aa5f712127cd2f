# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a contract's receivers and routes compile to: for Alertmanager, for its pods, and for the network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.alerting import alerting, somebody_is_told
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.alerting.receivers import receiver_ports
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.presetup import presetup_objects
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.presetup.network import network_policies
from tests.unit.domain.agreed import contract
from tests.unit.domain.contract.contracts import complaints_about, loaded

ROOT = Path(__file__).resolve().parents[3]

EVENTS = {"url": "https://events.byoc.example/alerts", "token_secret": {"name": "byoc-events", "key": "token"}}
PAGER = {"name": "pager", "pagerduty": {"routing_key_secret": {"name": "keys", "key": "routing-key"}}}
CHAT = {"name": "chat", "slack": {"url_secret": {"name": "keys", "key": "slack-url"}, "channel": "#byoc"}}
MAIL = {
    "name": "mail",
    "email": {
        "to": ["noc@acme.example", "gpu@acme.example"],
        "from": "byoc@acme.example",
        "smarthost": "smtp.acme.example:587",
        "username": "byoc",
        "password_secret": {"name": "mail", "key": "password"},
    },
}
HOOK = {
    "name": "hook",
    "webhook": {"url": "https://noc.acme.example:8443/byoc", "token_secret": {"name": "hook", "key": "token"}},
}
SNITCH = {"name": "snitch", "webhook": {"url_secret": {"name": "keys", "key": "snitch-url"}}}
ALERTS: dict[str, Any] = {
    "receivers": [PAGER, CHAT, MAIL, HOOK, SNITCH],
    "default_receiver": "chat",
    "routes": [
        {"owner": "fireworks", "severity": "critical", "receivers": ["pager", "chat"]},
        {"owner": "customer", "contact": "networking", "severity": "warning", "receivers": ["mail"]},
        {"owner": "customer", "severity": "error", "receivers": ["hook"]},
    ],
    "watchdog": "snitch",
}


def configuration(**sections: Any) -> dict[str, Any]:
    found: dict[str, Any] = alerting(contract(**{"alerts": ALERTS, **sections}))["configuration"]
    return found


def config_of(name: str, **sections: Any) -> dict[str, Any]:
    """The one configuration of a receiver."""
    [found] = [each for each in configuration(**sections)["receivers"] if each["name"] == name]
    [[config]] = [each for key, each in found.items() if key != "name"]
    return dict(config)


def test_where_nobody_is_named_there_is_no_alertmanager() -> None:
    assert alerting(contract()) == {} and not somebody_is_told(contract())
    assert set(alerting(contract(alerts=ALERTS))) == {"configuration", "secrets"}


def test_a_contract_with_only_the_event_path_tells_nobody_else() -> None:
    made = alerting(contract(health={"events": EVENTS}))["configuration"]
    assert made["route"]["receiver"] == "byoc:nobody"
    assert [route["receiver"] for route in made["route"]["routes"]] == ["byoc:nobody", "byoc:events", "byoc:nobody"]
    assert [each["name"] for each in made["receivers"]] == ["byoc:nobody", "byoc:events"]


def test_secrets_are_files_of_the_customers_secrets_and_never_values() -> None:
    made = alerting(contract(alerts=ALERTS, health={"events": EVENTS}))
    assert made["secrets"] == ["byoc-events", "hook", "keys", "mail"]
    folder = "/etc/alertmanager-secrets"
    assert config_of("pager")["routing_key_file"] == f"{folder}/keys/routing-key"
    assert config_of("chat")["api_url_file"] == f"{folder}/keys/slack-url"
    assert config_of("mail")["auth_password_file"] == f"{folder}/mail/password"
    assert config_of("hook")["http_config"]["authorization"] == {"credentials_file": f"{folder}/hook/token"}
    assert config_of("snitch")["url_file"] == f"{folder}/keys/snitch-url"
    secret = {"routing_key", "service_key", "api_url", "auth_password", "credentials", "bearer_token"}
    assert not secret & set(json.dumps(made["configuration"]).split('"'))


def test_mail_is_encrypted_and_nothing_follows_a_redirect() -> None:
    mail = config_of("mail")
    assert mail["require_tls"] is True and mail["to"] == "noc@acme.example, gpu@acme.example"
    anonymous = {key: value for key, value in MAIL["email"].items() if key not in ("username", "password_secret")}
    plain = {**ALERTS, "receivers": [{**MAIL, "email": anonymous}], "default_receiver": "mail", "routes": []}
    assert not [key for key in config_of("mail", alerts={**plain, "watchdog": None}) if key.startswith("auth")]
    for name in ("pager", "chat", "hook", "snitch"):
        assert config_of(name)["http_config"]["follow_redirects"] is False, name


def test_the_end_of_the_watchdog_is_told_to_nobody_and_that_of_other_alerts_is() -> None:
    assert config_of("byoc:watchdog")["send_resolved"] is False
    assert {config_of(each["name"])["send_resolved"] for each in ALERTS["receivers"]} == {True}
    [route] = [one for one in configuration()["route"]["routes"] if one["receiver"] == "byoc:watchdog"]
    assert route["matchers"] == ['alertname="Watchdog"'] and "continue" not in route
    assert (route["group_wait"], route["group_interval"], route["repeat_interval"]) == ("0s", "10s", "10s")


def test_what_the_event_path_hears_others_hear_too() -> None:
    [events] = [
        one for one in configuration(health={"events": EVENTS})["route"]["routes"] if one["receiver"] == "byoc:events"
    ]
    assert events["continue"] is True and events["group_by"] == ["cluster", "node"]


def test_of_several_receivers_each_gets_a_branch() -> None:
    both, mail, hook, otherwise = configuration()["route"]["routes"][-4:]
    assert both["matchers"] == ['owner="fireworks"', 'severity=~"critical"']
    assert both["routes"] == [{"receiver": name, "continue": True} for name in ("pager", "chat")]
    assert mail["matchers"] == ['owner="customer"', 'contact="networking"'] and "routes" not in mail
    assert otherwise == {"receiver": "chat"}
    assert hook["matchers"] == ['owner="customer"', 'severity=~"error|critical"']


def test_the_network_lets_alerts_out_on_the_ports_of_its_receivers_only() -> None:
    assert receiver_ports(contract(alerts=ALERTS, health={"events": EVENTS})) == [443, 587, 8443]
    agreed = contract(alerts={**ALERTS, "egress": ["192.0.2.0/24"]})
    [policy] = [each for each in presetup_objects(agreed) if each["metadata"]["name"] == "alerts-to-receivers"]
    assert policy["spec"]["podSelector"] == {"matchLabels": {"byoc.fireworks.ai/component": "alerts"}}
    assert policy["spec"]["policyTypes"] == ["Egress"]
    [rule] = policy["spec"]["egress"]
    assert rule["to"] == [{"ipBlock": {"cidr": "192.0.2.0/24"}}]
    assert [each["port"] for each in rule["ports"]] == [443, 587, 8443]
    names = {each["metadata"]["name"] for each in presetup_objects(contract(alerts=ALERTS))}
    assert {"telemetry-to-alerts", "alerts-from-telemetry"} <= names and "alerts-to-receivers" not in names


TOLD = {"receivers": [HOOK], "default_receiver": "hook"}


def with_alerts(**changes: Any) -> dict[str, str]:
    return complaints_about({"alerts": {**TOLD, **changes}})


def test_what_a_contract_leaves_out_is_filled_in() -> None:
    made = loaded({"alerts": {**TOLD, "routes": [{"receivers": ["hook"]}]}})["alerts"]
    assert made["routes"] == [{"receivers": ["hook"], "severity": "warning"}] and made["egress"] == []
    assert made["receivers"][0]["webhook"]["token_secret"]["key"] == "token"


@pytest.mark.parametrize(
    ("changes", "where", "says"),
    [
        ({"receivers": [HOOK, HOOK]}, "alerts.receivers[1].name", "'hook' is in receivers[0] already"),
        ({"receivers": [{"name": "hook"}]}, "alerts.receivers[0]", "says nothing of where alerts arrive: give exactly"),
        ({"receivers": [{**HOOK, **CHAT, "name": "hook"}]}, "alerts.receivers[0]", "has webhook and slack: give"),
        ({"receivers": [{"name": "hook", "webhook": {}}]}, "alerts.receivers[0].webhook", "exactly one of url, url_s"),
        (
            {"receivers": [{"name": "hook", "email": {key: MAIL["email"][key] for key in ("to", "from", "smarthost",
                                                                                          "username")}}]},
            "alerts.receivers[0].email",
            "username or password_secret alone",
        ),
        ({"default_receiver": "hok"}, "alerts.default_receiver", "'hok' is no receiver: did you mean 'hook'?"),
        ({"watchdog": "snitch"}, "alerts.watchdog", "'snitch' is no receiver"),
        ({"routes": [{"receivers": ["pager"]}]}, "alerts.routes[0].receivers[0]", "'pager' is no receiver"),
        ({"receivers": [HOOK, CHAT]}, "alerts.receivers[1].name", "nothing sends to 'chat'"),
        (
            {"routes": [{"receivers": ["hook"]}, {"owner": "customer", "receivers": ["hook"]}]},
            "alerts.routes[1]",
            "fits no alert that the routes before it leave",
        ),
        (
            {"routes": [{"owner": "fireworks", "contact": "support", "receivers": ["hook"]}]},
            "alerts.routes[0].contact",
            "belongs to alerts of the customer's",
        ),
        ({"receivers": [{"name": "hook", "webhook": {"url": "https://hooks.example/x?token=1"}}]},
         "alerts.receivers[0].webhook.url", "no user, no query"),
        ({"egress": ["192.0.2.1"]}, "alerts.egress[0]", "is an address, not a network"),
        ({"default_receiver": None}, "alerts.default_receiver", ""),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(changes: dict[str, Any], where: str, says: str) -> None:
    found = with_alerts(**changes)
    assert where in found and says in found[where], found


def test_a_secret_that_is_written_down_is_refused_and_not_shown() -> None:
    address = "https://hooks.slack.example/T0/B0/canary"
    found = with_alerts(receivers=[{"name": "hook", "slack": {"api_url": address}}])
    assert found and "canary" not in " ".join(found.values())


def test_what_is_said_to_go_on_without_fireworks_is_tested() -> None:
    text = (ROOT / "docs" / "alerts.md").read_text()
    table = text.split("## While Fireworks cannot be reached", 1)[1].split("\n## ", 1)[0]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| ")][1:]
    assert {row[0] for row in rows} >= {"serving", "alerting", "quarantine, drain, return"}
    for what, goes_on, shown in rows:
        path, _colons, name = shown.strip("`").partition("::")
        assert f"def {name}(" in (ROOT / path).read_text(), f"{what} ({goes_on}): {shown}"


def test_telemetry_may_reach_exactly_what_the_contract_names() -> None:
    source = {"what": "dcgm_exporter", "namespace": "gpu-operator", "service": "each", "port": 9400}
    name = "telemetry-to-your-metrics"

    def policies(version: int, **health: Any) -> dict[str, Any]:
        made = network_policies(contract(health=health), version=version)
        return {one["metadata"]["name"]: one["spec"] for one in made}

    assert name not in policies(2) and name not in policies(1, scrape=[source])
    spec = policies(2, scrape=[source])[name]
    where = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "gpu-operator"}}}
    assert spec["egress"] == [{"to": [where], "ports": [{"protocol": "TCP", "port": 9400}]}]
    assert spec["podSelector"]["matchLabels"]["byoc.fireworks.ai/component"] == "telemetry"
