# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults as detectors tell them to a cluster."""

from __future__ import annotations

import time
from typing import Any

EVENTS = "/api/v1/namespaces/default/events"
XID_79 = "NVRM: Xid (PCI:0000:0f:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus."


def report_xid(cluster: Any, node: str = "h100-0", message: str = XID_79) -> None:
    """As node-problem-detector does, with the rules of the stack release."""
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    event = {
        "metadata": {"generateName": f"{node}.", "namespace": "default"},
        "involvedObject": {"kind": "Node", "name": node, "uid": node},
        "reason": "GpuXid",
        "message": message,
        "type": "Warning",
        "source": {"component": "gpu-monitor", "host": node},
        "firstTimestamp": moment,
        "lastTimestamp": moment,
        "count": 1,
    }
    cluster.request("POST", EVENTS, event)
