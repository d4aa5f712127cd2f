# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scenario that a role's author runs while working: converge, idempotence, verify, on the testbed."""

from __future__ import annotations

import pytest

from tests.rails.running import passes, variables
from tests.tools.environments import ROOT

SCENARIOS = sorted(path.parent.name for path in ROOT.glob("molecule/*/molecule.yml"))


@pytest.mark.soak
@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS or ["none"])
def test_molecule_converges_and_changes_nothing_the_second_time(scenario, tools, development):
    if not SCENARIOS:
        pytest.skip("the collection has no molecule scenario yet")
    clusters = ROOT / "molecule" / scenario / "vars" / "clusters.yml"
    beds = ["--clusters", clusters] if clusters.exists() else []
    env = variables(tools.bin, development.bin, PYTHONPATH=str(ROOT / "tests" / "testbed"))
    molecule = [tools.bin / "molecule", "test", "--scenario-name", scenario]
    command = [development.bin / "python", "-m", "byoc_testbed", "run", *beds, "--", *molecule]
    passes(command, log=f"molecule-{scenario}", env=env, timeout=900)
