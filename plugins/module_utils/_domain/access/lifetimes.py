# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long tokens of our accounts live: the contract says the most, and a playbook may ask for less."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..contract.defaults import said
from ..contract.durations import parse_duration
from ..contract.schema import SCHEMA
from ..contract.typed import Contract

OF_SETUP = 3600
"""The most seconds that a token may live which a setup grant asks for: it outlives the grant by no more."""


def token_lifetime(contract: Contract) -> int:
    """The most seconds that a token of our accounts lives: ``access.token_lifetime``."""
    return int(parse_duration(str(said(contract, SCHEMA, "access", "token_lifetime"))).total_seconds())


def lifetime_doubts(contracts: Iterable[Contract], asked: Any) -> list[str]:
    """The contracts that do not allow a lifetime of so many seconds, one sentence each; none asked for is the most."""
    if asked in (None, ""):
        return []
    return [
        f"{contract['identity']['name']} allows {most} s (access.token_lifetime), and {asked} s are asked for"
        for contract in contracts
        if int(asked) > (most := token_lifetime(contract))
    ]
