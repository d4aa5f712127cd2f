# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom to ask at a customer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .contract.schema_health import TOPICS
from .contract.typed import Contact, Contract


def contact(contract: Contract, topic: str) -> dict[str, str]:
    """The customer's contact for a topic (networking, account, capacity, security), as name and e-mail."""
    contacts: Mapping[str, Any] = contract["contacts"]
    entry: Mapping[str, Any] = contacts.get(topic) or contacts.get("support") or {}
    return {"name": str(entry.get("name", "")), "email": str(entry.get("email", ""))}


def everybody(contract: Contract) -> list[Contact]:
    """All of the customer's contacts but those that an incident is escalated to."""
    contacts: Mapping[str, Any] = contract["contacts"]
    return [contacts[topic] for topic in TOPICS if topic in contacts]
