# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The published schema: what editors read is what validates."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from types import ModuleType
from typing import Any, NotRequired, get_args, get_origin, get_type_hints

import jsonschema
import pytest
import yaml

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract import SCHEMA
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract.formats import FORMATS
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract.typed import Contract
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.result_schema import SCHEMA as RESULT_SCHEMA
from tests.unit.domain.contract.contracts import EXAMPLES, ROOT


def properties(schema: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Every property of the schema with its place, at any depth."""
    for name, sub in schema.get("properties", {}).items():
        if sub is not False:
            yield f"{place}.{name}", sub
            yield from properties(sub, f"{place}.{name}")
    if "items" in schema:
        yield f"{place}[]", schema["items"]
        yield from properties(schema["items"], f"{place}[]")


ALL = dict(properties(SCHEMA))


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "schemas" / "generate.py")
    assert spec is not None and spec.loader is not None
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    return generate


def test_what_is_made_from_the_schemas_is_as_made() -> None:
    generate = generator()
    other = [path.name for path in generate.FILES if path.read_text(encoding="utf-8") != generate.text_of(path)]
    assert other == [], "run: python schemas/generate.py"


@pytest.mark.parametrize(("name", "schema"), [("contract", SCHEMA), ("result", RESULT_SCHEMA)])
def test_the_published_schema_is_the_one_that_validates(name: str, schema: Any) -> None:
    assert json.loads((ROOT / "schemas" / f"{name}.schema.json").read_text(encoding="utf-8")) == schema


@pytest.mark.parametrize("place", ["", *(place for place in ALL if "properties" in ALL[place])])
def test_each_mapping_has_a_type_with_its_keys(place: str) -> None:
    schema, declared = ALL.get(place, SCHEMA), Contract
    for key in place.strip(".").replace("[]", ".[]").split(".") if place else ():
        declared = get_args(declared)[0] if key == "[]" else get_type_hints(declared)[key]
    hints = get_type_hints(declared, include_extras=True)
    assert set(hints) == set(schema["properties"])
    assert {key for key, hint in hints.items() if get_origin(hint) is not NotRequired} == set(schema["required"])


def test_the_schema_is_a_valid_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("place", ALL)
def test_every_property_tells_an_editor_what_it_is(place: str) -> None:
    assert ALL[place]["title"] and ALL[place]["description"].endswith((".", "?"))
    assert ALL[place]["examples"]


@pytest.mark.parametrize("place", [place for place in ALL if ALL[place]["type"] not in ("object", "array")])
def test_every_example_of_a_value_is_a_valid_one(place: str) -> None:
    for value in ALL[place]["examples"]:
        jsonschema.Draft202012Validator(ALL[place]).validate(value)
        if "format" in ALL[place] and "…" not in value:
            FORMATS[ALL[place]["format"]](value)


@pytest.mark.parametrize("place", [place for place in ALL if "default" in ALL[place]])
def test_every_default_is_a_valid_value(place: str) -> None:
    jsonschema.Draft202012Validator(ALL[place]).validate(ALL[place]["default"])


def test_every_format_of_the_schema_has_its_check_and_every_check_its_use() -> None:
    assert {sub["format"] for sub in ALL.values() if "format" in sub} == set(FORMATS)


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_every_example_fits_the_published_schema_and_names_it(file: Any) -> None:
    text = file.read_text(encoding="utf-8")
    jsonschema.Draft202012Validator(SCHEMA).validate(yaml.safe_load(text))
    line = next(line for line in text.splitlines() if "yaml-language-server" in line)
    assert (file.parent / line.partition("$schema=")[2]).resolve() == ROOT / "schemas" / "contract.schema.json"
