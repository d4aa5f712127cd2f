# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold between a contract's models, their engines and their GPUs, before there is any cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..capacity import approved, nodes_per_replica
from ..contract.defaults import said
from ..contract.errors import shown
from ..contract.names import did_you_mean
from ..contract.schema_model_objectives import INTER_TOKEN_LATENCY, TIME_TO_FIRST_TOKEN
from ..contract.schema_models import MODEL
from ..contract.typed import Contract, Model
from ..loading import load_seconds
from .engine import ENGINES, Engine, UnsupportedSourceError, spread
from .engine_adapter import TELLS, arguments
from .fit import MISFIT, fit

Data = Mapping[str, Any]
Found = Iterator[tuple[tuple[Any, ...], str]]

LATENCIES = (TIME_TO_FIRST_TOKEN, INTER_TOKEN_LATENCY)
_NODE = 8
"""The GPUs of a large node. What a cluster's nodes really have, its facts say later."""


def models_can_be_served(contract: Contract) -> Found:
    """Each model's engine is one of ours, and is asked only for what it can do and for what is not set already."""
    for index, model in enumerate(contract.get("models") or ()):
        engine = ENGINES.get(str(model["engine"]["name"]))
        for place, message in _engine_is_known(model) if engine is None else _engine_can(engine, model):
            yield ("models", index, *place), message


def models_fit_their_gpus(contract: Contract) -> Found:
    """One replica fits the memory of the GPUs that it names. What nobody can tell is no problem here."""
    for index, model in enumerate(contract.get("models") or ()):
        if str(model["engine"]["name"]) not in ENGINES:
            continue
        agreed = approved(contract)[model["gpu"]["product"]], contract["scaling"]["max_gpus_per_model"]
        most = min(_NODE * nodes_per_replica(model), *agreed)
        found = fit(model, most_gpus=most, agreed=min(agreed))
        if found.verdict == MISFIT:
            yield ("models", index, "gpu"), f"{model['name']} {MISFIT}: {found.told()}"


def _engine_is_known(model: Model) -> Found:
    name = str(model["engine"]["name"])
    yield ("engine", "name"), f"there is no engine {shown(name)}: {did_you_mean(name, ENGINES)}"


def _engine_can(engine: Engine, model: Model) -> Found:
    word = str(said(model, MODEL, "quantization"))
    if word != "none" and word not in engine.quantizations:
        known = did_you_mean(word, ["none", *engine.quantizations])
        yield ("quantization",), f"{engine.name} has no quantization {shown(word)}: {known}"
    for flag, value in arguments(model).items():
        if _unsets_quiet(engine, str(flag), value):
            yield ("engine", "arguments", flag), f"--{flag} would have requests logged: {TELLS}"
        elif ours := _reserved(engine, str(flag)):
            reason = f"--{flag} is not set here" if ours == flag else f"--{flag} would be read as --{ours}"
            yield ("engine", "arguments", flag), f"{reason}: {engine.reserved[ours]}"
    for objective in LATENCIES:
        if objective in (model.get("objectives") or {}) and objective not in engine.metrics.latencies:
            yield ("objectives", objective), f"{engine.name} does not count it at these bounds: remove it"
    try:
        engine.start(model)
        if (nodes := nodes_per_replica(model)) > 1:
            spread(model, nodes, load_seconds(model))
    except UnsupportedSourceError as error:
        yield error.place, error.reason


def _unsets_quiet(engine: Engine, flag: str, value: Any) -> bool:
    """Whether an argument is one that keeps requests out of the logs, turned around."""
    said = flag.removeprefix("no-")
    return any(ours.startswith(said) for ours in engine.quiet) and (said != flag or value is not True)


def _reserved(engine: Engine, flag: str) -> str:
    """The flag of ours that an argument is, or would be parsed as: engines know a flag by its beginning."""
    said = flag.partition(".")[0].removeprefix("no-")
    return next((ours for ours in engine.reserved if ours == said), "") or next(
        (ours for ours in engine.reserved if ours.startswith(said)), ""
    )


MODEL_RULES: tuple[Callable[[Contract], Found], ...] = (models_can_be_served, models_fit_their_gpus)
"""For ``load_contract``."""
