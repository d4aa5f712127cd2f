# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The holes that are known and still open: what the oracle forbids and the guardrails let in.

A proof fails on any other one, and on each of these that it finds closed, so that none stays here for longer than it is
open. The list has to be empty before a release.
"""

from __future__ import annotations

from .prover import Hole

# scaling.max_gpus_per_model is in no policy yet.
_SHOWN: dict[str, dict[str, tuple[str, ...]]] = {
    "one product": {"Deployment": ("pod.gpus",)},
    "two products": {"LeaderWorkerSet": ("pod.gpus",), "Pod": ("counts by product",)},
}
SHOWN_BY = {
    contract: frozenset(Hole(kind, clause) for kind, clauses in kinds.items() for clause in clauses)
    for contract, kinds in _SHOWN.items()
}
"""By the contract under which a hole shows."""
KNOWN = frozenset(hole for shown in SHOWN_BY.values() for hole in shown)
