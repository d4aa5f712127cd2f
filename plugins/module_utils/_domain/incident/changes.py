# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was changed in a cluster, by what it keeps of that itself: whichever controller did it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..names import REVISION_OF_LABEL
from ..upgrade.entry import ENDS, parse

Raw = Mapping[str, Any]


def changes_of(revisions: Iterable[Raw], upgrades: Iterable[Raw]) -> list[dict[str, str]]:
    """The recorded revisions of models and the entries of upgrades, each as ``at``, ``model`` and ``what``.

    ``back``: of a rollback, and of what was rolled back already, that it was.
    """
    return [*map(_revision, revisions), *map(_upgrade, upgrades)]


def _revision(raw: Raw) -> dict[str, str]:
    metadata = raw["metadata"]
    model = str((metadata.get("labels") or {}).get(REVISION_OF_LABEL, ""))
    number = str(metadata["name"]).removeprefix(f"{model}-")
    return {"at": str(metadata.get("creationTimestamp") or ""), "model": model, "what": f"{model}: revision {number}"}


def _upgrade(raw: Raw) -> dict[str, str]:
    entry = parse(raw)
    at = entry.when or str(raw["metadata"].get("creationTimestamp") or "")
    kind = "rollback" if entry.restores else "upgrade"
    what = f"the stack: {kind} from {entry.source} to {entry.target}, {entry.state}"
    back = entry.restores or entry.state in (*ENDS, *ENDS.values())
    return {"at": at, "model": "", "what": what, "back": "yes" if back else ""}
