# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the quotas of the stack's namespace leave room for what an upgrade runs at its fullest.

A quota refuses pods, not the Deployments that make them: so the API server's dry-run of a release does not show it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..quantity import count, quantity

Data = Mapping[str, Any]
Step = tuple[Data, Data]
"""A Deployment as it is (empty: it is new), and as it will be."""

_AMOUNTS: dict[str, tuple[str, ...]] = {
    "pods": (),
    "count/pods": (),
    "cpu": ("requests", "cpu"),
    "requests.cpu": ("requests", "cpu"),
    "limits.cpu": ("limits", "cpu"),
    "memory": ("requests", "memory"),
    "requests.memory": ("requests", "memory"),
    "limits.memory": ("limits", "memory"),
}
"""What a quota may count of a pod (kubernetes.io, "Resource Quotas"), and where its containers say it."""


def shortages(steps: Sequence[Step], quotas: Iterable[Data]) -> list[str]:
    """What is too little, in words.

    :param steps: in the order in which they are carried out. What a release removes is removed at the end.
    :param quotas: the namespace's ResourceQuotas, raw. One with scopes counts some pods only, and is left aside.
    """
    found = []
    for one in sorted(quotas, key=lambda each: str(each["metadata"]["name"])):
        spec = one.get("spec") or {}
        if spec.get("scopes") or spec.get("scopeSelector"):
            continue
        used = (one.get("status") or {}).get("used") or {}
        for name, most in sorted((spec.get("hard") or {}).items()):
            if name not in _AMOUNTS:
                continue
            left = quantity(most) - quantity(used.get(name))
            more = _most(steps, _AMOUNTS[name])
            if more > left:
                found.append(
                    f"quota {one['metadata']['name']} has {left:g} of {name} left, and while it is updated the stack"
                    f" takes {more:g} more"
                )
    return found


def _most(steps: Sequence[Step], path: tuple[str, ...]) -> float:
    """The most that is taken beyond today's at any moment, if each step is over before the next one begins."""
    grown = most = 0.0
    for before, after in steps:
        was, will = _spec(before), _spec(after)
        old = _replicas(was) * _of_pod(was.get("template") or {}, path) if before else 0.0
        each = _of_pod(will.get("template") or {}, path)
        new = _replicas(will) * each
        updated = bool(before) and was.get("template") != will.get("template")
        surging = _surge(will) * each if updated else 0.0
        most = max(most, grown + max(new - old, 0.0) + surging)
        grown += new - old
    return most


def _spec(deployment: Data) -> Data:
    return deployment.get("spec") or {}


def _replicas(spec: Data) -> int:
    return count(spec.get("replicas", 1))


def _surge(spec: Data) -> int:
    """How many pods more than wanted an update may run: a quarter, rounded up, unless the Deployment says otherwise."""
    strategy = spec.get("strategy") or {}
    if strategy.get("type") == "Recreate":
        return 0
    given = str((strategy.get("rollingUpdate") or {}).get("maxSurge", "25%"))
    return math.ceil(_replicas(spec) * count(given[:-1]) / 100) if given.endswith("%") else count(given)


def _of_pod(template: Data, path: tuple[str, ...]) -> float:
    """What one pod counts for: the sum of its containers, or its hungriest init container where that is more."""
    if not path:
        return 1.0
    kind, resource = path
    spec = template.get("spec") or {}

    def of(container: Data) -> float:
        return quantity(((container.get("resources") or {}).get(kind) or {}).get(resource))

    together = sum(of(one) for one in spec.get("containers") or ())
    return max([together, *(of(one) for one in spec.get("initContainers") or ())])
