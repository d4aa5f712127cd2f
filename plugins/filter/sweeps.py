# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``fleet_sweep`` keeps of each cluster, by its option ``keep_by``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import lookup_loader

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract.typed import Contract
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.drift import installed
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.swept import (
    swept_health,
    swept_logs,
    swept_report,
    swept_status,
    swept_upgrade,
)


@cache
def _known_release(version: str, directory: str) -> list[dict[str, Any]]:
    """As the lookup reads it, once in each process of a sweep; none of a release that is not known here."""
    lookup = lookup_loader.get("fireworks.byoc.stack_release", loader=DataLoader())
    of = {"directory": directory} if directory else {}
    return list(lookup.run([{"release": version}], skip_unknown=True, **of))


def _swept_status(
    contract: Contract, result: Mapping[str, Any], began: str, now: str, releases: str = ""
) -> dict[str, Any]:
    there = installed(result.get("facts"))
    known = _known_release(there["release"], releases) if there.get("release") else []
    return swept_status(contract, result, began, now, there, known)


class FilterModule:
    """Filters over a contract, and what was read of its cluster."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "swept_health": swept_health,
            "swept_logs": swept_logs,
            "swept_report": swept_report,
            "swept_status": _swept_status,
            "swept_upgrade": swept_upgrade,
        }
