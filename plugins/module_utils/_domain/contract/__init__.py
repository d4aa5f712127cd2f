# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract between a customer and Fireworks about one cluster: read, checked, completed."""

from __future__ import annotations

from .connection import connection_as, connection_of
from .digest import contract_digest
from .durations import parse_duration
from .errors import Asked, ContractErrors, LibraryMissing, Problem
from .fleet import duplicates
from .lookup_expression import lookup_expression
from .reader import parse_contract
from .schema import SCHEMA
from .validate import load_contract
from .windows import Freeze, Window, parse_freeze, parse_window

__all__ = [
    "SCHEMA",
    "Asked",
    "ContractErrors",
    "Freeze",
    "LibraryMissing",
    "Problem",
    "Window",
    "connection_as",
    "connection_of",
    "contract_digest",
    "duplicates",
    "load_contract",
    "lookup_expression",
    "parse_contract",
    "parse_duration",
    "parse_freeze",
    "parse_window",
]
