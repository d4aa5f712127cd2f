# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole units of tests for each worker of pytest-xdist: tests/tools/sampling.py says what a unit is."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler.loadfile import LoadFileScheduling


class ByUnit(LoadFileScheduling):
    """:param units: where the workers write the unit of each test."""

    def __init__(self, config: pytest.Config, log: Any, units: Path) -> None:
        super().__init__(config, log)
        self._file = units

    @cached_property
    def _units(self) -> dict[str, str]:
        units: dict[str, str] = json.loads(self._file.read_text())
        return units

    def _split_scope(self, nodeid: str) -> str:
        return self._units[nodeid]
