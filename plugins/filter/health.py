# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet's health as people read it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.report import health_failure


class FilterModule:
    """Filters over what node_health_info found."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"health_failure": health_failure}
