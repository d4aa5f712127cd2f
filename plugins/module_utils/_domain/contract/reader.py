# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the bytes of a contract's file to a contract."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .errors import ContractErrors, Problem
from .fractions import settled
from .libraries import library
from .schema import SCHEMA
from .validate import Rule, load_contract, problems_of
from .yaml_limits import is_too_deep, is_too_large
from .yaml_loader import loader_class

if TYPE_CHECKING:
    from .typed import Contract

# No honest contract comes near; a larger file is a mistake or an attack.
MAX_BYTES = 1_000_000


def parse_contract(raw: bytes, *, path: str, rules: Sequence[Rule] = ()) -> Contract:
    """The contract in the content ``raw`` of the file ``path``; otherwise as ``load_contract``.

    Keys that are written twice are reported together with what is wrong with the contract.
    """
    data, repeated = _data_of(_text_of(raw, path), path)
    if repeated:
        raise ContractErrors(repeated + problems_of(data, path=path))
    return load_contract(data, path=path, rules=rules)


def _text_of(raw: bytes, path: str) -> str:
    if len(raw) > MAX_BYTES:
        raise _only(path, "", f"the file is larger than {MAX_BYTES} bytes: it is not a contract")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        message = f"is not UTF-8 text (byte 0x{raw[error.start]:02x}): save the file as UTF-8"
        raise _only(path, f"line {line}", message) from None


def _data_of(text: str, path: str) -> tuple[Any, list[Problem]]:
    yaml = library("yaml", "PyYAML")
    if is_too_deep(text, yaml):
        raise _only(path, "", "the file nests values far deeper than a contract does: correct its brackets")
    try:
        loader = loader_class()(text)
        data = loader.get_single_data()
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _only(path, *_syntax_problem(error, text)) from None
    if is_too_large(data, text):
        raise _only(path, "", "the file's aliases (*) stand for far more than a contract holds: write the values out")
    repeated = [Problem(path, f"line {line}", key, message) for line, key, message in loader.repeated]
    return settled(data, SCHEMA), repeated


def _only(path: str, where: str, message: str) -> ContractErrors:
    return ContractErrors([Problem(path, where, None, message)])


def _syntax_problem(error: Exception, text: str) -> tuple[str, str]:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    reason = getattr(error, "problem", None) or getattr(error, "reason", None) or "its values cannot be read"
    lines = text.split("\n")
    line = lines[mark.line] if mark and mark.line < len(lines) else ""
    return f"line {mark.line + 1}" if mark else "", f"is not YAML that can be read: {reason}{_hint(str(reason), line)}"


def _hint(reason: str, line: str) -> str:
    if "\t" in line[: len(line) - len(line.lstrip())] or "'\\t'" in reason:
        return ". The line begins with a tab: indent with spaces"
    if "mapping values are not allowed" in reason:
        return ". Put a value that has a colon in quotes, or correct the indentation"
    if "could not determine a constructor" in reason:
        return ". Contracts hold plain data: no tags, and no encrypted values, for they never hold a secret"
    if "but found another document" in reason:
        return ". One file holds one contract: remove the line ---"
    return ""
