# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a pod requests, as the scheduler counts it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from ..at_once import add, most_at_once
from ..quantity import quantity

Raw = Mapping[str, Any]
ANYWHERE = "0.0.0.0"  # noqa: S104 (nothing listens here: a pod that names no address takes its port on all of them)
_MOST = 2.0**63
"""No API server keeps more; what says so is a number beyond all others."""


def amounts(resources: Mapping[str, Any] | None) -> dict[str, int]:
    """Quantities as whole numbers: CPU in thousandths, all else in its own unit, rounded up."""
    found = {}
    for name, value in (resources or {}).items():
        scale = 1000 if name == "cpu" else 1
        found[str(name)] = math.ceil(min(round(quantity(value) * scale, 3), _MOST))
    return found


def requests_of(spec: Raw) -> dict[str, int]:
    """The requests of a pod with its overhead, and itself as one of the pods that a node takes.

    What is said of the pod as a whole counts in place of its containers' sum.
    """
    most = most_at_once(spec, _own)
    most |= amounts((spec.get("resources") or {}).get("requests"))
    add(most, amounts(spec.get("overhead")))
    return {**{key: amount for key, amount in most.items() if amount}, "pods": 1}


def host_ports(spec: Raw) -> tuple[str, ...]:
    """Ports of the node that a pod takes, as ``protocol/port/address``."""
    return tuple(
        f"{port.get('protocol') or 'TCP'}/{port['hostPort']}/{port.get('hostIP') or ANYWHERE}"
        for container in _containers(spec)
        for port in container.get("ports") or ()
        if port.get("hostPort")
    )


def _containers(spec: Raw) -> Iterable[Raw]:
    sidecars = (one for one in spec.get("initContainers") or () if one.get("restartPolicy") == "Always")
    return [*sidecars, *(spec.get("containers") or ())]


def _own(container: Raw) -> dict[str, int]:
    """A container's requests; what it only limits it requests as well."""
    said = container.get("resources") or {}
    return amounts({**(said.get("limits") or {}), **(said.get("requests") or {})})
