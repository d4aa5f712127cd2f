# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A release that fails on a driver stays away from the other clusters that have it, and reaches those that have not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from byoc_testbed import ClusterSpec, Testbed
from tests.beds import h100
from tests.integration.test_upgrade_fleet import NEW, OLD, Fleet, publish
from tests.integration.upgrades import ended, release_of, upgrade

SICK, WELL = "570.86.15", "580.82.07"
DRIVERS = {"ada": SICK, "ben": WELL, "cat": SICK, "dan": WELL}
POLICY = {"soak": 0, "canaries": 2, "wave_percent": 50, "wave_failures": 1, "fleet_failures": 1}


class Small(Fleet):
    """Four of the clusters, in one ring."""

    def __init__(self, bed: Testbed, folder: Path) -> None:
        self.bed, self.folder = bed, folder
        self.contracts = [self.agreed(name) for name in DRIVERS]
        for made in self.contracts:
            made["identity"]["ring"] = "general"


@pytest.mark.soak
def test_clusters_with_the_driver_on_which_a_release_failed_are_held_back(tmp_path: Path) -> None:
    specs = [ClusterSpec(name, pools=[h100(1, 8, "aws")], load_seconds=0.2) for name in DRIVERS]
    with Testbed.start(specs) as bed:
        for name, driver in DRIVERS.items():
            bed[name].request("POST", "/api/v1/namespaces", {"metadata": {"name": "fireworks-system"}})
            labels = {"nvidia.com/cuda.driver-version.full": driver}
            bed[name].request("PATCH", "/api/v1/nodes/h100-0", {"metadata": {"labels": labels}})
        fleet = Small(bed, tmp_path)
        publish(tmp_path, OLD, [])
        releases = publish(tmp_path, NEW, [f"{name}-eu-1" for name, driver in DRIVERS.items() if driver == SICK])
        fleet.install(OLD, "byoc")
        given = ("-e", json.dumps({"policy": POLICY}), "-e", "lock_wait=0")
        done = upgrade(tmp_path / "all", fleet.contracts, releases, *given, release=NEW)
        assert done.returncode == 2, done.stdout
        text = " ".join(done.stdout.split())
        assert f"it shares driver {SICK} with ada-eu-1, where this failed" in text, done.stdout
        # Words of a line: "not begun" is two of them.
        told = {name: tuple(ended(done, f"{name}-eu-1")[4:6]) for name in DRIVERS}
        assert told == {
            "ada": ("failed", "rolled_back"),
            "ben": ("done", "go"),
            "cat": ("not", "begun"),
            "dan": ("done", "go"),
        }
        assert {name for name in DRIVERS if release_of(bed[name])["release"] == NEW} == {"ben", "dan"}
