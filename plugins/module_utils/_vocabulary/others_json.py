# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON that somebody else wrote: annotations, answers, files. Brackets without end are no JSON either."""

from __future__ import annotations

import json
from typing import Any


def read_json(text: str | bytes, *, once: bool = False) -> Any:
    """What a text holds.

    :param once: no object may have a key twice, of which another reader would believe the other.
    :raises ValueError: it is no JSON, or is nested beyond what Python reads.
    """
    try:
        return json.loads(text, object_pairs_hook=_each_once if once else None)
    except RecursionError:
        raise ValueError("it is nested beyond reason") from None


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("it has a key twice")
    return found
