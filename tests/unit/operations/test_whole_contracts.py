# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every module that takes a contract refuses a part of one, before it asks anybody anything."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins import module_utils
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract.whole import lacking
from ansible_collections.fireworks.byoc.plugins.module_utils._operation import Context, Operation
from tests.unit.domain.contract.contracts import GONE, example

_PACKAGE = f"{module_utils.__name__}._operations"


def _operations() -> dict[str, Operation]:
    """Those that take a contract, by the modules of Python that they are in."""
    files = (Path(module_utils.__path__[0]) / "_operations").glob("*.py")
    modules = {file.stem: importlib.import_module(f"{_PACKAGE}.{file.stem}") for file in files}
    found = {name: getattr(module, "OPERATION", None) for name, module in modules.items()}
    return {name: one for name, one in sorted(found.items()) if one and "contract" in one.argument_spec}


PARTS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("nothing is lacking", {}, []),
    ("a section", {"contacts": GONE}, ["contacts"]),
    ("a value in a section", {"identity.uid": GONE}, ["identity.uid"]),
    ("a value of a model", {"models.0.name": GONE}, ["models[0].name"]),
    ("a section that may be left out", {"health": GONE}, []),
    ("what has another type is for the inventory to judge", {"identity": "acme"}, []),
]


@pytest.mark.parametrize(("changes", "lacks"), [row[1:] for row in PARTS], ids=[row[0] for row in PARTS])
def test_what_every_contract_has_is_known_by_the_schema(changes: dict[str, Any], lacks: list[str]) -> None:
    assert lacking(example(changes)) == lacks


@pytest.mark.parametrize("name", _operations())
def test_a_part_of_a_contract_is_refused_with_what_it_lacks(name: str) -> None:
    whole = example()
    part = {key: value for key, value in whole.items() if key not in ("contacts", "stack")}
    context = Context(check_mode=True, diff_mode=False, warn=print)
    result = _operations()[name].attempt({"contract": part}, context)
    assert (result["code"], result["owner"]) == ("invalid_input", "operator")
    assert "it lacks contacts, stack" in result["what"]


def test_the_operations_that_take_contracts_are_found() -> None:
    assert {"consolidation", "node_remediation", "records_info"} <= set(_operations())
