# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection as somebody else than the contract names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract.connection import connection_as


class FilterModule:
    """Filters over a connection."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"admin_connection": connection_as}
