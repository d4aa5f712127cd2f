# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines that the fleet's owner would have to add. What a lookup looks up is never in them: a contract's text is."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any

from ..contract.typed import Contract
from .references import Reference, gives_token

_ORDER = ("contracts", "directories", "environment", "servers", "contexts", "lookups")


def line(key: str, values: Iterable[Any]) -> str:
    """One line of a customer's root: YAML that can be pasted."""
    return f"{key}: {json.dumps(list(values), ensure_ascii=False)}"


def line_for(reference: Reference) -> str:
    """The line that allows what a contract refers to."""
    return line(reference.key, [_value(reference)])


def entry(file: str, contract: Contract, references: Iterable[Reference]) -> str:
    """A customer's whole root, as one of its contracts needs it."""
    access, wanted = contract["access"], {"contracts": {file: None}}
    for reference in references:
        value = _value(reference)
        wanted.setdefault(reference.key, {})[json.dumps(value)] = value
    lines = [line("contracts", [file])]
    lines += [line(key, wanted[key].values()) for key in _ORDER if key in wanted and key != "contracts"]
    if gives_token(contract):
        lines.append(line("servers", [access["server"]]))
    return "\n".join(
        ["credential_roots:", f"  {contract['identity']['customer']}:", *(f"    {each}" for each in lines)]
    )


def _value(reference: Reference) -> Any:
    if reference.key == "directories":
        return str(PurePosixPath(reference.value).parent)
    if reference.key == "lookups":
        lookup = reference.value
        shown = {"plugin": lookup["plugin"], "terms": ["<a pattern of its terms>"] if lookup["terms"] else []}
        options = {name: ["<a pattern of its value>"] for name in lookup["options"]}
        return {**shown, "options": options} if options else shown
    return reference.value
