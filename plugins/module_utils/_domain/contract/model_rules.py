# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold between the keys of a model. Each rule tolerates data that other checks refuse."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from .capacity_rules import approved_gpus, too_many
from .durations import parse_duration
from .errors import shown
from .views import entries, mapping, number, word

Data = Mapping[Any, Any]
Found = Iterator[tuple[tuple[Any, ...], str]]


def parallelism_is_the_gpus(data: Data) -> Found:
    """A replica is spread over exactly its GPUs."""
    for index, model in entries(data, "models"):
        each, spread = number(mapping(model, "gpu"), "per_replica"), mapping(model, "parallelism")
        tensor, pipeline = number(spread, "tensor"), number(spread, "pipeline")
        # What the stages are where nothing says so is a matter of gpu.nodes.
        stages = (number(mapping(model, "gpu"), "nodes") or 1) if pipeline is None else pipeline
        if not each or each < 1 or stages < 1 or (tensor is not None and tensor < 1):
            continue
        place = ("models", index, "parallelism")
        if tensor is None and pipeline is not None and each % stages:
            yield (*place, "pipeline"), f"the {each} GPUs of gpu.per_replica cannot be cut into {stages} stages"
        elif tensor is not None and tensor * stages != each:
            spread_over = f"tensor {tensor} x pipeline {stages} = {tensor * stages}"
            advice = "make both the same, since a replica is spread over all its GPUs"
            yield (*place, "tensor"), f"{spread_over}, but gpu.per_replica is {each}: {advice}"


_GROUP_NAME = 47
"""The longest name of a model that spans nodes: what is made for it appends up to 16 characters, and a label takes 63
(``<model>-<group>-<hash>``, controller-revision-hash of a StatefulSet)."""


def replicas_are_spread_evenly(data: Data) -> Found:
    """Each node of a replica has the same part of its GPUs, and splits no layer with another."""
    for index, model in entries(data, "models"):
        gpu, spread = mapping(model, "gpu"), mapping(model, "parallelism")
        each, nodes = number(gpu, "per_replica"), number(gpu, "nodes")
        if not each or each < 1 or not nodes or nodes < 2:
            continue
        name = word(model, "name") or ""
        if len(name) > _GROUP_NAME:
            message = f"{shown(name)} has {len(name)} characters; of a model that spans nodes at most {_GROUP_NAME}"
            yield ("models", index, "name"), f"{message}: what is made for it gets longer names"
        if each % nodes:
            message = f"the {each} GPUs of gpu.per_replica cannot be divided evenly among {nodes} nodes"
            yield ("models", index, "gpu", "nodes"), message
            continue
        part, tensor, pipeline = each // nodes, number(spread, "tensor"), number(spread, "pipeline")
        split = each // (pipeline or nodes) if tensor is None else tensor
        if split < 1 or part % split:
            key = "pipeline" if tensor is None else "tensor"
            message = f"each layer would be split over {split} GPUs, and a node has {part} of the replica's {each}"
            advice = f"tensor parallelism stays inside a node: have tensor: {part}, pipeline: {nodes}"
            yield ("models", index, "parallelism", key), f"{message}: {advice}"


CANDIDATE = "-candidate-"
"""In the name of a workload that tries a version out: a model called so would never be scaled."""


def models_are_no_candidates(data: Data) -> Found:
    """No model is named like a candidate."""
    for index, model in entries(data, "models"):
        name = word(model, "name") or ""
        if CANDIDATE in name:
            message = f"{shown(name)} is what a rollout would call a model's candidate, which nothing scales"
            yield ("models", index, "name"), f"{message}: give it a name without '{CANDIDATE}'"


def adapters_have_names_of_their_own(data: Data) -> Found:
    """What clients ask for is one model or one adapter."""
    served = {
        word(model, "served_name") or word(model, "name"): f"models[{index}]"
        for index, model in entries(data, "models")
    }
    for index, model in entries(data, "models"):
        for position, adapter in entries(model, "adapters"):
            name = word(adapter, "name")
            if name and name in served:
                yield (
                    ("models", index, "adapters", position, "name"),
                    f"{shown(name)} is served by {served[name]} too: give one of them another name",
                )
            elif name:
                served[name] = f"models[{index}].adapters[{position}]"


def overflow_is_elected(data: Data) -> Found:
    """A workload overflows only where the customer elected overflow at all."""
    if mapping(data, "compliance").get("overflow", False) is not False:
        return
    for index, model in entries(data, "models"):
        if model.get("overflow") is True:
            reason = "overflow onto Fireworks' capacity was not elected: compliance.overflow is false"
            yield ("models", index, "overflow"), f"{reason}. Remove it here, or the customer elects it there"


def idle_models_may_go(data: Data) -> Found:
    """Only a model that may have no replica goes to zero."""
    for index, model in entries(data, "models"):
        fewest = number(mapping(model, "replicas"), "min")
        if "idle_to_zero" in mapping(model, "scaling") and fewest:
            yield (
                ("models", index, "scaling", "idle_to_zero"),
                f"needs replicas.min: 0, and it is {fewest}: correct whichever is wrong",
            )


def schedules_are_bounds(data: Data) -> Found:
    """Scheduled bounds stay inside what was agreed, as the others do."""
    approved, agreed = approved_gpus(data), mapping(data, "scaling")
    for index, model in entries(data, "models"):
        product, each = word(mapping(model, "gpu"), "product"), number(mapping(model, "gpu"), "per_replica")
        count = approved.get(product) if product else None
        for position, schedule in entries(mapping(model, "scaling"), "schedules"):
            place = ("models", index, "scaling", "schedules", position)
            fewest, most = number(schedule, "min"), number(schedule, "max")
            if fewest == 0 and agreed.get("scale_to_zero", False) is False:
                yield (*place, "min"), "0 needs scaling.scale_to_zero: true"
            if most is None:
                continue
            if fewest is not None and fewest > most:
                yield (*place, "min"), f"{fewest} is more than max, {most}: swap them"
            if excess := too_many(most, each, product, count, agreed):
                yield (*place, "max"), excess


def rollouts_can_end(data: Data) -> Found:
    """A rollout's deadline leaves time for its baking."""
    for index, model in entries(data, "models"):
        rollout = mapping(model, "rollout")
        deadline, bake = _span(rollout, "deadline"), _span(rollout, "bake") or timedelta(minutes=2)
        if deadline is not None and deadline <= bake:
            yield (
                ("models", index, "rollout", "deadline"),
                f"{shown(rollout['deadline'])} is not longer than rollout.bake: no rollout could ever end",
            )


def _span(parent: Data, key: str) -> timedelta | None:
    try:
        return parse_duration(word(parent, key) or "")
    except ValueError:
        return None


MODEL_RULES: tuple[Callable[[Data], Found], ...] = (
    parallelism_is_the_gpus,
    replicas_are_spread_evenly,
    models_are_no_candidates,
    adapters_have_names_of_their_own,
    overflow_is_elected,
    idle_models_may_go,
    schedules_are_bounds,
    rollouts_can_end,
)
