# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for all contracts and plans is tried on many more of them than each run has time for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.rails.running import UNTIMED, passes, variables
from tests.tools import environments

GROUPS = (
    "tests/unit/domain/scaling",
    "tests/unit/domain/rollout",
    "tests/unit/domain/contract/test_recurrence_rules.py",
)


@pytest.mark.parametrize("group", GROUPS)
def test_properties_hold_over_a_thousand_examples(group: str) -> None:
    development = environments.development()
    seed = int.from_bytes(os.environ["BYOC_SOAK_SEED"].encode())
    chosen = ("-m", "hypothesis", "--hypothesis-profile=long", f"--hypothesis-seed={seed}")
    said = passes(
        [development.bin / "python", "-m", "pytest", group, "-q", *chosen, *UNTIMED],
        log=f"properties-{Path(group).stem}",
        env=variables(development.bin),
        timeout=850,
    )
    assert " passed" in said
