# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is handed to whoever has to act: where, what was seen, what exactly is asked, and who is called next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..._vocabulary.owner import Owner
from ..._vocabulary.wording import action_required, next_step_sentence
from ..contract.typed import Contract
from .finding import Finding, place

_EVIDENCE = 3


def handoff(finding: Finding, contract: Contract) -> dict[str, Any]:
    """The message about one finding, as data: ``to`` and ``escalation`` (contacts), ``subject`` and ``text``.

    What is no longer to be done by hand has nothing asked in it.
    """
    identity = contract["identity"]
    where = f"{identity['name']}, {place(finding)}"
    lines = [f"{where}: {finding.title} ({finding.severity}, {finding.confidence} confidence)."]
    lines += [f"Seen: {_moment(one)} {one['source']}: {one['text']}" for one in finding.evidence[:_EVIDENCE]]
    if finding.recurrence["incidents"] > 1:
        lines.append(f"It was seen {finding.recurrence['incidents']} times.")
    if finding.replicas:
        lines.append(f"It touches {_replicas(finding.replicas)}.")
    lines.append(f"Recommended: {finding.action} ({finding.why}); the contract lets us: {finding.allowed}.")
    lines += [next_step_sentence(finding.ask), action_required(finding.owner, finding.contact)]
    theirs = finding.owner == Owner.CUSTOMER
    return {
        "to": dict(finding.contact),
        "escalation": list(contract["contacts"].get("escalation") or ()) if theirs else [],
        "subject": f"{where}: {finding.title}",
        "text": "\n".join(filter(None, lines)),
    }


def _moment(evidence: Mapping[str, Any]) -> str:
    return str(evidence["at"] or f"by {evidence['seen']}")


def _replicas(replicas: Iterable[Mapping[str, Any]]) -> str:
    return ", ".join(f"{one['name']} of {one['model']}" for one in replicas)
