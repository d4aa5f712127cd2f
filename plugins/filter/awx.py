# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWX's API tells of a workflow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.awx import approval_answer


class FilterModule:
    """Filters over answers of AWX's API."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"awx_approval": approval_answer}
