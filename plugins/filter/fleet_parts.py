# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of a report of the whole fleet: one for each cluster."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any


def _report_releases(parts: Iterable[str]) -> list[dict[str, Any]]:
    installed = (json.loads(part)["installed"] for part in parts)
    found = {one["release"]: {"release": one["release"]} for one in installed if one and one["release"]}
    return list(found.values())


class FilterModule:
    """Filters over what report_info read."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "fleet_releases": _report_releases,
        }
