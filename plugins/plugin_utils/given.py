# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that are data, and that ``-e name=value`` and surveys can only give as text."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import yaml
from ansible.errors import AnsibleFilterError


def given_mapping(name: str, value: Any) -> dict[str, Any]:
    """A mapping, or one that is written as JSON or YAML; nothing is an empty one.

    :raises AnsibleFilterError: it is something else.
    """
    found = _data(name, value)
    if not isinstance(found or {}, Mapping):
        raise AnsibleFilterError(f"{name}: {value!r} is not a mapping; write it like {_LIKE[name]}")
    return dict(found or {})


def given_mappings(name: str, value: Any) -> list[dict[str, Any]]:
    """A list of mappings, or one that is written as JSON or YAML; a single one is a list of it.

    :raises AnsibleFilterError: it is something else.
    """
    found = _data(name, value) or []
    entries = [found] if isinstance(found, Mapping) else found
    if not isinstance(entries, list | tuple) or not all(isinstance(one, Mapping) for one in entries):
        raise AnsibleFilterError(f"{name}: {value!r} is not a list of mappings; write it like {_LIKE[name]}")
    return [dict(one) for one in entries]


def given_names(value: Any) -> list[str]:
    """A list of names, or one that is written as JSON or YAML; a single name is a list of it, and never its letters."""
    try:
        found = yaml.safe_load(value) if isinstance(value, str) else value
    except yaml.YAMLError:
        found = value
    return [str(one) for one in found] if isinstance(found, list | tuple) else [str(value)]


def given_approvals(value: Any) -> list[dict[str, Any]]:
    """The approvals that this run was given, each with where it was found, whatever it says of that itself."""
    return [{**one, "source": _source()} for one in given_mappings("approvals", value)]


def given_emergency(value: Any) -> dict[str, Any]:
    """The emergency that this run was given, with where it was found; nothing where there is none."""
    found = given_mapping("emergency", value)
    return {**found, "source": _source()} if found else {}


def _source() -> str:
    """AWX numbers its jobs; whatever else gives a run its variables is a file, or somebody's command line."""
    return "awx" if os.environ.get("JOB_ID") else "file"


_LIKE = {
    "policy": '-e \'{"policy": {"canaries": 1}}\'',
    "emergency": '-e \'{"emergency": {"approver": "boss@acme.example", "reason": "a leak"}}\'',
    "approvals": '-e \'{"approvals": [{"by": "ops@acme.example", "digest": "...", "given_at": "..."}]}\'',
}


def _data(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return yaml.safe_load(value)
    except yaml.YAMLError:
        raise AnsibleFilterError(f"{name}: {value!r} is neither JSON nor YAML; write it like {_LIKE[name]}") from None
