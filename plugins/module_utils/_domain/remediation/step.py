# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What there is to do with a node, as plain data, and what else is known of it when that is decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..._vocabulary.owner import Owner
from ..rollout.node_action import Given
from .capacity import Serving
from .journey import Patch

OBSERVE, RELEASE, RESTART, SUSPECTED, QUARANTINE = "observe", "release", "restart_pods", "suspect", "quarantine"
DRAIN_NODE, WAIT, REPAIR, RETURN, HAND_OVER, MARK = "drain", "wait", "repair", "return", "hand_over", "mark"
KEEP, TRY = "keep_pod", "try"


@dataclass(frozen=True)
class Step:
    """What to do with one node now.

    patch: what is written to the node before anything else is done; ``None`` where nothing is. pods: who leaves, for
    ``drain`` and ``restart_pods``; evidence: pods that began after it are others. partial: no pod but
    those leaves. first: which of them leave only after their replacements are Ready; held: those of ``first`` that
    stay otherwise. basis: what of the node it was decided by. owner: who has to act. goal: the
    repair, for ``repair`` and ``hand_over``. code: why it was decided that it waits (see ``permission``), empty for
    whatever else it waits for; blockers: all that is in its way, as outcomes have it; next_at: when it could go, in ISO
    8601. digest: what an approval of it names; approved_by: who gave that.
    """

    node: str
    do: str
    why: str
    state: str
    session: str = ""
    goal: str = ""
    owner: Owner = Owner.FIREWORKS
    patch: Patch | None = None
    pods: tuple[str, ...] = ()
    first: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    more: tuple[tuple[str, int], ...] = ()
    faults: tuple[str, ...] = ()
    evidence: float = 0.0
    partial: bool = False
    code: str = ""
    next_at: str = ""
    blockers: tuple[Mapping[str, Any], ...] = ()
    digest: str = ""
    approved_by: str = ""
    basis: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Seen:
    """What else is known of a node, besides itself and its faults.

    models: those with replicas on it. serving: the same, as :func:`capacity.advise` takes it. blind: which source of
    signs is missing. given: who asks for it, and who approved it. diagnosed: what a diagnostic or a canary said (passed
    or failed); required: which of these must have passed. spent: the models without any error budget left, each with
    why.
    """

    models: tuple[str, ...] = ()
    serving: tuple[Serving, ...] = ()
    blind: str = ""
    given: Given = field(default_factory=Given)
    diagnosed: Mapping[str, str] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    spent: Mapping[str, str] = field(default_factory=dict)
