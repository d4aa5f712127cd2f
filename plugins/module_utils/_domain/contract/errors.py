# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Problems in a contract, and their messages."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from .logins import holds_login

MOST = 20
"""So many problems of one file are shown; more of them would tell nothing more, as those of a file of another kind."""
REDACTED = "VALUE_SPECIFIED_BUT_NOT_SHOWN"

_PLAIN_KEY = re.compile(r"^[A-Za-z_][A-Za-z0-9_-]*$")


class Asked(Enum):
    """What a problem asks for, and of whom."""

    CORRECTION = "the contract's owner corrects this file"
    PERMISSION = "whoever operates the fleet decides whether to allow it"
    READING = "the operator sees to it that this file can be read here"


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in one contract.

    path: the contract file, as given by the caller.
    where: the place in the file, like ``models[0].gpu.product``; empty for the file as a whole.
    value: the offending value; None where there is none, and ``REDACTED`` where it is, or may have inside, a secret.
    message: what is wrong and what was meant.
    asked: who has to act, and how.
    """

    path: str
    where: str
    value: Any
    message: str
    asked: Asked = Asked.CORRECTION

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


class ContractErrors(Exception):
    """A contract cannot be used. ``problems`` has all of them, in the order of their places."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = list(problems)
        super().__init__(report(self.problems))


class LibraryMissing(Exception):
    """A Python library that reads contracts is not installed where Ansible runs."""

    def __init__(self, library: str, cause: BaseException | None) -> None:
        super().__init__(
            f"Contracts are read with the Python library {library}, which is not installed ({cause}). "
            f"Install it for the Python that runs Ansible: pip install {library}."
        )


def report(problems: list[Problem]) -> str:
    """The problems of one file as text: one headline, a line for each of the first, and how many are not shown."""
    path = problems[0].path if problems else "contract"
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    headline = f"{path}: {count}. {_asked(problems)}; nothing is done on its cluster until then."
    more = [f"  - and {len(problems) - MOST} more"] if len(problems) > MOST else []
    return "\n".join([headline, *(f"  - {problem}" for problem in problems[:MOST]), *more])


def _asked(problems: list[Problem]) -> str:
    """Who has to act."""
    asked = {problem.asked for problem in problems} or {Asked.CORRECTION}
    text = ", and ".join(each.value for each in Asked if each in asked)
    return text[:1].upper() + text[1:]


def where(parts: Iterable[Any]) -> str:
    """A place as people read it: ``("models", 0, "gpu")`` becomes ``models[0].gpu``."""
    text = ""
    for part in parts:
        if isinstance(part, int) and not isinstance(part, bool):
            text += f"[{part}]"
        elif isinstance(part, str) and _PLAIN_KEY.match(part):
            text += f".{part}" if text else part
        else:
            text += f"[{shown(part)}]"
    return text


def shown(value: Any, limit: int = 60) -> str:
    """A value inside a message: quoted, on one line and never longer than ``limit``."""
    if isinstance(value, str):
        if holds_login(value):
            return "the value (not shown)"
        # Slice first: repr() of a hostile megabyte is not free.
        text = repr(value[: limit + 1])
        return text if len(value) <= limit else text[:limit] + "…'"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, int):
        # Python refuses to print integers of more than 4300 digits.
        return str(value) if abs(value) < 10**limit else f"a number of more than {limit} digits"
    return {"dict": "a mapping", "list": "a list"}.get(type(value).__name__, f"a {type(value).__name__}")
