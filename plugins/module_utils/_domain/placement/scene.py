# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A scene: everything that a plan of placement rests on, as plain data that can be kept as JSON and replayed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, TypeVar

from ..form import form_of, misfit
from ..names import GPU

VERSION = 1

Labels = Mapping[str, str]
Resources = Mapping[str, int]
Raw = Mapping[str, Any]
_Part = TypeVar("_Part")


@dataclass(frozen=True, slots=True)
class Node:
    """A node. allocatable: CPU in thousandths, memory and storage in bytes, all else as counts.

    closed: why no pod of a model is placed here that has a choice (not ready, in maintenance, under repair), though the
    scheduler may; empty where it may be. leave: whether replicas should leave it before those of other nodes.
    domain: the NVLink domain that it shares with other nodes; empty where it has none.
    """

    name: str
    allocatable: Resources
    labels: Labels = field(default_factory=dict)
    taints: tuple[Raw, ...] = ()
    product: str = ""
    cordoned: bool = False
    closed: str = ""
    leave: bool = False
    domain: str = ""

    @property
    def gpus(self) -> int:
        return self.allocatable.get(GPU, 0)


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod, or a replica that is planned and has none yet: ``node`` is empty where it is on none.

    affinity: what of ``nodeSelector`` and the required affinities, and ``spread`` what of the hard topology constraints
    counts, as the API has them. model: whose replica it is, empty for a pod of somebody else. stays: why it is not
    moved, each reason in words; nothing where it may be. unknown: what of its demands cannot be modelled, so that no
    node is proven to take it. nominated: the node that the scheduler is clearing for it. moved: when a plan last moved
    it, in seconds since 1970.
    """

    key: str
    requests: Resources
    node: str = ""
    labels: Labels = field(default_factory=dict)
    selector: Labels = field(default_factory=dict)
    affinity: Raw = field(default_factory=dict)
    spread: tuple[Raw, ...] = ()
    tolerations: tuple[Raw, ...] = ()
    ports: tuple[str, ...] = ()
    priority: int = 0
    priority_class: str = ""
    model: str = ""
    ready: bool = False
    leaving: bool = False
    stays: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    nominated: str = ""
    moved: float | None = None

    @property
    def gpus(self) -> int:
        return self.requests.get(GPU, 0)

    @property
    def namespace(self) -> str:
        return self.key.partition("/")[0]


@dataclass(frozen=True, slots=True)
class Budget:
    """A PodDisruptionBudget: how many of its pods may be evicted now."""

    key: str
    selector: Raw | None
    allowed: int

    @property
    def namespace(self) -> str:
        return self.key.partition("/")[0]


@dataclass(frozen=True, slots=True)
class Quota:
    """What a ResourceQuota leaves, by resource as pods request it; ``pods`` counts pods. scopes: as
    ``matchExpressions``; empty where it counts all pods of its namespace."""

    key: str
    left: Resources
    scopes: tuple[Raw, ...] = ()

    @property
    def namespace(self) -> str:
        return self.key.partition("/")[0]


@dataclass(frozen=True, slots=True)
class Model:
    """A model. desired: the replicas that it has been told to have. needed: how many its traffic needs; None where
    nobody has measured that.

    most: the most that it may have. busy: why nothing of it is moved now (it is scaling, rolling or loading);
    empty where it may be. budget_spent: why its error budget allows no move but from a node that is to be left;
    empty where it does. loads: seconds that its past loads took. load_limit: seconds that one may take. warm:
    seconds of work that a replica's cache saved, and that are lost with it. wanted: the share of the past days in
    which it wanted another replica; None where nobody knows.
    """

    name: str
    product: str
    gpus: int
    nodes: int = 1
    critical: bool = False
    desired: int = 0
    needed: int | None = None
    most: int = 0
    busy: str = ""
    budget_spent: str = ""
    loads: tuple[float, ...] = ()
    load_limit: float = 0.0
    warm: float = 0.0
    wanted: float | None = None

    @property
    def least_ready(self) -> int:
        """How many of its replicas must be ready: all, where nobody knows what its traffic needs."""
        return self.desired if self.needed is None else self.needed


@dataclass(frozen=True, slots=True)
class Scene:
    """One cluster at one moment. taken: seconds since 1970. consolidated: when a plan was last carried out, if ever."""

    taken: float
    nodes: tuple[Node, ...]
    pods: tuple[Pod, ...]
    budgets: tuple[Budget, ...] = ()
    quotas: tuple[Quota, ...] = ()
    models: tuple[Model, ...] = ()
    consolidated: float | None = None
    unread: tuple[str, ...] = ()


def in_order(scene: Scene) -> Scene:
    """The same scene, however the API server listed it."""
    return replace(
        scene,
        nodes=tuple(sorted(scene.nodes, key=lambda one: one.name)),
        pods=tuple(sorted(scene.pods, key=lambda one: one.key)),
        models=tuple(sorted(scene.models, key=lambda one: one.name)),
        budgets=tuple(sorted(scene.budgets, key=lambda one: one.key)),
        quotas=tuple(sorted(scene.quotas, key=lambda one: one.key)),
    )


_PARTS: Mapping[str, type] = {"nodes": Node, "pods": Pod, "budgets": Budget, "quotas": Quota, "models": Model}


class UnreadableSceneError(Exception):
    """What was given is no scene of this version."""


def to_dict(scene: Scene) -> dict[str, Any]:
    """The scene as JSON holds it."""
    return {"version": VERSION, **asdict(scene)}


def from_dict(data: Any) -> Scene:
    """The scene that :func:`to_dict` made. :raises UnreadableSceneError: it is none of this version."""
    if not isinstance(data, Mapping) or data.get("version") != VERSION:
        found = data.get("version") if isinstance(data, Mapping) else type(data).__name__
        raise UnreadableSceneError(f"a snapshot of version {VERSION} is needed, and this is {found!r}: take it anew")
    if wrong := misfit(data, form_of(Scene)):
        raise UnreadableSceneError(f"the snapshot is not as it was taken: {wrong}")
    given = {key: value for key, value in data.items() if key != "version"}
    parts: dict[str, Any] = {key: tuple(_made(kind, one) for one in given.pop(key, ())) for key, kind in _PARTS.items()}
    return _made(Scene, {**given, **parts})


def _made(kind: type[_Part], data: Raw) -> _Part:
    """A part out of its mapping: lists are tuples again where the part has them."""
    if unknown := sorted(map(str, set(data) - {one.name for one in fields(kind)})):  # type: ignore[arg-type]
        what = f"a {kind.__name__.lower()} has no {', '.join(unknown)}"
        raise UnreadableSceneError(f"the snapshot is not as it was taken: {what}")
    tuples = {one.name for one in fields(kind) if str(one.type).startswith("tuple")}  # type: ignore[arg-type]
    return kind(**{key: tuple(value) if key in tuples else value for key, value in data.items()})
