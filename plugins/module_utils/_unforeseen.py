# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The failed result of an error that nobody foresaw: of what kind it is, and where; what it says only with ``-vvv``."""

from __future__ import annotations

import traceback
from pathlib import PurePath
from typing import Any

from ._domain.record import screened
from ._domain.told import OWNER_OF_UNKNOWN, TASK_FAILED
from ._vocabulary.failure import failed_result
from ._vocabulary.harmless import harmless


def unforeseen(error: Exception, *, verbose: bool) -> dict[str, Any]:
    """Nobody knows what such an error quotes: a credential perhaps, or what speaks to a terminal.

    :param verbose: whether the result has it all as its ``traceback``, but for lines that look like a secret.
    """
    kind, last = type(error).__name__, traceback.extract_tb(error.__traceback__)[-1]
    result = failed_result(
        error=kind,
        code=TASK_FAILED,
        what=f"unexpectedly: {kind} in {PurePath(last.filename).name}, line {last.lineno}",
        next_step="run this again; if it ends so again, send Fireworks what it shows with -vvv",
        owner=OWNER_OF_UNKNOWN,
    )
    lines = "".join(traceback.format_exception(error)).splitlines()
    return {**result, "traceback": screened([harmless(line) for line in lines])} if verbose else result
