# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a check comes to."""

from __future__ import annotations

from dataclasses import dataclass

PASSED, FAILED, UNPROVEN = "passed", "failed", "unproven"


@dataclass(frozen=True)
class Verdict:
    """A result, the evidence in words, and of a failure the next step and, if the customer's, the contact's topic."""

    result: str
    evidence: str
    next_step: str = ""
    topic: str = ""
