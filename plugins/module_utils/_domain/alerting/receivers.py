# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Receivers as Alertmanager knows them. Secrets are read from files, each time something is sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

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
_RUNBOOK = "{{ (index .Alerts 0).Annotations.runbook_url }}"


def somebody_is_told(contract: Data) -> bool:
    """Whether alerts go anywhere at all."""
    return bool(contract.get("alerts") or _events(contract))


def receivers(contract: Data) -> list[Config]:
    """All of a configuration's receivers."""
    alerts = contract.get("alerts") or {}
    made = [{"name": NOBODY}]
    if events := _events(contract):
        # What is found of a node later is seen there anyway, and nobody there waits for the end of an alert.
        made.append({"name": EVENTS, **_webhook(events, resolved=False, max_alerts=64)})
    listed = {str(each["name"]): each for each in alerts.get("receivers") or ()}
    made += [{"name": name, **_of(each, resolved=True)} for name, each in listed.items()]
    if watched := alerts.get("watchdog"):
        # Its end must not look like one more sign of life.
        made.append({"name": WATCHDOG, **_of(listed[str(watched)], resolved=False)})
    return made


def alert_secrets(contract: Data) -> list[str]:
    """The Secrets that receivers need, by name."""
    return sorted({str(each["name"]) for each in _references(contract)})


def receiver_ports(contract: Data) -> list[int]:
    """The ports that receivers listen on."""
    return sorted({_port(kind, given) for kind, given in _addressed(contract)})


def _events(contract: Data) -> Data:
    found: Data = (contract.get("health") or {}).get("events") or {}
    return found


def _addressed(contract: Data) -> Iterator[tuple[str, Data]]:
    """Of each receiver its kind and what is said of it."""
    if events := _events(contract):
        yield "webhook", events
    for each in (contract.get("alerts") or {}).get("receivers") or ():
        for kind in _KINDS:
            if kind in each:
                yield kind, each[kind]


def _references(contract: Data) -> Iterator[Data]:
    for _kind, given in _addressed(contract):
        yield from (value for key, value in given.items() if key.endswith("_secret"))


def _port(kind: str, given: Data) -> int:
    if kind == "email":
        return int(str(given["smarthost"]).rpartition(":")[2])
    return urlsplit(str(given.get("url", ""))).port or _HTTPS


def _of(receiver: Data, resolved: bool) -> Config:
    [kind] = [kind for kind in _KINDS if kind in receiver]
    return _KINDS[kind](receiver[kind], resolved)


def _file(reference: Data) -> str:
    return f"{SECRETS}/{reference['name']}/{reference['key']}"


def _webhook(given: Data, resolved: bool, max_alerts: int = 0) -> Config:
    address = {"url": str(given["url"])} if "url" in given else {"url_file": _file(given["url_secret"])}
    token = given.get("token_secret")
    http = {**_HTTP, **({"authorization": {"credentials_file": _file(token)}} if token else {})}
    made = {**address, "send_resolved": resolved, "max_alerts": max_alerts, "http_config": http}
    return {"webhook_configs": [made]}


def _email(given: Data, resolved: bool) -> Config:
    login = {}
    if "username" in given:
        login = {"auth_username": str(given["username"]), "auth_password_file": _file(given["password_secret"])}
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


def _pagerduty(given: Data, resolved: bool) -> Config:
    made = {
        "routing_key_file": _file(given["routing_key_secret"]),
        "send_resolved": resolved,
        "severity": "{{ with .CommonLabels.severity }}{{ . }}{{ else }}error{{ end }}",
        "description": _SUBJECT,
        "links": [{"href": _RUNBOOK, "text": "Runbook"}],
        "http_config": _HTTP,
    }
    return {"pagerduty_configs": [made]}


def _slack(given: Data, resolved: bool) -> Config:
    made = {
        "api_url_file": _file(given["url_secret"]),
        "send_resolved": resolved,
        "title": _SUBJECT,
        "title_link": _RUNBOOK,
        "text": _TEXT,
        "http_config": _HTTP,
        **({"channel": str(given["channel"])} if "channel" in given else {}),
    }
    return {"slack_configs": [made]}


_KINDS = {"webhook": _webhook, "email": _email, "pagerduty": _pagerduty, "slack": _slack}
