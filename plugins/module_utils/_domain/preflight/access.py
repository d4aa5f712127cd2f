# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does the credential allow what the contract's access mode needs?"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..contract.typed import Contract
from ..identities import applies_prerequisites, required_permissions
from ..identities.meant import identity_of
from ..identities.needs import OPERATOR
from ..presetup_version import compiled_version
from .item import Item

Data = Mapping[str, Any]
_SHOWN = 6
_LONGEST = 60


def permissions(facts: Data, contract: Contract, _release: Data) -> list[Item]:
    """Every permission is given that this user's onboarding needs. It is asked about before it is known whose it is.

    What the prerequisites of this cluster's version do not give yet, nothing may need.
    """
    version = compiled_version(facts.get("presetup_version"))
    applies, asked = applies_prerequisites(contract, facts["user"]), facts.get("permissions") or ()
    if not applies:
        counts = {_question(each) for each in required_permissions(contract, facts["user"], version)}
        asked = [entry for entry in asked if _question(entry) in counts]
    refused = [entry for entry in asked if not entry.get("allowed")]
    missing = sorted({_spoken(entry) for entry in refused})
    shown = ", ".join(missing[:_SHOWN]) + (f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else "")
    needed = "what applying the prerequisites needs" if applies else "what the operator has"
    found = f"{len(asked) - len(refused)} of {len(asked)} allowed"
    other = identity_of(facts["user"])
    if other and other != OPERATOR:
        said = f"The credential is that of the identity {other}, which may not {shown}. Run this with the {OPERATOR}'s."
        return [Item("permissions", not missing, found, needed, said, yours=True)]
    return [Item("permissions", not missing, found, needed, f"The credential may not {shown}.", "security")]


def presetup(rows: Sequence[Data], facts: Data, contract: Contract) -> list[Item]:
    """Where onboarding does not apply the prerequisites, an administrator has, and they match the contract.

    ``rows`` are its differences, each with the command that fixes it.
    """
    if applies_prerequisites(contract, facts["user"]):
        return []
    needed = "as compiled from the contract"
    if not rows:
        return [Item("presetup", True, needed, needed)]
    return [
        Item(
            "presetup",
            False,
            f"{row['object']}: {_field(row)}{_in_short(row['found'])}",
            _in_short(row["expected"]),
            f"{row['object']}: {row['message']} To fix it: {row['command']}",
            "security",
        )
        for row in rows
    ]


def _field(row: Data) -> str:
    return f"{row['field']} is " if row["field"] else ""


def _in_short(value: Any) -> str:
    """A value as a summary has room for it; the item's message has it whole."""
    text = value if isinstance(value, str) and value else json.dumps(value)
    return "nothing" if value is None else text[:_LONGEST] + ("…" if len(text) > _LONGEST else "")


def _question(entry: Data) -> tuple[str, ...]:
    return tuple(str(entry.get(key) or "") for key in ("verb", "group", "resource", "subresource", "namespace", "name"))


def _spoken(entry: Data) -> str:
    resource = str(entry.get("resource", ""))
    if entry.get("subresource"):
        resource += "/" + str(entry["subresource"])
    if entry.get("group"):
        resource += "." + str(entry["group"])
    where = f" in {entry['namespace']}" if entry.get("namespace") else ""
    return f"{entry.get('verb')} {resource}{where}"
