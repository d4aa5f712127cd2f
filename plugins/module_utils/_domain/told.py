# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a failed task says itself: what went wrong, by its code, and who has to act."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._vocabulary.owner import Owner

#: What Ansible and modules of others leave out of a failure: it is ours to look into.
TASK_FAILED = "task_failed"
OWNER_OF_UNKNOWN = Owner.FIREWORKS
#: By these a failure of ours is known.
_OURS = {"code", "owner", "what", "where", "next_step"}


def told_by(failed: Mapping[str, Any], task: str) -> dict[str, str]:
    """What a failed task says itself, and of others' failures a default."""
    cause = next((dict(turn) for turn in failed.get("results") or () if turn.get("failed")), failed)
    if set(cause) >= _OURS:  # other modules' results may have an `owner` too, which is that of a file
        return {key: str(cause[key]) for key in _OURS}
    what = f"{task}: {cause.get('msg') or 'it failed and did not say why'}"
    if "argument_errors" in cause:  # Ansible's own check of a role's options, which an inventory sets
        step = "correct what this names, and run this again"
        return {"code": "invalid_request", "owner": Owner.OPERATOR.value, "what": what, "where": "", "next_step": step}
    return {"code": TASK_FAILED, "owner": OWNER_OF_UNKNOWN.value, "what": what, "where": "", "next_step": ""}
