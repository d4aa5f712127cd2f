# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the pods and containers of models are held to: restricted Pod Security."""

from __future__ import annotations

from typing import Any

from ..contract.typed import Contract
from ..entry_point import is_openshift

Manifest = dict[str, Any]


def container_security() -> Manifest:
    """What each of its containers is held to; nothing writes but to volumes."""
    return {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True}


def pod_security(contract: Contract) -> Manifest:
    """What a pod of ours is held to: restricted Pod Security, as the platform wants it said."""
    security: Manifest = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    if not is_openshift(contract):
        # OpenShift gives each namespace users of its own, and refuses any other.
        security.update({"runAsUser": 10001, "runAsGroup": 10001, "fsGroup": 10001})
    return security
