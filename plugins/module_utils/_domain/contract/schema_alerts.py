# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract's ``alerts`` section: who hears of what, by severity and by who has to act."""

from __future__ import annotations

from .fields import Schema, choice, label, listing, section, text
from .schema_health import OWNERS, TOPICS
from .schema_secret import secret, webhook_url

ALERT_SEVERITIES = ["warning", "error", "critical"]
"""Of alerts, from the weakest; what is only ``info`` is told in reports."""
RECEIVER_KINDS = ["webhook", "email", "pagerduty", "slack"]


def _mailbox(title: str, description: str, example: str) -> Schema:
    return text(title, description, format="byoc-email", examples=[example])


def _named(title: str, description: str) -> Schema:
    return label(title, description, examples=["acme-noc"])


_WEBHOOK = section(
    "Webhook",
    "Posts Alertmanager's own JSON: exactly one of `url` and `url_secret`.",
    {
        "url": webhook_url("URL", "Where alerts are posted, by HTTPS.", "https://noc.acme.example/hooks/byoc"),
        "url_secret": secret(
            "URL's Secret",
            "The Secret in fireworks-system with the URL, where the URL is secret.",
            "url",
            "byoc-alerts",
        ),
        "token_secret": secret(
            "Token's Secret", "The Secret in fireworks-system with a bearer token.", "token", "byoc-alerts"
        ),
    },
    examples=[{"url": "https://noc.acme.example/hooks/byoc", "token_secret": {"name": "byoc-alerts"}}],
)
_EMAIL = section(
    "E-mail",
    "Sends mail by SMTP with STARTTLS.",
    {
        "to": listing(
            "To",
            "Mailboxes that people read.",
            _mailbox("Mailbox", "One of them.", "noc@acme.example"),
            minItems=1,
            maxItems=20,
            uniqueItems=True,
            examples=[["noc@acme.example"]],
        ),
        "from": _mailbox("From", "The sender.", "byoc@acme.example"),
        "smarthost": text(
            "Smarthost",
            "The SMTP server, with its port.",
            pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?:[0-9]{1,5}$",
            meant="write a host and a port, like smtp.acme.example:587",
            examples=["smtp.acme.example:587"],
        ),
        "username": text(
            "User name",
            "The name to log in with. None: it takes mail from us without.",
            pattern=r"^[A-Za-z0-9@._+-]+$",
            meant="use letters, digits and @ . _ + -",
            examples=["byoc@acme.example"],
        ),
        "password_secret": secret(
            "Password's Secret", "The Secret in fireworks-system with the password.", "password", "byoc-alerts"
        ),
    },
    required=["to", "from", "smarthost"],
    examples=[{"to": ["noc@acme.example"], "from": "byoc@acme.example", "smarthost": "smtp.acme.example:587"}],
)
_PAGERDUTY = section(
    "PagerDuty",
    "Opens incidents by PagerDuty's Events API v2.",
    {
        "routing_key_secret": secret(
            "Routing key's Secret",
            "The Secret in fireworks-system with the integration's routing key.",
            "routing-key",
            "byoc-alerts",
        ),
    },
    required=["routing_key_secret"],
    examples=[{"routing_key_secret": {"name": "byoc-alerts"}}],
)
_SLACK = section(
    "Slack",
    "Posts to an incoming webhook of Slack.",
    {
        "url_secret": secret(
            "URL's Secret", "The Secret in fireworks-system with the webhook's URL.", "slack-url", "byoc-alerts"
        ),
        "channel": text(
            "Channel",
            "The channel. None: the webhook's own.",
            pattern=r"^#?[a-z0-9._-]{1,80}$",
            meant="write it like #byoc-alerts",
            examples=["#byoc-alerts"],
        ),
    },
    required=["url_secret"],
    examples=[{"url_secret": {"name": "byoc-alerts"}}],
)

_RECEIVER = section(
    "Receiver",
    "Where alerts arrive: a name, and exactly one of webhook, email, pagerduty and slack.",
    {
        "name": _named("Name", "Its name, for routes."),
        "webhook": _WEBHOOK,
        "email": _EMAIL,
        "pagerduty": _PAGERDUTY,
        "slack": _SLACK,
    },
    required=["name"],
    examples=[{"name": "acme-noc", "webhook": {"url": "https://noc.acme.example/hooks/byoc"}}],
)
_ROUTE = section(
    "Route",
    "Which alerts go to which receivers. An alert takes the first route that fits.",
    {
        "owner": choice("Owner", "Who has to act. None: either.", OWNERS, examples=["customer"]),
        "contact": choice(
            "Contact", "Of the customer's: which contact has to act. None: any.", TOPICS, examples=["capacity"]
        ),
        "severity": choice(
            "Severity", "This severity and above.", ALERT_SEVERITIES, default="warning", examples=["critical"]
        ),
        "receivers": listing(
            "Receivers",
            "The receivers, by name; each of them gets the alert.",
            _named("Receiver", "A receiver's name."),
            minItems=1,
            maxItems=10,
            uniqueItems=True,
            examples=[["acme-noc"]],
        ),
    },
    required=["receivers"],
    examples=[{"owner": "customer", "contact": "capacity", "severity": "error", "receivers": ["acme-noc"]}],
)

ALERTS = section(
    "Alerts",
    "Who hears of what needs somebody to act. Without it only health.events is told, of nodes.",
    {
        "receivers": listing(
            "Receivers",
            "Where alerts arrive.",
            _RECEIVER,
            minItems=1,
            maxItems=50,
            examples=[[{"name": "acme-noc", "webhook": {"url": "https://noc.acme.example/hooks/byoc"}}]],
        ),
        "default_receiver": _named("Default receiver", "Who hears of an alert that fits no route."),
        "routes": listing(
            "Routes",
            "Who else hears of which alerts, the first that fits.",
            _ROUTE,
            default=[],
            maxItems=100,
            examples=[[{"owner": "customer", "severity": "error", "receivers": ["acme-noc"]}]],
        ),
        "watchdog": _named(
            "Watchdog",
            "The receiver that is called every 10 to 20 seconds, and raises the alarm itself when it is not.",
        ),
        "egress": listing(
            "Egress",
            "Networks that only Alertmanager may open connections to, on its receivers' ports.",
            text("Network", "A network in CIDR notation.", format="byoc-cidr", examples=["192.0.2.0/24"]),
            default=[],
            uniqueItems=True,
            examples=[["192.0.2.0/24"]],
        ),
    },
    required=["receivers", "default_receiver"],
    examples=[
        {
            "receivers": [{"name": "acme-noc", "webhook": {"url": "https://noc.acme.example/hooks/byoc"}}],
            "default_receiver": "acme-noc",
        }
    ],
)
