# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Receivers as Alertmanager knows them. Secrets are read from files, each time something is sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from ..contract.defaults import said
from ..contract.schema_alerts import ALERTS
from ..contract.typed import Contract, Email, HealthEvents, Pagerduty, Receiver, Secret, Slack, Webhook

Data = Mapping[str, Any]
Config = dict[str, Any]

SECRETS = "/etc/alertmanager-secrets"
"""Where the customer's Secrets are mounted, each in a folder of its name."""
EVENTS, NOBODY, WATCHDOG = "byoc:events", "byoc:nobody", "byoc:watchdog"
"""Receivers that no contract names: its names have no colon."""
_HTTPS = 443
_HTTP: Config = {"follow_redirects": False}
"""Whoever answers sends nobody's secrets on."""
_SUBJECT = (
    "[{{ .Status | toUpper }}] {{ .CommonLabels.severity }}: {{ .GroupLabels.alertname }} in {{ .GroupLabels.cluster }}"
    "{{ with .GroupLabels.model }}, {{ . }}{{ end }}"
)
_TEXT = (
    "{{ range .Alerts }}{{ .Annotations.summary }}\n"
    "{{ .Annotations.next }}\nOwner: {{ .Annotations.owner }}\n"
    "Runbook: {{ .Annotations.runbook_url }}\n\n{{ end }}"
)
_KINDS = ALERTS["properties"]["receivers"]["items"]["properties"]
_RUNBOOK = "{{ (index .Alerts 0).Annotations.runbook_url }}"


def somebody_is_told(contract: Contract) -> bool:
    """Whether alerts go anywhere at all."""
    return bool(contract.get("alerts") or _events(contract))


def receivers(contract: Contract) -> list[Config]:
    """All of a configuration's receivers."""
    alerts = contract.get("alerts", {})
    made: list[Config] = [{"name": NOBODY}]
    if events := _events(contract):
        posted: Webhook = {"url": events["url"], "token_secret": events["token_secret"]}
        # What is found of a node later is seen there anyway, and nobody there waits for the end of an alert.
        made.append({"name": EVENTS, **_webhook(posted, resolved=False, max_alerts=64)})
    listed = {each["name"]: each for each in alerts.get("receivers") or ()}
    made += [{"name": name, **_of(each, resolved=True)} for name, each in listed.items()]
    if watched := alerts.get("watchdog"):
        # Its end must not look like one more sign of life.
        made.append({"name": WATCHDOG, **_of(listed[watched], resolved=False)})
    return made


def alert_secrets(contract: Contract) -> list[str]:
    """The Secrets that receivers need, by name."""
    return sorted({str(each["name"]) for each in _references(contract)})


def receiver_ports(contract: Contract) -> list[int]:
    """The ports that receivers listen on."""
    return sorted({_port(kind, given) for kind, given in _addressed(contract)})


def _events(contract: Contract) -> HealthEvents | None:
    return (contract.get("health") or {}).get("events")


def _addressed(contract: Contract) -> Iterator[tuple[str, Data]]:
    """Of each receiver its kind and what is said of it."""
    if events := _events(contract):
        yield "webhook", events
    for each in contract.get("alerts", {}).get("receivers") or ():
        yield from ((kind, given) for kind, given in each.items() if isinstance(given, dict))


def _references(contract: Contract) -> Iterator[Data]:
    for _kind, given in _addressed(contract):
        yield from (value for key, value in given.items() if key.endswith("_secret"))


def _port(kind: str, given: Data) -> int:
    if kind == "email":
        return int(str(given["smarthost"]).rpartition(":")[2])
    return urlsplit(str(given.get("url", ""))).port or _HTTPS


def _of(receiver: Receiver, resolved: bool) -> Config:
    if "webhook" in receiver:
        return _webhook(receiver["webhook"], resolved)
    if "email" in receiver:
        return _email(receiver["email"], resolved)
    if "pagerduty" in receiver:
        return _pagerduty(receiver["pagerduty"], resolved)
    return _slack(receiver["slack"], resolved) if "slack" in receiver else {}


def _file(reference: Secret, kind: str, key: str) -> str:
    """Where the Secret is that a receiver of some kind has at a key."""
    return f"{SECRETS}/{reference['name']}/{said(reference, _KINDS[kind]['properties'][key], 'key')}"


def _webhook(given: Webhook, resolved: bool, max_alerts: int = 0) -> Config:
    secret, token = given.get("url_secret"), given.get("token_secret")
    address = {"url_file": _file(secret, "webhook", "url_secret")} if secret else {"url": given.get("url", "")}
    login = {"authorization": {"credentials_file": _file(token, "webhook", "token_secret")}} if token else {}
    made = {**address, "send_resolved": resolved, "max_alerts": max_alerts, "http_config": {**_HTTP, **login}}
    return {"webhook_configs": [made]}


def _email(given: Email, resolved: bool) -> Config:
    login = {}
    if "username" in given and "password_secret" in given:
        password = _file(given["password_secret"], "email", "password_secret")
        login = {"auth_username": given["username"], "auth_password_file": password}
    made = {
        "to": ", ".join(map(str, given["to"])),
        "from": str(given["from"]),
        "smarthost": str(given["smarthost"]),
        "require_tls": True,
        "send_resolved": resolved,
        "headers": {"Subject": _SUBJECT},
        "html": "",
        "text": _TEXT,
        **login,
    }
    return {"email_configs": [made]}


def _pagerduty(given: Pagerduty, resolved: bool) -> Config:
    made = {
        "routing_key_file": _file(given["routing_key_secret"], "pagerduty", "routing_key_secret"),
        "send_resolved": resolved,
        "severity": "{{ with .CommonLabels.severity }}{{ . }}{{ else }}error{{ end }}",
        "description": _SUBJECT,
        "links": [{"href": _RUNBOOK, "text": "Runbook"}],
        "http_config": _HTTP,
    }
    return {"pagerduty_configs": [made]}


def _slack(given: Slack, resolved: bool) -> Config:
    made = {
        "api_url_file": _file(given["url_secret"], "slack", "url_secret"),
        "send_resolved": resolved,
        "title": _SUBJECT,
        "title_link": _RUNBOOK,
        "text": _TEXT,
        "http_config": _HTTP,
        **({"channel": str(given["channel"])} if "channel" in given else {}),
    }
    return {"slack_configs": [made]}
