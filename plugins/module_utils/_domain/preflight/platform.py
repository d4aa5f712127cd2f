# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is this the right cluster, new enough, and does it serve what we use?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..contract.typed import Contract
from ..entry_point import GATEWAY, GATEWAY_GROUP, OPENSHIFT_ROUTE, ROUTE_GROUP, entry_point
from ..release import kubernetes_version
from .item import Item

Data = Mapping[str, Any]

_APIS = (
    ("apps/v1", "Deployment"),
    ("policy/v1", "PodDisruptionBudget"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("scheduling.k8s.io/v1", "PriorityClass"),
    ("rbac.authorization.k8s.io/v1", "Role"),
    ("discovery.k8s.io/v1", "EndpointSlice"),
    ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy"),
)
_HTTP_ROUTES = (f"{GATEWAY_GROUP}/v1", "HTTPRoute")
_ENTRY_POINTS = {GATEWAY: [_HTTP_ROUTES], OPENSHIFT_ROUTE: [(f"{ROUTE_GROUP}/v1", "Route")]}


def right_cluster(facts: Data, contract: Contract, _release: Data) -> list[Item]:
    """The cluster that answers is the one the contract is about."""
    needed, found = str(contract["identity"]["uid"]), str(facts["uid"])
    message = (
        f"The cluster that answers has UID {found}, and the contract is about {needed}: the credential leads to "
        "another cluster, or the contract names the wrong one."
    )
    return [Item("cluster identity", found == needed, found, needed, message, "account")]


def kubernetes(facts: Data, _contract: Contract, release: Data) -> list[Item]:
    """Kubernetes is as new as the stack release needs."""
    version, least = facts["version"], str(release["kubernetes"]["minimum"])
    found = str(version.get("git") or f"{version.get('major')}.{version.get('minor')}")
    message = f"Kubernetes is {found}; stack release {release['version']} needs {least} or newer."
    new_enough = kubernetes_version(found) >= kubernetes_version(least)
    return [Item("Kubernetes version", new_enough, found, f"{least} or newer", message, "account")]


def required_apis(facts: Data, contract: Contract, _release: Data) -> list[Item]:
    """The API server serves every kind that we write."""
    wanted = [*_APIS, *_ENTRY_POINTS.get(entry_point(contract), [])]
    missing = [(group, kind) for group, kind in wanted if kind not in (facts["apis"].get(group) or ())]
    message = f"The API server does not serve {', '.join(f'{kind} ({group})' for group, kind in missing)}."
    if _HTTP_ROUTES in missing:
        message += " Install the Gateway API, or leave networking.gateway out of the contract."
    found = f"{len(wanted) - len(missing)} of {len(wanted)} served"
    return [Item("required APIs", not missing, found, "all served", message, "account")]


def provider(facts: Data, contract: Contract, _release: Data) -> list[Item]:
    """The nodes are where the contract says; only advice, for not every provider leaves its mark."""
    said, found = str(contract["identity"]["provider"]), str(facts["provider"])
    if "openshift" in (said, facts["platform"]):
        agrees, seen = said == facts["platform"], str(facts["platform"])
    else:
        agrees, seen = found in ("", "other", said) or said in ("gpu_cloud", "other"), found or "not marked on nodes"
    message = f"The contract says {said}, and the cluster looks like {seen}."
    return [Item("provider", agrees, seen, said, message, "account", blocking=False)]


def region(_facts: Data, contract: Contract, _release: Data) -> list[Item]:
    """The cluster stands in a region that the customer's rules allow."""
    here, allowed = str(contract["identity"]["region"]), (contract.get("compliance") or {}).get("regions") or ()
    message = f"The cluster is in {here}, and compliance.regions allows {', '.join(allowed)}."
    needed = " or ".join(allowed) if allowed else "any"
    return [Item("region", not allowed or here in allowed, here, needed, message, "security")]
