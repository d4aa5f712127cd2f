# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A finding as an option of a module: what ``Finding`` has, so that a misspelt key is refused by its name."""

from __future__ import annotations

from typing import Any

from .._domain.contract.schema_health import FAULT_ACTIONS, SEVERITIES
from .._vocabulary.owner import Owner

_TEXT: dict[str, Any] = {"type": "str"}
_COUNT: dict[str, Any] = {"type": "int"}
FINDING_SPEC: dict[str, Any] = {
    "id": _TEXT,
    "fault": {"type": "str", "required": True},
    "title": _TEXT,
    "node": {"type": "str", "required": True},
    "gpu": {"type": "dict", "options": {"uuid": _TEXT, "index": _TEXT, "pci": _TEXT}},
    "pod": _TEXT,
    "severity": {"type": "str", "choices": SEVERITIES},
    "action": {"type": "str", "choices": FAULT_ACTIONS, "required": True},
    "allowed": {"type": "str", "choices": ["never", "approve", "auto"]},
    "quarantine": {"type": "bool", "required": True},
    "owner": {"type": "str", "choices": [owner.value for owner in Owner]},
    "contact": {"type": "dict", "options": {"name": _TEXT, "email": _TEXT}},
    "ask": _TEXT,
    "at": _TEXT,
    "since": _TEXT,
    "evidence": {
        "type": "list",
        "elements": "dict",
        "options": {
            "source": _TEXT,
            "signal": _TEXT,
            "text": _TEXT,
            "at": _TEXT,
            "seen": _TEXT,
            "times": _COUNT,
            "node": _TEXT,
        },
    },
    "recurrence": {"type": "dict"},
    "replicas": {
        "type": "list",
        "elements": "dict",
        "options": {
            "namespace": {"type": "str", "required": True},
            "name": {"type": "str", "required": True},
            "uid": _TEXT,
            "model": _TEXT,
            "gpus": _COUNT,
        },
    },
    "replicas_exact": {"type": "bool"},
    "confidence": {"type": "str", "choices": ["high", "medium", "low"]},
    "decided_by": _TEXT,
    "why": _TEXT,
    "policy": _TEXT,
}
