# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one GPU on offer is, in the forms in which device plugins and feature discovery say it."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.gpu_units import (
    in_parts,
    known_whole,
    offered,
    surely_shared,
    whole_by_labels,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.inventory import cluster_facts
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.remediation.journey import gpus_expected, has_gpus
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.views import node_problem, node_view
from tests.unit.domain.raw import H100, node

GPU = "nvidia.com/gpu"
Labels = dict[str, str]


def labelled(product: str = H100, **said: Any) -> Labels:
    return {"nvidia.com/gpu.product": product, **{f"nvidia.com/{key}": str(value) for key, value in said.items()}}


@pytest.mark.parametrize(
    "labels",
    [
        {},
        labelled(),
        labelled(**{"gpu.count": 8, "gpu.replicas": 1, "gpu.sharing-strategy": "none"}),
        # The GPU operator sets the strategy everywhere, and the configuration where no GPU is in MIG mode too.
        labelled(**{"mig.strategy": "single", "mig.capable": "true", "mig.config": "all-disabled"}),
        labelled("NVIDIA-A10G"),
        labelled("NVIDIA-RTX-A6000"),
        labelled("Tesla-T4", **{"vgpu.present": "false"}),
        {"cloud.google.com/gke-max-shared-clients-per-gpu": "1"},
    ],
)
def test_whole_gpus_are_not_called_parts(labels: Labels) -> None:
    assert not in_parts(labels, {GPU: "8", "nvidia.com/mig-1g.10gb": "0", "nvidia.com/hostdev": "8"})


@pytest.mark.parametrize(
    ("labels", "capacity"),
    [
        (labelled(f"{H100}-MIG-1g.10gb", **{"gpu.count": 56}), {GPU: "56"}),
        (labelled("NVIDIA-A100-SXM4-40GB-MIG-1g.5gb.me"), {GPU: "7"}),
        (labelled(f"{H100}-MIG-INVALID"), {GPU: "0"}),
        (labelled(), {"nvidia.com/mig-3g.40gb": "2"}),
        (labelled(**{"mig.config": "all-balanced"}), {GPU: "8"}),
        (labelled(f"{H100}-SHARED"), {GPU: "32"}),
        (labelled(**{"gpu.replicas": 4}), {GPU: "32"}),
        (labelled(**{"gpu.sharing-strategy": "mps"}), {GPU: "16"}),
        (labelled(**{"gpu.sharing-strategy": "time-slicing"}), {GPU: "16"}),
        ({}, {f"{GPU}.shared": "16"}),
        (labelled("NVIDIA-A16-4Q"), {GPU: "4"}),
        (labelled("GRID-A100-1-5C"), {GPU: "1"}),
        (labelled(**{"vgpu.present": "true"}), {GPU: "4"}),
        ({}, {"nvidia.com/GRID_T4-2Q": "8"}),
        ({}, {"nvidia.com/NVIDIA_A40-12Q": "4"}),
        ({"cloud.google.com/gke-gpu-partition-size": "1g.5gb"}, {GPU: "7"}),
        ({"cloud.google.com/gke-gpu-sharing-strategy": "time-sharing"}, {GPU: "4"}),
        ({"cloud.google.com/gke-max-shared-clients-per-gpu": "4"}, {GPU: "4"}),
    ],
)
def test_parts_are_known_whoever_says_it(labels: Labels, capacity: dict[str, str]) -> None:
    assert in_parts(labels, capacity)


def test_what_is_offered_counts_every_name_of_it_and_nothing_else() -> None:
    resources = {GPU: "2", "nvidia.com/mig-1g.10gb": 7, f"{GPU}.shared": "8", "nvidia.com/hostdev": "8", "cpu": "96"}
    assert offered(resources) == 17
    assert offered({GPU: "nonsense"}) == 0


