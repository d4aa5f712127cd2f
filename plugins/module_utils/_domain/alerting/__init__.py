# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who hears of what: a contract's receivers and routes, compiled into what Alertmanager reads."""

from __future__ import annotations

from typing import Any

from ..contract.typed import Contract
from .configuration import alertmanager
from .receivers import alert_secrets, somebody_is_told

__all__ = ["alert_secrets", "alerting", "somebody_is_told"]


def alerting(contract: Contract) -> dict[str, Any]:
    """Alertmanager's ``configuration`` and the ``secrets`` that its pods mount; nothing where nobody is told."""
    if not somebody_is_told(contract):
        return {}
    return {"configuration": alertmanager(contract), "secrets": alert_secrets(contract)}
