# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The releases among each other: which follows which, and what the channels stand for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Data = Mapping[str, Any]


def lineage_problems(releases: Mapping[str, Data], channels: Mapping[str, str]) -> list[str]:
    """Where releases cannot be reached from the first one, or a channel leads nowhere.

    :param releases: all there are, by version; ``upgrades_from`` lists whole versions.
    """
    found = []
    for version, release in sorted(releases.items(), key=lambda item: _order(item[0])):
        for source in release["upgrades_from"]:
            if source not in releases:
                found.append(f"{version}: upgrades_from names {source}, and there is no such release")
            elif _order(source) >= _order(version):
                found.append(f"{version}: upgrades_from names {source}, which is not older")
    beginnings = {version for version, release in releases.items() if not release["upgrades_from"]}
    first = min(releases, key=_order, default="")
    found += [
        f"{version}: no cluster can come to it: upgrades_from is empty" for version in sorted(beginnings - {first})
    ]
    reached = _reached(releases, first)
    found += [
        f"{version}: no upgrades lead from {first} to it" for version in sorted(set(releases) - reached - beginnings)
    ]
    found += [
        f"channels.yml: {channel} is {version}, and there is no such release"
        for channel, version in channels.items()
        if version not in releases
    ]
    return found


def _reached(releases: Mapping[str, Data], first: str) -> set[str]:
    reached = {first}
    for version in sorted(releases, key=_order):
        if reached & set(releases[version]["upgrades_from"]):
            reached.add(version)
    return reached


def _order(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]
