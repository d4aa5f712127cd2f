# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom to ask at a customer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def contact(contract: Mapping[str, Any], topic: str) -> dict[str, str]:
    """The customer's contact for a topic (networking, account, capacity, security), as name and e-mail."""
    contacts = contract.get("contacts") or {}
    entry = contacts.get(topic) or contacts.get("support") or {}
    return {"name": str(entry.get("name", "")), "email": str(entry.get("email", ""))}
