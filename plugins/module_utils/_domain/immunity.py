# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What failed on one cluster is looked for on all: the driver, node image, product or version that they share.

A signature is what may be why: by kind the values, each with how many GPU nodes of the cluster have it. Firmware is
told by nothing that we read, so it is no part of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .outcome import GOOD, Result
from .views import View, gpu_product

Data = Mapping[str, Any]
Signature = Mapping[str, Mapping[str, int]]
Trait = tuple[str, str]

OF_NODES = ("driver", "image", "product")
_DRIVER = ("nvidia.com/cuda.driver-version.full", "nvidia.com/cuda.driver.major")
_NOT_TRIED = frozenset({"unreachable", "offline"})
"""A cluster that did not answer has proved nothing."""


def node_traits(view: View) -> dict[str, str]:
    """What a GPU node (``node_view``) may have in common with others; empty where it does not say."""
    labels = view["labels"]
    driver = next((str(labels[key]) for key in _DRIVER if labels.get(key)), "")
    return {"driver": driver, "image": str(view["image"]), "product": gpu_product(view)}


def signature(nodes: Iterable[View], *, kubernetes: str, release: str) -> dict[str, dict[str, int]]:
    """Of a cluster, by its GPU nodes (``node_view``), the version of Kubernetes and the release of the stack."""
    views = list(nodes)
    found: dict[str, Counter[str]] = {kind: Counter() for kind in OF_NODES}
    for view in views:
        for kind, value in node_traits(view).items():
            if value:
                found[kind][value] += 1
    whole = {"kubernetes": kubernetes, "release": release}
    return {
        **{kind: dict(sorted(values.items())) for kind, values in found.items() if values},
        **{kind: {value: len(views)} for kind, value in whole.items() if value},
    }


def traits_of(it: Signature) -> frozenset[Trait]:
    """Kinds and values, without counts."""
    return frozenset((kind, value) for kind, values in it.items() for value in values)


@dataclass(frozen=True)
class Tried:
    """A cluster on which a change was tried, with its signature, and whether that failed."""

    cluster: str
    signature: Signature
    failed: bool


def tried(outcomes: Iterable[Data], signatures: Mapping[str, Signature]) -> list[Tried]:
    """What the outcomes of a rollout prove: of clusters that were changed, or failed."""
    found = []
    for one in outcomes:
        failed = one["result"] == Result.FAILED and one["code"] not in _NOT_TRIED
        if failed or one["result"] in GOOD:
            found.append(Tried(str(one["cluster"]), signatures.get(str(one["cluster"])) or {}, failed))
    return found


def held_by_signature(own: Signature, before: Sequence[Tried]) -> str:
    """Why a change had better not come to a cluster: it shares what may be why the change failed elsewhere.

    What a cluster has on which the change did well is not suspected. Where that leaves nothing, nothing is known of why
    it failed, and this holds nobody: how many failures a rollout bears is another question.
    """
    proved = frozenset(trait for one in before if not one.failed for trait in traits_of(one.signature))
    told = []
    for one in before:
        shared = (traits_of(one.signature) - proved) & traits_of(own) if one.failed else frozenset()
        if shared:
            told.append(f"{' and '.join(f'{kind} {value}' for kind, value in sorted(shared))} with {one.cluster}")
    return f"it shares {', '.join(told)}, where this failed, and nothing has proved that harmless" if told else ""


@dataclass(frozen=True)
class Exposure:
    """A fault whose sick nodes all have one trait, and who else has it. sick, nodes: with that trait, in the fleet."""

    fault: str
    trait: Trait
    found_on: tuple[str, ...]
    also_on: tuple[str, ...]
    sick: int
    nodes: int


def exposures(sick: Iterable[Data], signatures: Mapping[str, Signature]) -> list[Exposure]:
    """Where the signatures of faults are found, all over the fleet.

    :param sick: of each sick node ``cluster``, ``node``, ``fault`` and ``traits``. :param signatures: of all clusters.
        One sick node has no signature, and what all GPU nodes have tells nothing.
    """
    by_fault: dict[str, dict[tuple[str, str], Data]] = {}
    for one in sick:
        by_fault.setdefault(str(one["fault"]), {})[str(one["cluster"]), str(one["node"])] = one["traits"]
    found = []
    for fault, nodes in sorted(by_fault.items()):
        for kind in OF_NODES:
            values = {str(traits.get(kind) or "") for traits in nodes.values()}
            if len(nodes) > 1 and len(values) == 1 and (value := values.pop()):
                found += _exposure(fault, (kind, value), nodes, signatures)
    return found


def _exposure(
    fault: str, trait: Trait, sick: Mapping[tuple[str, str], Data], signatures: Mapping[str, Signature]
) -> list[Exposure]:
    kind, value = trait
    counts = {name: dict(one.get(kind) or {}) for name, one in signatures.items()}
    having = sum(values.get(value, 0) for values in counts.values())
    if having >= sum(sum(values.values()) for values in counts.values()):
        return []
    found_on = {cluster for cluster, _node in sick}
    also_on = tuple(sorted(name for name, values in counts.items() if values.get(value) and name not in found_on))
    return [Exposure(fault, trait, tuple(sorted(found_on)), also_on, len(sick), having)]
