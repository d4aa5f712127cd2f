# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does the credential allow what the contract's access mode needs?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..names import NAMESPACES
from .item import Item

Data = Mapping[str, Any]
_SHOWN = 6


def permissions(facts: Data, contract: Data, _release: Data) -> list[Item]:
    """Every permission that was asked about is given."""
    asked = facts.get("permissions") or ()
    refused = [entry for entry in asked if not entry.get("allowed")]
    missing = sorted({_spoken(entry) for entry in refused})
    shown = ", ".join(missing[:_SHOWN]) + (f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else "")
    needed = f"what {contract['access']['mode']} access needs"
    found = f"{len(asked) - len(refused)} of {len(asked)} allowed"
    return [Item("permissions", not missing, found, needed, f"The credential may not {shown}.", "security")]


def hardened_structures(facts: Data, contract: Data, _release: Data) -> list[Item]:
    """In hardened mode the customer's own team has made the namespaces; without them there is nowhere to work."""
    if contract["access"]["mode"] != "hardened":
        return []
    missing = [name for name in NAMESPACES if name not in facts["namespaces"]]
    there = ", ".join(name for name in NAMESPACES if name not in missing) or "none"
    message = (
        f"Access is hardened, and {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not there: the "
        "customer's team makes the namespaces, the quota and the identities first."
    )
    return [Item("pre-created namespaces", not missing, there, ", ".join(NAMESPACES), message, "security")]


def _spoken(entry: Data) -> str:
    resource = str(entry.get("resource", ""))
    if entry.get("subresource"):
        resource += "/" + str(entry["subresource"])
    if entry.get("group"):
        resource += "." + str(entry["group"])
    where = f" in {entry['namespace']}" if entry.get("namespace") else ""
    return f"{entry.get('verb')} {resource}{where}"
