# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose move it is, and whom to ask: every finding of ours ends with both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

CUSTOMER = "customer"
FIREWORKS = "fireworks"
NOBODY = {"name": "", "email": ""}


def contact(contract: Mapping[str, Any], topic: str) -> dict[str, str]:
    """The customer's contact for a topic (networking, account, capacity, security), as name and e-mail."""
    contacts = contract.get("contacts") or {}
    entry = contacts.get(topic) or contacts.get("support") or {}
    return {"name": str(entry.get("name", "")), "email": str(entry.get("email", ""))}


def whose_move(entry: Mapping[str, Any]) -> str:
    """The end of a message about an unmet item: the owner, and the person to ask."""
    if entry["owner"] == FIREWORKS:
        return "Whose move: Fireworks."
    who = entry["contact"]
    return f"Whose move: the customer, {who['name']} <{who['email']}>." if who["email"] else "Whose move: the customer."
