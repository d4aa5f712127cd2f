# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report of the whole fleet: as data, and as a page."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract.typed import Contract
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.report.cluster import unreachable
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.report.fleet import fleet_report
from ansible_collections.fireworks.byoc.plugins.plugin_utils.report_page import report_page


def _cluster_part(contract: Contract, result: Mapping[str, Any]) -> str:
    """As a text: Ansible looks at each item of a list, and there are a thousand clusters."""
    part = result.get("report")
    return json.dumps(part if part else unreachable(contract, str(result.get("msg") or "no answer")))


def _fleet_report(
    parts: Iterable[str], contracts: Iterable[Contract], releases: Sequence[Mapping[str, Any]], made: str
) -> str:
    named = {str(contract["identity"]["name"]): contract for contract in contracts}
    return json.dumps(fleet_report([json.loads(part) for part in parts], named, releases, made), indent=1)


def _fleet_report_page(report: str) -> str:
    return report_page(json.loads(report))


def _report_releases(parts: Iterable[str]) -> list[dict[str, Any]]:
    installed = (json.loads(part)["installed"] for part in parts)
    found = {one["release"]: {"release": one["release"]} for one in installed if one and one["release"]}
    return list(found.values())


class FilterModule:
    """Filters over what report_info read."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "fleet_part": _cluster_part,
            "fleet_releases": _report_releases,
            "fleet_report": _fleet_report,
            "fleet_report_page": _fleet_report_page,
        }