@pytest.mark.parametrize(
    ("labels", "capacity", "whole"),
    [
        (labelled(**{"gpu.count": 8}), "8", 8),
        (labelled(**{"gpu.count": 8}), "7", 8),
        (labelled(**{"gpu.count": 8, "gpu.replicas": 4}), "32", 8),
        # The plugin shares otherwise than feature discovery knows.
        (labelled(**{"gpu.count": 8, "gpu.replicas": 4}), "16", 0),
        (labelled(f"{H100}-MIG-1g.10gb", **{"gpu.count": 56}), "56", 0),
        (labelled(f"{H100}-MIG-1g.10gb-SHARED", **{"gpu.count": 56, "gpu.replicas": 2}), "112", 0),
        (labelled(**{"vgpu.present": "true", "gpu.count": 4}), "4", 0),
        (labelled(**{"gpu.count": 56}), "56", 0),
        (labelled(), "8", 0),
        (labelled(**{"gpu.count": "1e999"}), "8", 0),
    ],
)
def test_labels_count_whole_gpus_where_that_is_what_they_count(labels: Labels, capacity: str, whole: int) -> None:
    assert whole_by_labels(labels, {GPU: capacity}) == whole


@pytest.mark.parametrize(
    ("units", "labelled", "seen", "agreed", "whole"),
    [
        (8, 8, 0, 0, True),
        (7, 8, 0, 0, True),
        (8, 7, 7, 0, True),
        (8, 8, 4, 0, True),
        (32, 8, 8, 0, False),
        (8, 0, 8, 0, True),
        (8, 0, 7, 0, True),
        (8, 0, 4, 8, False),
        (16, 0, 8, 16, False),
        (7, 0, 0, 8, True),
        (16, 0, 0, 8, False),
        (8, 0, 0, 0, False),
    ],
)
def test_units_are_whole_only_where_somebody_counts_the_gpus(
    units: int, labelled: int, seen: int, agreed: int, whole: bool
) -> None:
    assert known_whole(units, parts=False, labelled=labelled, seen=seen, agreed=agreed) == whole
    assert not known_whole(units, parts=True, labelled=labelled, seen=seen, agreed=agreed)


def test_more_units_than_a_machine_has_gpus_are_shares_where_each_gpu_has_as_many() -> None:
    assert surely_shared(32, 8) and surely_shared(40, 4)
    assert not surely_shared(16, 8), "a machine may have 16, of which an exporter watches 8"
    assert not surely_shared(31, 8)
    assert not surely_shared(32, 0)


def test_nodes_that_offer_slices_offer_something() -> None:
    sliced = node("sliced", 0, product=H100)
    for what in ("capacity", "allocatable"):
        sliced["status"][what] |= {"nvidia.com/mig-1g.10gb": "56"}
    sliced["status"]["allocatable"]["nvidia.com/mig-1g.10gb"] = "55"
    view = node_view(sliced)
    assert node_problem(view) == "55 of 56 GPUs allocatable"
    facts = cluster_facts(uid="1", version={}, apis={}, nodes=[view], pods=[])
    assert (facts["nodes"]["gpu"], facts["nodes"]["gpu_offering"]) == (1, 1)


@pytest.mark.parametrize(
    ("labels", "capacity", "allocatable", "expected"),
    [
        (labelled(**{"gpu.count": 8}), {GPU: "7"}, {GPU: "7"}, 8),
        (labelled(**{"gpu.count": 8}), {GPU: "0"}, {GPU: "0"}, 8),
        (labelled(**{"gpu.count": 8}), {GPU: "0", "nvidia.com/mig-2g.20gb": "3"}, {"nvidia.com/mig-2g.20gb": "3"}, 3),
        (labelled(f"{H100}-MIG-3g.40gb", **{"gpu.count": 16}), {GPU: "8"}, {GPU: "8"}, 8),
        (labelled(f"{H100}-SHARED", **{"gpu.count": 8, "gpu.replicas": 4}), {GPU: "32"}, {GPU: "28"}, 32),
        (labelled(f"{H100}-SHARED", **{"gpu.count": 8, "gpu.replicas": 4}), {}, {}, 1),
        (labelled(**{"gpu.count": "²"}), {GPU: "8"}, {GPU: "8"}, 8),
    ],
)
def test_a_repaired_node_owes_what_it_offers_in_its_own_units(
    labels: Labels, capacity: dict[str, str], allocatable: dict[str, str], expected: int
) -> None:
    sick = {"metadata": {"labels": labels}, "status": {"capacity": capacity, "allocatable": allocatable}}
    assert gpus_expected(sick) == expected
    assert has_gpus(sick)
