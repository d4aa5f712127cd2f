# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that are data, and that ``-e name=value`` and surveys can only give as text."""

from __future__ import annotations

import os
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.playbook_variables.given import given_value


def given_data(value: Any, name: str) -> Any:
    """What an operator gave, by the declared kind of its variable: see ``given_value``.

    :raises AnsibleFilterError: it is something else.
    """
    try:
        return given_value(name, value)
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from None


def given_approvals(value: Any) -> list[dict[str, Any]]:
    """The approvals that this run was given, each with where it was found, whatever it says of that itself."""
    return [{**one, "source": _source()} for one in given_data(value, "approvals")]


def given_emergency(value: Any) -> dict[str, Any]:
    """The emergency that this run was given, with where it was found; nothing where there is none."""
    found = given_data(value, "emergency")
    return {**found, "source": _source()} if found else {}


def _source() -> str:
    """AWX numbers its jobs; whatever else gives a run its variables is a file, or somebody's command line."""
    return "awx" if os.environ.get("JOB_ID") else "file"
