# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the containers of a pod need at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Amounts = Mapping[str, int]


def most_at_once(spec: Mapping[str, Any], own: Callable[[Mapping[str, Any]], Amounts]) -> dict[str, int]:
    """The most of each resource that a pod's containers have at one moment.

    Init containers run one after the other, each beside the sidecars before it (init containers that always restart);
    then all others run beside all sidecars. Kubernetes, "Sidecar Containers".

    :param own: what one container has, by resource.
    """
    beside: dict[str, int] = {}
    most: dict[str, int] = {}
    for container in spec.get("initContainers") or ():
        if container.get("restartPolicy") == "Always":
            add(beside, own(container))
        else:
            moment = dict(beside)
            add(moment, own(container))
            _raise(most, moment)
    for container in spec.get("containers") or ():
        add(beside, own(container))
    _raise(most, beside)
    return most


def add(total: dict[str, int], more: Amounts) -> None:
    """So much more of each resource."""
    for key, amount in more.items():
        total[key] = total.get(key, 0) + amount


def _raise(most: dict[str, int], other: Amounts) -> None:
    for key, amount in other.items():
        most[key] = max(most.get(key, 0), amount)
