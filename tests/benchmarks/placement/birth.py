# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How pods are placed at birth: as the scheduler spreads them by default, first fit, and best fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.benchmarks.placement.trace import Asked, Choice, Host


def spread(hosts: Sequence[Host], _one: Asked) -> Host:
    """Where most of CPU and memory is free, as ``LeastAllocated`` scores it; it does not look at GPUs."""
    return max(hosts, key=lambda host: (free_share(host), host.node.name))


def free_share(host: Host) -> float:
    """The free share of its CPU and that of its memory, together."""
    room = host.node.allocatable
    return host.cpu / room["cpu"] + host.memory / room["memory"]


def first_fit(hosts: Sequence[Host], _one: Asked) -> Host:
    return hosts[0]


def best_fit(hosts: Sequence[Host], one: Asked) -> Host:
    """Where fewest GPUs are left; what asks for none goes where nobody needs any."""
    if not one.gpus and not one.share:
        return min(hosts, key=lambda host: (host.gpus, host.node.name))
    return min(hosts, key=lambda host: (host.free, host.node.name))


BIRTHS: Mapping[str, Choice] = {"spread (the scheduler)": spread, "first fit": first_fit, "best fit": best_fit}
