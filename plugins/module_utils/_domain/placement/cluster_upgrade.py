# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an upgrade of a customer's own Kubernetes would break of ours: APIs that go, versions, room for its nodes."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..._vocabulary.owner import Owner
from ..contract.typed import Contract
from ..entry_point import GATEWAY_GROUP, ROUTE_GROUP
from ..identities.needs import IDENTITIES, KEDA_GROUP, OBSERVER, held
from ..names import LWS_GROUP
from ..release import kubernetes_version
from .handover import freeing
from .scene import Raw, Scene
from .twin import Twin

Data = Mapping[str, Any]

FINE, BREAKS, UNPROVEN = "fine", "breaks", "unproven"
_SKEW = 3
"""Minor versions that a kubelet may be older than its API server: kubernetes.io, "Version Skew Policy"."""
_OWN_VERSIONS = {GATEWAY_GROUP: "v1", ROUTE_GROUP: "v1", KEDA_GROUP: "v1alpha1", LWS_GROUP: "v1"}
"""By group, the version that is used of kinds that are no part of Kubernetes."""
_VERSIONS = {"autoscaling": "v2"}
"""The same of Kubernetes' own groups, where it is not v1."""
_STABLE = re.compile(r"v[0-9]+")
_SHOWN = 5


@dataclass(frozen=True)
class Item:
    """One thing that was looked at. owner: who has to act before the upgrade; nobody where nothing is to be done."""

    what: str
    verdict: str
    why: str
    owner: Owner = Owner.NOBODY

    def to_dict(self) -> dict[str, str]:
        return {"what": self.what, "verdict": self.verdict, "why": self.why, "owner": self.owner.value}


def apis_used(contract: Contract) -> list[str]:
    """The API versions that our identities use under a contract, by their rights: nothing else is open to them."""
    groups = {need.group for one in IDENTITIES if one.applies(contract) for need in held(contract, one)}
    return sorted("v1" if not group else f"{group}/{_version(group)}" for group in groups)


def lists_of(contract: Contract) -> dict[str, str]:
    """By API version, the path of a list that the observer reads: where it goes, the API server warns in the answer."""
    found: dict[str, str] = {}
    [observer] = [one for one in IDENTITIES if one.name == OBSERVER]
    for need in held(contract, observer):
        kinds = [kind for kind in need.resources if "/" not in kind]
        if "list" in need.verbs and kinds:
            base = f"/apis/{need.group}/{_version(need.group)}" if need.group else "/api/v1"
            place = f"/namespaces/{need.scope}" if need.scope else ""
            found.setdefault(base.removeprefix("/apis/").removeprefix("/api/"), f"{base}{place}/{kinds[0]}")
    return found


def _version(group: str) -> str:
    return _OWN_VERSIONS.get(group) or _VERSIONS.get(group, "v1")


def of_apis(used: Iterable[str], warned: Mapping[str, str], target: str, served: Container[str]) -> list[Item]:
    """Whether the API versions that are used are there afterwards.

    A stable version of Kubernetes' own stays as long as Kubernetes is 1.x (its deprecation policy); of another one the
    API server itself says in a warning when it goes. What somebody else serves, they know.

    :param warned: what the API server warned of, by API version. :param served: the groups that it serves.
    """
    found = []
    for one in used:
        group, _slash, version = one.rpartition("/")
        gone = re.search(r"unavailable in (v[0-9]+\.[0-9]+)", warned.get(one, ""))
        if gone and kubernetes_version(gone[1]) <= kubernetes_version(target):
            found.append(Item(f"API {one}", BREAKS, warned[one], Owner.FIREWORKS))
        elif group in _OWN_VERSIONS and group not in served:
            found.append(Item(f"API {one}", FINE, "it is not served here, so nothing of ours uses it"))
        elif group in _OWN_VERSIONS:
            why = f"it is no part of Kubernetes: whether what serves it here runs on {target}, its makers say"
            found.append(Item(f"API {one}", UNPROVEN, why, Owner.CUSTOMER))
        elif _STABLE.fullmatch(version):
            found.append(Item(f"API {one}", FINE, "stable, and stays as long as Kubernetes is 1.x"))
        else:
            found.append(Item(f"API {one}", UNPROVEN, f"it is no stable version, and nothing says if {target} has it"))
    return found


def of_versions(live: str, target: str, release: Data, kubelets: Iterable[str]) -> list[Item]:
    """Whether the step is one that Kubernetes supports, for the control plane, the release and the nodes.

    :param live: the API server's version. :param kubelets: those of the nodes.
    """
    there, wanted = kubernetes_version(live), kubernetes_version(target)
    minimum = str(release["kubernetes"]["minimum"])
    old = sorted({one for one in kubelets if wanted[1] - kubernetes_version(one)[1] > _SKEW})
    return [
        _step(live, there, target, wanted),
        Item("stack release", FINE, f"{release['version']} needs {minimum} or newer")
        if wanted >= kubernetes_version(minimum)
        else Item("stack release", BREAKS, f"{release['version']} needs {minimum} or newer", Owner.FIREWORKS),
        Item("kubelets", BREAKS, f"{', '.join(old)} is more than {_SKEW} versions older than {target}", Owner.CUSTOMER)
        if old
        else Item("kubelets", FINE, f"none is more than {_SKEW} minor versions older than {target}"),
    ]


def _step(live: str, there: tuple[int, int], target: str, wanted: tuple[int, int]) -> Item:
    what = "control plane"
    if wanted < there:
        return Item(what, BREAKS, f"it is {live}, and goes back to no older version", Owner.CUSTOMER)
    if wanted == there:
        return Item(what, FINE, f"it is {live} already")
    if wanted > (there[0], there[1] + 1):
        return Item(what, BREAKS, f"it is {live}, and goes one minor version at a time to {target}", Owner.CUSTOMER)
    return Item(what, FINE, f"from {live} to {target} is one minor version")


def of_room(scene: Scene) -> list[Item]:
    """Whether each node can be emptied for its new version, one at a time, with every replica up elsewhere first."""
    twin = Twin(scene)
    held_back: dict[str, dict[str, str]] = defaultdict(dict)
    counted: dict[str, int] = defaultdict(int)
    for node in scene.nodes:
        if node.gpus and any(pod.model for pod in twin.on[node.name].values()):
            counted[node.product] += 1
            if stays := freeing(scene, node.name, twin).stays:
                held_back[node.product][node.name] = stays[0]
    return [_room(product, counted[product], held_back[product]) for product in sorted(counted)]


def _room(product: str, nodes: int, held: Mapping[str, str]) -> Item:
    what = f"room on {product}"
    if not held:
        return Item(what, FINE, f"each of {nodes} nodes with replicas can be emptied, if one at a time")
    some = "; ".join(f"{node}: {why}" for node, why in sorted(held.items())[:_SHOWN])
    why = f"{len(held)} of {nodes} nodes with replicas cannot be emptied without taking capacity away: {some}"
    return Item(what, BREAKS, why, Owner.CUSTOMER)


def kubelets_of(nodes: Iterable[Raw]) -> list[str]:
    """The versions of the kubelets."""
    return [str(((one.get("status") or {}).get("nodeInfo") or {}).get("kubeletVersion", "")) for one in nodes]


def broken(items: Sequence[Item]) -> list[Item]:
    """What would break."""
    return [one for one in items if one.verdict == BREAKS]
