# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text for people, tables and how a run over many clusters ended; and the data that people give as text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.inventory.manager import split_host_pattern

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.host_pattern import pattern_doubts
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.outcome import also_failed, lock_left
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.summary import (
    every_outcome,
    failure,
    held,
    not_begun,
    planned,
    success,
    unfinished,
    whole_outcome,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.table import table
from ansible_collections.fireworks.byoc.plugins.plugin_utils.given import given_data


def _pattern_doubts(pattern: str | list[str], groups: Mapping[str, Sequence[str]]) -> list[str]:
    return pattern_doubts(
        split_host_pattern(pattern), {*groups, *(host for hosts in groups.values() for host in hosts)}
    )


class FilterModule:
    """Filters that make text, and one that reads it."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "also_failed": also_failed,
            "every_outcome": every_outcome,
            "failure_outcome": failure,
            "given_data": given_data,
            "held_outcome": held,
            "plan_outcome": planned,
            "lock_left": lock_left,
            "pattern_doubts": _pattern_doubts,
            "not_begun_outcome": not_begun,
            "success_outcome": success,
            "table": table,
            "unfinished": unfinished,
            "whole_outcome": whole_outcome,
        }
