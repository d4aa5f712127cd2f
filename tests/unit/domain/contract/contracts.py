# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The example contract, changed in one place at a time."""

from __future__ import annotations

import copy
from functools import cache
from pathlib import Path
from typing import Any

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract import (
    ContractErrors,
    load_contract,
    parse_contract,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract.yaml_loader import loader_class

ROOT = Path(__file__).resolve().parents[4]
EXAMPLES = sorted((ROOT / "inventories" / "example" / "clusters").glob("*.yml"))
EXAMPLE = next(file for file in EXAMPLES if file.stem == "acme-eu-1")
PATH = "clusters/acme-eu-1.yml"
#: Takes the value away.
GONE = object()
H100 = "NVIDIA-H100-80GB-HBM3"


@cache
def _example() -> Any:
    return loader_class()(EXAMPLE.read_text(encoding="utf-8")).get_single_data()


def example(changes: dict[str, Any] | None = None) -> Any:
    """The example as it is written, with the value at each place of ``changes`` ("models.0.name") replaced."""
    data = copy.deepcopy(_example())
    for place, value in (changes or {}).items():
        *parents, last = [int(part) if part.isdecimal() else part for part in place.split(".")]
        target = data
        for part in parents:
            target = target[part]
        if value is GONE:
            del target[last]
        elif isinstance(target, list) and last == len(target):
            target.append(value)
        else:
            target[last] = value
    return data


def loaded(changes: dict[str, Any] | None = None) -> dict[str, Any]:
    """The changed example, valid."""
    return load_contract(example(changes), path=PATH)


def complaints(data: Any) -> dict[str, str]:
    """What is said about ``data``, by place."""
    try:
        load_contract(data, path=PATH)
    except ContractErrors as error:
        return {problem.where: problem.message for problem in error.problems}
    return {}


def complaints_about(changes: dict[str, Any]) -> dict[str, str]:
    """What is said about the changed example, by place."""
    return complaints(example(changes))


def reading_complaints(raw: bytes) -> dict[str, str]:
    """What is said about a file's content, by place."""
    try:
        parse_contract(raw, path=PATH)
    except ContractErrors as error:
        return {problem.where: problem.message for problem in error.problems}
    return {}


def model(name: str, **changes: Any) -> dict[str, Any]:
    """One model like the example's, under another name."""
    return {**copy.deepcopy(_example()["models"][0]), "name": name, "served_name": name, **changes}
