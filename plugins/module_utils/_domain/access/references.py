# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an object outside our namespaces refers to what is in them, whatever it is called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..names import NAMESPACES, SETUP_NAMESPACE

Data = Mapping[str, Any]

REFERRING = (
    "APIService.apiregistration.k8s.io",
    "MutatingAdmissionPolicyBinding.admissionregistration.k8s.io",
    "MutatingWebhookConfiguration.admissionregistration.k8s.io",
    "ValidatingAdmissionPolicyBinding.admissionregistration.k8s.io",
    "ValidatingWebhookConfiguration.admissionregistration.k8s.io",
)
"""The kinds that are read whole for it. Bindings of roles are, too: see ``_kube.rbac``."""
_OURS = (*NAMESPACES, SETUP_NAMESPACE)


def reference(manifest: Data) -> str:
    """What of ours it refers to, in words; empty if nothing."""
    spec = manifest.get("spec") or {}
    policy = str(spec.get("policyName") or "")
    if policy.startswith("fireworks-"):
        return f"it binds the policy {policy}"
    called = [spec.get("service"), *((hook.get("clientConfig") or {}).get("service") for hook in _hooks(manifest))]
    places = [str(each["namespace"]) for each in called if each]
    return next((f"it calls a service in {place}" for place in places if place in _OURS), "")


def _hooks(manifest: Data) -> list[Data]:
    return list(manifest.get("webhooks") or ())
