# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The name that somebody probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

# Words people use for ours that no spelling distance would find.
_SYNONYMS = {
    "az": "region",
    "blackouts": "freezes",
    "cloud": "provider",
    "gpu_count": "count",
    "image_registries": "registries",
    "location": "region",
    "replica": "replicas",
    "timezone": "time_zone",
    "tz": "time_zone",
    "zone": "region",
    "zones": "region",
}


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name closest to ``name``, or None when none is close.

    Letter case and the choice of dash or underscore never matter.
    """
    candidates = {_folded(one): one for one in sorted(known)}
    folded = _folded(name[:100])
    synonym = _SYNONYMS.get(folded)
    if synonym in candidates.values():
        return synonym
    close = difflib.get_close_matches(folded, candidates, n=1, cutoff=0.6)
    return candidates[close[0]] if close else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: its nearest known one, or all of them."""
    known = list(known)
    meant = nearest(name, known)
    if meant is not None:
        return f"did you mean '{meant}'?"
    return f"known here: {', '.join(known)}"


def _folded(name: str) -> str:
    return name.strip().lower().replace("-", "_").replace(" ", "_")
