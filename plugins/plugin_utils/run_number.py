# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The id of the run that a task belongs to, for the requests that it makes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Data = Mapping[str, Any]


def run_id_of(hostvars: Data | None) -> str:
    """The id that the playbook drew for the whole run, or AWX gave it; empty where no run is numbered."""
    return str((hostvars or {}).get("localhost", {}).get("byoc_run_id") or "")


def with_run(arguments: dict[str, Any], run: str) -> dict[str, Any]:
    """The arguments of a task, its connection with the run's id unless it has one."""
    connection = arguments.get("connection")
    if not run or not isinstance(connection, Mapping) or connection.get("run_id"):
        return arguments
    return {**arguments, "connection": {**connection, "run_id": run}}
