# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-lint has a file of its own: it takes as long as all other lints together, which then run beside it."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.rails.running import passes, variables
from tests.tools.environments import ROOT


def test_ansible_lint_passes_its_production_profile(tools, development):
    # ansible-lint installs a copy of the collection into ANSIBLE_HOME, and would believe an older run's over the tree.
    shutil.rmtree(Path(variables()["ANSIBLE_HOME"]) / "collections", ignore_errors=True)
    lint = [tools.bin / "python", "-m", "tests.rails.forking_lint"]
    env = variables(tools.bin, development.bin, PYTHONPATH=str(ROOT))
    passes([*lint, "--offline", "--profile", "production", "--strict"], log="ansible-lint", env=env)
