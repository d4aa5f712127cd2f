# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a contract's models may ask of its approved GPUs. Each rule tolerates data that other checks refuse."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .errors import shown
from .names import did_you_mean
from .views import entries, mapping, number, word

Data = Mapping[Any, Any]
Found = Iterator[tuple[tuple[Any, ...], str]]


def products_are_unique(data: Data) -> Found:
    """Each GPU product is approved once."""
    yield from _repeated(mapping(data, "capacity"), ("capacity", "gpus"), "product", "add the counts up in one entry")


def models_are_unique(data: Data) -> Found:
    """No two models share a name, nor the name that clients ask for."""
    yield from _repeated(data, ("models",), "name", "give one of them another name")
    served: dict[str, int] = {}
    for index, model in entries(data, "models"):
        name = word(model, "served_name") or word(model, "name")
        if name in served and "served_name" in model:
            yield (
                ("models", index, "served_name"),
                f"{shown(name)} is served by models[{served[name]}] too: give one of them another name",
            )
        elif name is not None:
            served.setdefault(name, index)


def scaling_fits(data: Data) -> Found:
    """One model is never allowed more GPUs than are approved."""
    limit, approved = number(mapping(data, "scaling"), "max_gpus_per_model"), approved_gpus(data)
    total = sum(approved.values())
    if limit and approved and limit > total:
        yield (
            ("scaling", "max_gpus_per_model"),
            f"{limit} is more than the {total} GPUs approved in capacity.gpus: write at most {total}",
        )


def models_fit(data: Data) -> Found:
    """Each model stays inside the approved GPUs and the scaling bounds."""
    approved, scaling = approved_gpus(data), mapping(data, "scaling")
    for index, model in entries(data, "models"):
        for place, message in _model_fits(model, approved, scaling):
            yield ("models", index, *place), message


def minimum_fits(data: Data) -> Found:
    """The models' fewest replicas fit, all together, into the approved GPUs of their product.

    A model that may scale to zero counts as one: it must be able to return.
    """
    approved = approved_gpus(data)
    shares: dict[str, list[tuple[str, int, int]]] = {}
    for index, model in entries(data, "models"):
        product, each = word(mapping(model, "gpu"), "product"), number(mapping(model, "gpu"), "per_replica")
        fewest = number(mapping(model, "replicas"), "min")
        # A model of which not even one replica fits has its own message.
        if product in approved and each and fewest is not None and each <= approved[product]:
            name = word(model, "name") or f"models[{index}]"
            shares.setdefault(product, []).append((name, max(1, fewest), each))
    for product, parts in shares.items():
        total = sum(fewest * each for _name, fewest, each in parts)
        if total > approved[product]:
            terms = " + ".join(f"{fewest} x {each} ({name})" for name, fewest, each in parts)
            message = f"the models' fewest replicas need {terms} = {total} GPUs of {product}, but {approved[product]} "
            advice = "are approved: lower replicas.min, or have more approved in capacity.gpus"
            yield ("models",), message + advice


def _model_fits(model: Data, approved: dict[str, int], scaling: Data) -> Found:
    product, each = word(mapping(model, "gpu"), "product"), number(mapping(model, "gpu"), "per_replica")
    fewest, most = number(mapping(model, "replicas"), "min"), number(mapping(model, "replicas"), "max")
    count = approved.get(product) if product else None
    if product and approved and count is None:
        message = f"{shown(product)} is not approved in capacity.gpus: {did_you_mean(product, approved)}"
        yield ("gpu", "product"), message
    if each and count is not None and each > count:
        yield ("gpu", "per_replica"), f"one replica needs {each} GPUs of {product}, but {count} are approved"
        return
    if fewest == 0 and scaling.get("scale_to_zero", False) is False:
        yield ("replicas", "min"), "0 needs scaling.scale_to_zero: true"
    if most is None:
        return
    if fewest is not None and fewest > most:
        yield ("replicas", "min"), f"{fewest} is more than replicas.max, {most}: swap them"
    if excess := too_many(most, each, product, count, scaling):
        yield ("replicas", "max"), excess


def too_many(most: int, each: int | None, product: str | None, count: int | None, scaling: Data) -> str | None:
    """Why ``most`` replicas of ``each`` GPUs are more than was agreed; None when they are not."""
    replicas, gpus = number(scaling, "max_replicas_per_model"), number(scaling, "max_gpus_per_model")
    if replicas and most > replicas:
        return f"{most} is more than scaling.max_replicas_per_model, {replicas}"
    if not each:
        return None
    needed = f"{most} x {each} = {most * each} GPUs"
    if gpus and most * each > gpus:
        return f"{needed} is more than scaling.max_gpus_per_model, {gpus}: at most {gpus // each} replicas"
    if count is not None and most * each > count:
        return f"{needed} of {product}, but {count} are approved: at most {count // each} replicas"
    return None


def approved_gpus(data: Data) -> dict[str, int]:
    """The approved GPUs by product, as far as they can be read."""
    approved: dict[str, int] = {}
    for _index, gpus in entries(mapping(data, "capacity"), "gpus"):
        product, count = word(gpus, "product"), number(gpus, "count")
        if product and count and count > 0:
            approved.setdefault(product, count)
    return approved


def _repeated(parent: Data, place: tuple[str, ...], key: str, advice: str) -> Found:
    first: dict[str, int] = {}
    for index, entry in entries(parent, place[-1]):
        name = word(entry, key)
        if name in first:
            yield (*place, index, key), f"{shown(name)} is in {place[-1]}[{first[name]}] already: {advice}"
        elif name is not None:
            first[name] = index


CAPACITY_RULES: tuple[Callable[[Data], Found], ...] = (
    products_are_unique,
    models_are_unique,
    scaling_fits,
    models_fit,
    minimum_fits,
)
