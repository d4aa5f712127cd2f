# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The libraries that read contracts. Not every machine that imports this package has them."""

from __future__ import annotations

import importlib
from functools import cache
from typing import Any

from .errors import LibraryMissing


@cache
def library(module: str, distribution: str) -> Any:
    """The module called ``module``. Raises LibraryMissing, naming the ``distribution`` to install."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise LibraryMissing(distribution, error) from error
