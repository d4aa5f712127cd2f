# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operations that a fleet may be swept with: they only read, keep nothing between clusters, and end in time."""

from __future__ import annotations

from .._operation import Operation
from . import access_info, cluster_info, footprint_info, log_info, model_info, node_health_info, report_info, set_info

READERS: dict[str, Operation] = {
    "access_info": access_info.OPERATION,
    "cluster_info": cluster_info.OPERATION,
    "footprint_info": footprint_info.OPERATION,
    "log_info": log_info.OPERATION,
    "model_info": model_info.OPERATION,
    "node_health_info": node_health_info.OPERATION,
    "report_info": report_info.OPERATION,
    "set_info": set_info.OPERATION,
}
