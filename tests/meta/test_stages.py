# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each word that can stand under STAGE while a run is shown is explained in docs/results.md."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_stage_is_explained() -> None:
    section = (
        (ROOT / "docs" / "results.md").read_text(encoding="utf-8").partition("### Stages")[2].partition("\n## ")[0]
    )
    words = [
        word for row in re.findall(r"^\| (.+?) \| ", section, re.MULTILINE) for word in re.findall("`([^`]+)`", row)
    ]
    exact = {word for word in words if not word.endswith("…")}
    begins = tuple(word.removesuffix("…") for word in words if word.endswith("…"))
    exact |= {path.stem.replace("_", " ") for path in (ROOT / "playbooks").glob("*.yml")}
    roles = [path.name for path in (ROOT / "roles").iterdir()]
    stages = {*roles, *(path.stem.replace("_", " ") for path in (ROOT / "playbooks" / "tasks").glob("*.yml"))}
    assert {stage for stage in stages if stage not in exact and not stage.startswith(begins)} == set()
